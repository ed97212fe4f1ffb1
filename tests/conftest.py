"""Settings for all tests: deterministic exploration, no deadlines (compilation counts as time)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from command import Simulate
from hypothesis import HealthCheck, settings

settings.register_profile(
    "signflip", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
settings.load_profile("signflip")

# One thread to a test process: small tensors lose more to a second thread than they gain.
torch.set_num_threads(1)


@pytest.fixture
def simulate(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Simulate:
    """The command, run in an empty directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))  # what a user's file makes importable goes with its test
    return Simulate(monkeypatch, capsys, tmp_path)
