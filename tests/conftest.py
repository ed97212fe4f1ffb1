"""Settings for all tests: deterministic exploration, no deadlines (compilation counts as time)."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "signflip", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
settings.load_profile("signflip")
