"""The scripts in examples/ run, and print what is true."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SCRIPT = Path(__file__).parent.parent / "examples" / "fgsm.py"


def ran(*options: str) -> subprocess.CompletedProcess[str]:
    """The script as a user runs it."""
    return subprocess.run(
        [sys.executable, str(SCRIPT), *options], capture_output=True, text=True, check=False
    )


def numbers(line: str, text: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The numbers after a line's name."""
    match = re.search(rf"^{re.escape(line)}:(.*)$", text, re.MULTILINE)
    assert match, f"{line!r} is not printed:\n{text}"
    return np.array([float(one) for one in match[1].replace("->", " ").split()])


def expected(seed: int, epsilon: float) -> dict[str, Any]:
    """Everything that the script prints, from eq. (6) with the closed form, in numpy."""
    A, B, C, x = (one.numpy() for one in runpy.run_path(str(SCRIPT))["draw"](seed))

    def network(point: Any) -> Any:
        return C @ np.maximum(B @ np.maximum(A @ point, 0), 0)

    def softmax(y: Any) -> Any:
        return np.exp(y) / np.exp(y).sum()

    first = A @ x
    F = C @ np.diag(B @ np.maximum(first, 0) > 0) @ B @ np.diag(first > 0) @ A
    before = network(x)
    after = network(x + epsilon * np.sign(F[1] - softmax(before) @ F))
    return {
        "closed form F": F[1],
        "logits before": before,
        "logits after": after,
        "probability of class 1": [softmax(before)[1], softmax(after)[1]],
        "largest change of a coordinate": [epsilon],
        "class": (int(before.argmax()), int(after.argmax())),
    }


@pytest.mark.parametrize(
    ("seed", "epsilon", "verdict"),
    [(0, 0.25, "the target"), (0, 0.5, "unchanged"), (2, 0.1, "changed, not the target")],
)
def test_fgsm_prints_what_the_closed_form_gives(seed: int, epsilon: float, verdict: str) -> None:
    """Logits, probabilities, the step and the class are those of eq. (6) with F_i, recomputed in numpy."""
    answer = ran("--seed", str(seed), "--epsilon", str(epsilon))
    assert answer.returncode == 0, answer.stderr
    truth = expected(seed, epsilon)
    source, reached = truth.pop("class")
    assert f"class: {source} -> {reached} ({verdict})" in answer.stdout
    for line, values in truth.items():
        digits = 1e-4 if line.startswith("probability") else 1e-6
        assert numbers(line, answer.stdout) == pytest.approx(values, rel=0, abs=0.51 * digits)
    assert numbers("largest distance from autograd", answer.stdout) <= 1e-14


def test_fgsm_refuses_a_step_of_nothing() -> None:
    """A step of 0 gets one line that says what to change."""
    answer = ran("--epsilon", "0")
    assert answer.returncode == 2
    assert answer.stderr.splitlines()[-1].endswith("--epsilon must be above 0, got 0")
