"""Random numbers that are addressed, not stored: (seed, cell, trial, name, index) → number."""

from simulate.streams.stale import drop_stale_code

drop_stale_code()  # before the compiled modules below are loaded

from simulate.streams.philox import philox_words  # noqa: E402 - see above
from simulate.streams.stream import Stream, Workspace, stable_key  # noqa: E402 - see above

__all__ = ["Stream", "Workspace", "philox_words", "stable_key"]
