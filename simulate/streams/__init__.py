"""Random numbers that are addressed, not stored: (seed, cell, trial, name, index) → number."""

from simulate.streams.philox import philox_words
from simulate.streams.stream import Stream, Workspace, stable_key

__all__ = ["Stream", "Workspace", "philox_words", "stable_key"]
