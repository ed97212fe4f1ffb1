"""Settings for all tests: deterministic exploration, no deadlines (compilation counts as time).

SIGNFLIP_EXAMPLES=thorough, as `make test-all` sets it, explores with more examples.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import torch
from command import Simulate
from hypothesis import HealthCheck, settings

for name, examples in (("quick", 40), ("thorough", 100)):
    settings.register_profile(
        name,
        derandomize=True,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        database=None,
        max_examples=examples,
    )
settings.load_profile(os.environ.get("SIGNFLIP_EXAMPLES", "quick"))

# One thread to a test process: small tensors lose more to a second thread than they gain.
torch.set_num_threads(1)


# What these files prepare is dear, and used by many of their tests: one worker runs each of them.
TOGETHER = (
    *("test_laws", "test_lazy", "test_onestep", "test_radius_cli", "test_replay", "test_report"),
    *("test_report_in_browser", "test_robust_net_command", "test_runs", "test_statements_cli", "test_verify"),
)


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the groups in a hook of its own
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file that shares what it prepares on one worker of pytest-xdist (`--dist loadgroup`)."""
    for item in items:
        if item.path.stem in TOGETHER:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.fixture
def simulate(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Simulate:
    """The command, run in an empty directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))  # what a user's file makes importable goes with its test
    return Simulate(monkeypatch, capsys, tmp_path)
