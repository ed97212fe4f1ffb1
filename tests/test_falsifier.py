"""The hunt: what each stage finds alone, where it may go, and what it makes of a violation."""

from __future__ import annotations

import ast
import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import strategies as st

import theorems
from theorems import maths as m
from theorems.budget import QUICK, Budget
from theorems.domains import Domain, call
from theorems.falsifier import Findings, hunt
from theorems.falsifier.climb import climb
from theorems.falsifier.explore import explore
from theorems.falsifier.hunt import draws, structures
from theorems.judge import Judge
from theorems.ranges import Integers, Matrix, OneOf, Range, Reals, Sphere, Values, Vector
from theorems.sides import Sides
from theorems.statement import Broken

PATIENT = Budget(1.0, patience=60.0)
"""The work of the quick budget, however busy the machine is."""
STAGES: dict[str, Callable[..., None]] = {
    "structures": structures,
    "draws": draws,
    "Hypothesis": explore,
    "climb": climb,
}


def alone(stage: str, judge: Judge) -> bool:
    """Whether one stage finds a violation; the climb starts from what draws have seen."""
    findings = Findings()
    if stage == "climb":
        draws(judge, findings, Budget(0.1, patience=600), math.inf)
        assert findings.violation is None
    STAGES[stage](judge, findings, PATIENT, math.inf)
    return findings.violation is not None


def finders(domain: Domain, conclusion: Callable[..., Sides]) -> set[str]:
    """The stages that find a violation alone."""
    return {stage for stage in STAGES if alone(stage, Judge(domain, conclusion))}


# --- each stage is worth its time ------------------------------------------------------------------


def test_only_structures_find_special_numbers_together() -> None:
    """Two whole numbers below 10¹² that are one above different powers of two, 16 at least."""

    def special(n: int) -> bool:
        return n > 16 and (n - 1) & (n - 2) == 0

    domain = Domain(a=Integers(1, 10**12), b=Integers(1, 10**12))
    claim = lambda a, b: Sides.true(not (special(a) and special(b) and a != b))  # noqa: E731
    assert finders(domain, claim) == {"structures"}


class Plain(Range):
    """Real numbers without corners that help and without a gradient: left to Hypothesis."""

    def strategy(self, values: Values) -> st.SearchStrategy[int]:
        """Whole numbers."""
        return st.integers(0, 10**9)

    def contains(self, value: Any, values: Values) -> bool:
        """Whether it is one of them."""
        return isinstance(value, int) and 0 <= value <= 10**9

    def corners(self, values: Values) -> list[int]:
        """One."""
        return [0]


def test_only_hypothesis_finds_what_only_its_strategy_reaches() -> None:
    """A range of one's own, with a strategy and one corner; the target is climbed to a number above a million."""
    assert finders(Domain(a=Plain(), b=Plain()), lambda a, b: Sides(min(a, b), 1_000_000)) == {"Hypothesis"}


def test_only_the_climb_finds_a_constant_that_is_hardly_too_small() -> None:
    """Random directions in R^12 stay far below the spectral norm of a fixed matrix; the gradient reaches 95 % of it."""
    fixed = np.random.default_rng(7).standard_normal((12, 12))
    largest = float(np.linalg.norm(fixed, 2))

    def bilinear(x: Any, y: Any) -> Sides:
        W = torch.from_numpy(fixed) if isinstance(x, torch.Tensor) else fixed
        return Sides(x @ W @ y, 0.95 * largest * m.norm(x) * m.norm(y))

    assert finders(Domain(x=Vector(12), y=Vector(12)), bilinear) == {"climb"}


def test_random_steps_climb_where_torch_cannot_follow() -> None:
    """The same kind of claim through numpy alone, in four dimensions."""
    fixed = np.random.default_rng(7).standard_normal((4, 4))
    largest = float(np.linalg.norm(fixed, 2))

    def bilinear(x: Any, y: Any) -> Sides:
        x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
        return Sides(float(x @ fixed @ y), 0.99 * largest * float(np.linalg.norm(x) * np.linalg.norm(y)))

    findings = hunt(Judge(Domain(x=Vector(4), y=Vector(4)), bilinear), PATIENT)
    assert findings.violation is not None
    assert findings.found_by == "random steps"


# --- the gradient --------------------------------------------------------------------------------------


class Watched:
    """A conclusion that remembers the float64 instances, and counts the calls with tensors."""

    def __init__(self, conclusion: Callable[..., Sides]) -> None:
        self.conclusion, self.seen, self.batches = conclusion, [], 0  # type: ignore[var-annotated]

    def __call__(self, **values: Any) -> Sides:
        """Evaluate it."""
        if any(isinstance(value, torch.Tensor) for value in values.values()):
            self.batches += 1
        else:
            self.seen.append(values)
        sides = call(self.conclusion, values)
        assert isinstance(sides, Sides)
        return sides


@pytest.mark.parametrize(
    ("domain", "conclusion"),
    [
        (Domain(x=Vector(3, Reals(-1, 1, open=(True, True)))), lambda x: Sides(m.sum(x), 100)),
        (Domain(x=Sphere(4), y=Sphere(2, 4, radius=2)), lambda x, y: Sides(m.sum(x) + m.sum(y), 100)),
        (
            Domain(x=Vector(2), where={"‖x‖ <= 1": lambda x: m.norm(x) <= 1, "x₁ > 0": lambda x: x[0] > 0}),
            lambda x: Sides(x[0] + x[1] * x[1], 100),
        ),
        (
            Domain(eps=Reals(0, 2, open=(True, False)), x=Vector(3, Reals(lambda v: -v["eps"], "eps"))),
            lambda eps, x: Sides(m.norm(x) + eps, 100),
        ),
        (
            Domain(n=Integers(2, 3), s=Vector("n", OneOf(-1.0, 1.0)), x=Vector("n")),
            lambda s, x: Sides(s @ x, 100 + x @ x),
        ),
    ],
    ids=["box", "spheres", "conditions", "box of a variable", "signs"],
)  # fmt: skip
def test_no_stage_leaves_the_hypotheses(domain: Domain, conclusion: Callable[..., Sides]) -> None:
    """Every instance at which the conclusion is evaluated satisfies them, and the gradient did follow it."""
    watched = Watched(conclusion)
    findings = hunt(Judge(domain, watched), PATIENT)
    assert findings.violation is None
    assert watched.batches >= PATIENT.climbs
    assert len(watched.seen) > 500
    for instance in watched.seen:
        assert domain.fault(instance) is None


def test_the_climb_goes_to_the_edge_of_a_condition() -> None:
    """x₁ <= 0.999 is violated only next to the boundary of the unit disc."""
    domain = Domain(
        x=Vector(2), where={"‖x‖ <= 1": lambda x: m.norm(x) <= 1, "generic": lambda x: abs(x[1]) > 1e-6}
    )
    assert alone("climb", Judge(domain, lambda x: Sides(x[0], 0.999)))


def test_the_gradient_moves_all_restarts_in_one_call() -> None:
    """One evaluation with tensors a step, and three choices of sizes: not one for each of a dozen restarts."""
    watched = Watched(lambda n, x: Sides(m.norm(x, 1), n * m.norm(x)))
    hunt(Judge(Domain(n=Integers(1, 9), x=Vector("n")), watched), PATIENT)
    assert 0 < watched.batches <= PATIENT.groups * PATIENT.climbs


@pytest.mark.parametrize(
    "conclusion",
    [
        lambda x: Sides(float(np.sum(np.tanh(np.asarray(x, dtype=float)))), 4),
        lambda x: Sides(m.sum(m.tanh(x)), 4) if x[0] > 0 else Sides(0, 1),
        lambda x: Sides(1, 2),
        lambda x: Sides(len(set(x.tolist())), 9),
    ],
    ids=["a float", "a branch", "no variables", "a set"],
)
def test_a_conclusion_that_torch_cannot_follow_is_searched_all_the_same(
    conclusion: Callable[..., Sides],
) -> None:
    """Random steps take over, and nothing breaks."""
    findings = hunt(Judge(Domain(x=Vector(3)), conclusion), Budget(0.2, patience=60))
    assert findings.violation is None
    assert findings.found_by == "random steps"
    assert findings.met > 200


def test_the_search_never_imports_torch_by_itself() -> None:
    """Only functions import it, so a statement without real variables does not pay for it."""
    folder = Path(theorems.__file__).parent
    files = [*folder.glob("falsifier/*.py"), *folder.glob("ranges/*.py")]
    files += [
        folder / f"{name}.py"
        for name in ("maths", "arithmetic", "domains", "judge", "families", "sides", "trust")
    ]
    assert len(files) > 12
    for file in files:
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] == "torch" for name in names), file


# --- repeatable --------------------------------------------------------------------------------------


def test_the_same_seed_sees_the_same_instances() -> None:
    """Twice the same, bit for bit, and another seed something else."""
    seen = []
    for seed in (0, 0, 1):
        watched = Watched(lambda n, x: Sides(m.norm(x, 1), n * m.norm(x)))
        hunt(Judge(Domain(n=Integers(1, 9), x=Vector("n")), watched), Budget(0.3, patience=100, seed=seed))
        seen.append([(v["n"], v["x"].tobytes()) for v in watched.seen])
    assert seen[0] == seen[1] != seen[2]


_SCRIPT = """
import sys
if len(sys.argv) > 1:
    import local_module
from theorems import Budget, Domain, Integers, Sides, Universal
seen = []
def conclusion(a, b):
    seen.append((a, b))
    return Sides(0, 1)
domain = Domain(a=Integers(0, 10**9), b=Integers(0, 10**9))
Universal(id="x", domain=domain, conclusion=conclusion).check(Budget(0.5, patience=100))
print(hash(tuple(seen)))
"""  # fmt: skip


def test_what_else_is_imported_changes_nothing(tmp_path: Path) -> None:
    """Constants in other local modules are no examples, and nothing is written into the current directory."""
    (tmp_path / "local_module.py").write_text("X = [123457, 7654321, 99991, 31337, 271828]\n")
    (tmp_path / "script.py").write_text(_SCRIPT)
    before = sorted(path.name for path in tmp_path.iterdir())
    root = str(Path(theorems.__file__).parent.parent)
    answers = [
        subprocess.run(
            [sys.executable, "-B", "script.py", *arguments],
            cwd=tmp_path,
            env={"PYTHONPATH": root, "PATH": "", "PYTHONHASHSEED": "0"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for arguments in ([], ["with"])
    ]
    assert answers[0] == answers[1] != ""
    assert sorted(path.name for path in tmp_path.iterdir()) == before


# --- simple counterexamples -----------------------------------------------------------------------------


def smallest(domain: Domain, conclusion: Callable[..., Sides], **settings: Any) -> dict[str, Any]:
    """The violation that a hunt ends with, as JSON data."""
    findings = hunt(Judge(domain, conclusion, **settings), PATIENT)
    assert findings.violation is not None
    assert domain.contains(findings.violation)
    return domain.to_json(findings.violation)


@pytest.mark.parametrize(
    ("domain", "conclusion", "expected"),
    [
        (
            Domain(n=Integers(1, 12), x=Vector("n")),
            lambda x: Sides(m.norm(x, 1), m.sqrt(6.5) * m.norm(x)),
            {"n": 7, "x": [1.0] * 7},
        ),
        (
            Domain(m=Integers(1, 5), n=Integers(1, 5), A=Matrix("m", "n")),
            lambda A: Sides(m.frobenius_norm(A), m.spectral_norm(A)),
            {"m": 2, "n": 2, "A": [[0.0, 1.0], [1.0, 0.0]]},
        ),
        (Domain(t=Reals()), lambda t: Sides(t, 3.3), {"t": 10.0}),
        (
            Domain(a=Integers(0, 10**6), b=Integers(0, 10**6)),
            lambda a, b: Sides(a - b if a > 999 else 0, 41),
            {"a": 1000, "b": 0},
        ),
        (
            Domain(gamma=Reals(0, 1, open=(True, True), log=True)),
            lambda gamma: Sides(1e-7, gamma),
            {"gamma": 1e-8},
        ),
        (
            Domain(f=OneOf("a", "b", "c"), n=Integers(0, 9)),
            lambda f, n: Sides.true(f == "a" or n < 3),
            {"f": "b", "n": 3},
        ),
        (Domain(n=Integers(2, 5), x=Sphere("n")), lambda x, n: Sides(m.sum(x), 0.9 * n), {"n": 2, "x": [1.0, 1.0]}),
    ],
)  # fmt: skip
def test_counterexamples_can_be_checked_by_hand(
    domain: Domain, conclusion: Callable[..., Sides], expected: dict[str, Any]
) -> None:
    """The smallest size, then the simplest numbers, whatever was found first."""
    found = smallest(domain, conclusion)
    assert json.dumps(found) == json.dumps(expected)


@pytest.mark.parametrize("seed", range(5))
def test_an_ugly_violation_becomes_a_simple_one(seed: int) -> None:
    """From random matrices with 17 digits each to the two that everybody knows."""
    rng = np.random.default_rng(seed)
    domain = Domain(n=Integers(1, 5), A=Matrix("n", "n"), B=Matrix("n", "n"))

    def commute(A: Any, B: Any) -> Sides:
        return Sides(m.frobenius_norm(A @ B - B @ A), 1e-3 * m.frobenius_norm(A) * m.frobenius_norm(B))

    from theorems.falsifier.simplify import simplify

    start = {"n": 4, "A": rng.standard_normal((4, 4)), "B": rng.standard_normal((4, 4))}
    judge = Judge(domain, commute)
    assert judge.examine(start)[1]
    end = simplify(judge, start, PATIENT)
    assert judge.examine(end)[1]
    assert end["n"] == 2
    assert set(np.abs(end["A"]).ravel()) | set(np.abs(end["B"]).ravel()) <= {0.0, 1.0}
    assert np.count_nonzero(end["A"]) + np.count_nonzero(end["B"]) <= 3


# --- what is true stays true ----------------------------------------------------------------------------

R6 = {"n": Integers(1, 6), "x": Vector("n"), "y": Vector("n")}
TIGHT: dict[str, tuple[Domain, Callable[..., Sides]]] = {
    "Cauchy-Schwarz": (Domain(**R6), lambda x, y: Sides(m.abs(x @ y), m.norm(x) * m.norm(y))),
    "triangle": (Domain(**R6), lambda x, y: Sides(m.norm(x + y), m.norm(x) + m.norm(y))),
    "reverse triangle": (Domain(**R6), lambda x, y: Sides(m.abs(m.norm(x) - m.norm(y)), m.norm(x - y))),
    "‖x‖₁ <= √n ‖x‖₂": (Domain(**R6), lambda n, x: Sides(m.norm(x, 1), m.sqrt(n) * m.norm(x))),
    "Hölder": (Domain(**R6), lambda x, y: Sides(m.abs(x @ y), m.norm(x, 3) * m.norm(y, 1.5))),
    "ReLU is 1-Lipschitz": (
        Domain(a=Reals(), b=Reals()),
        lambda a, b: Sides(m.abs(m.relu(a) - m.relu(b)), m.abs(a - b)),
    ),
    "AM-GM": (
        Domain(n=Integers(1, 6), x=Vector("n", Reals(0))),
        lambda n, x: Sides(m.power(m.prod(x), 1 / n), m.mean(x)),
    ),
    "submultiplicative": (
        Domain(n=Integers(1, 3), A=Matrix("n", "n"), B=Matrix("n", "n")),
        lambda A, B: Sides(m.spectral_norm(A @ B), m.spectral_norm(A) * m.spectral_norm(B)),
    ),
    "‖A‖_F <= √n ‖A‖₂": (
        Domain(n=Integers(1, 3), A=Matrix("n", "n")),
        lambda n, A: Sides(m.frobenius_norm(A), m.sqrt(n) * m.spectral_norm(A)),
    ),
    "log-sum-exp": (
        Domain(n=Integers(1, 6), x=Vector("n")),
        lambda n, x: Sides(m.logsumexp(x), m.max(x) + m.log(n)),
    ),
    "softmax sums to 1": (
        Domain(n=Integers(1, 6), x=Vector("n")),
        lambda x: Sides.equal(m.sum(m.softmax(x)), 1),
    ),
    "tanh t < 1": (Domain(t=Reals()), lambda t: Sides(m.tanh(t), 1, "<")),
    "Pythagoras on the sphere": (Domain(n=Integers(1, 6), x=Sphere("n")), lambda n, x: Sides.equal(x @ x, n)),
}


@pytest.mark.parametrize("exact", [False, True], ids=["rounded", "exact"])
@pytest.mark.parametrize("name", TIGHT)
def test_true_inequalities_that_are_attained_are_never_refuted(name: str, exact: bool) -> None:
    """Two seeds each; equality is met up to rounding, so one rounding error too much would show."""
    domain, conclusion = TIGHT[name]
    for seed in range(2):
        findings = hunt(Judge(domain, conclusion, exact=exact), Budget(0.15, patience=200, seed=seed))
        assert findings.violation is None
        assert findings.met > 100
    assert findings.tightest is not None
    if "equal" not in conclusion.__code__.co_names:
        assert findings.tightest[0] == pytest.approx(1.0, rel=1e-9)


def test_the_same_inequalities_made_slightly_false_are_refuted() -> None:
    """With the larger side 1e-6 smaller every one of them falls: the search above did look."""
    for name, (domain, conclusion) in TIGHT.items():

        def false(conclusion: Callable[..., Sides] = conclusion, **values: Any) -> Sides:
            sides = conclusion(**{k: v for k, v in values.items() if k in conclusion.__code__.co_varnames})
            return Sides(sides.smaller * (1 + 1e-6), sides.larger, sides.relation)

        assert hunt(Judge(domain, false), PATIENT).violation is not None, name


def test_a_broken_conclusion_is_shown_at_a_simple_instance() -> None:
    """A negative number of 17 digits raises as well as −1 does."""

    def root(x: Any) -> Sides:
        if x[0] < -0.3 and x[1] > 0.7:
            raise ArithmeticError("no root")
        return Sides(0, 1)

    with pytest.raises(Broken, match=r"no root at x = \[-1, 1\]"):
        hunt(Judge(Domain(x=Vector(2)), root), PATIENT)


def test_rarely_met_conditions_do_not_hang_the_hunt() -> None:
    """Conditions that one in a thousand draws meets: few instances, counted as few, in about the usual work."""
    calls = 0

    def rare(x: Any) -> bool:
        nonlocal calls
        calls += 1
        return 0.3 < x[0] < 0.301

    findings = hunt(Judge(Domain(x=Vector(1), where={"rare": rare}), lambda x: Sides(x[0], 1)), QUICK)
    assert findings.violation is None
    assert findings.met < 1_000
    assert calls < 20_000
