"""Settings for all tests: deterministic exploration, no deadlines (compilation counts as time)."""

from __future__ import annotations

import torch
from hypothesis import HealthCheck, settings

settings.register_profile(
    "signflip", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
settings.load_profile("signflip")

# One thread to a test process: small tensors lose more to a second thread than they gain.
torch.set_num_threads(1)
