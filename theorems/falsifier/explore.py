"""Hypothesis explores the hypotheses, steered towards violations, and shrinks what it finds."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity, errors, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture import providers

from theorems.budget import Budget
from theorems.domains import Instance
from theorems.falsifier.findings import Findings
from theorems.judge import Judge
from theorems.statement import Broken


class _Violated(Exception):
    """Tells Hypothesis that an example fails."""


class _Enough(BaseException):
    """Ends Hypothesis at once: the budget or the time is spent."""


_ATTEMPTS = 2
"""Runs for each example that is wanted: many runs of its optimiser end before they have drawn all variables."""
_SHRINKS = 200
"""Runs to shrink a violation; `simplify` goes on where they end."""


def explore(judge: Judge, findings: Findings, budget: Budget, deadline: float) -> None:
    """Let Hypothesis look for a violation, and shrink the first.

    Raises:
        Broken: the statement's own code failed; at the simplest instance that Hypothesis could find.

    """
    findings.found_by = "Hypothesis"
    instances = judge.domain.strategy_of_ranges()
    attempts = 0
    broken: Broken | None = None

    @st.composite
    def counted(draw: st.DrawFn) -> Instance:
        nonlocal attempts
        attempts += 1
        shrinking = findings.violation is not None
        if attempts > _ATTEMPTS * budget.examples + (_SHRINKS if shrinking else 0):
            raise _Enough
        if time.monotonic() > deadline:
            findings.cut_short = not shrinking
            raise _Enough
        return draw(instances)

    def look(instance: Instance) -> None:
        nonlocal broken
        simplest, findings.violation = findings.violation, None
        try:
            if not judge.domain.contains(instance):
                hypothesis.reject()
            sides = findings.look(judge, instance)
        except Broken as error:
            broken = error
            raise
        finally:
            findings.violation = findings.violation or simplest
        if findings.violation is not simplest:
            # Hypothesis only goes on to simpler ones.
            raise _Violated
        if sides is not None and sides.score > -1e300:
            hypothesis.target(min(sides.score, 1e300))

    quietly = settings(
        max_examples=budget.examples,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.target, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
    )
    test = hypothesis.seed(budget.seed)(quietly(hypothesis.given(counted())(look)))
    try:
        with _whatever_is_imported():
            test()
    except (_Enough, _Violated, errors.Flaky, errors.Unsatisfiable):
        # What was found is in the findings; conditions that are hardly ever met leave it to the other stages.
        if broken is not None:
            raise broken from None


@contextlib.contextmanager
def _whatever_is_imported() -> Iterator[None]:
    """The same examples whatever other modules are loaded.

    Hypothesis collects constants from the source of all local modules, and caches them on disk; then a
    statement's examples would depend on what was checked before it.
    """
    internal: Any = providers
    if not all(hasattr(internal, name) for name in ("_get_local_constants", "CONSTANTS_CACHE", "LRUCache")):
        # A version of Hypothesis that does it otherwise.
        yield
        return
    before = internal._get_local_constants, internal.CONSTANTS_CACHE
    none = internal.Constants()
    internal._get_local_constants, internal.CONSTANTS_CACHE = lambda: none, internal.LRUCache(1024)
    try:
        yield
    finally:
        internal._get_local_constants, internal.CONSTANTS_CACHE = before
