"""Statements "with probability at least 1 − γ" that an exact law decides."""

from __future__ import annotations

import math

import pytest
from scipy import special

from theorems import Domain, ExactLaw, HighProbability, Integers, Reals, Verdict
from theorems.statement import Broken
from theorems.verdicts import Counterexample


def normal(quantile, *, domain=None, **options):
    """P(|Z| > quantile(γ)) <= γ for a standard normal Z, by its exact tail."""
    return HighProbability(
        id="test.normal",
        title="a normal number is small",
        domain=domain or Domain(gamma=Reals(1e-300, 0.999)),
        law=ExactLaw(lambda gamma: math.log(2) + float(special.log_ndtr(-quantile(gamma)))),
        **options,
    )


def enough(gamma):
    """√(2 log(2/γ)), the union bound's quantile: true."""
    return math.sqrt(2 * math.log(2 / gamma))


def too_short(gamma):
    """√(log(1/γ)): false for small γ."""
    return math.sqrt(math.log(1 / gamma))


def test_a_true_bound_holds_by_the_exact_law():
    """The sub-Gaussian bound of a normal number holds at every γ, from 10⁻³⁰⁰ on, with exact evidence."""
    verdict = normal(enough).check()
    assert (verdict.status, verdict.evidence) == ("holds", "exact")
    assert "exact law" in verdict.amount
    assert 0 < verdict.tightness.ratio < 1


def test_a_false_bound_is_refuted_by_the_exact_law():
    """The quantile without its factor √2 is refuted, with exact evidence and both logarithms in the counterexample."""
    statement = normal(too_short)
    verdict = statement.check()
    assert (verdict.status, verdict.evidence) == ("refuted", "exact")
    found = verdict.counterexample
    gamma = found.instance["gamma"]
    assert found.larger == math.log(gamma)
    expected = math.log(2) + special.log_ndtr(-too_short(gamma)) - statement.law.rounding
    assert found.smaller == pytest.approx(expected, rel=1e-14)
    assert found.smaller > found.larger


def test_a_counterexample_replays_from_its_file(tmp_path):
    """Saved and loaded it gives the same sides, and a true statement is not contradicted by it."""
    statement = normal(too_short)
    statement.check().counterexample.save(tmp_path / "normal.json")
    found = Counterexample.load(tmp_path / "normal.json")
    replay = statement.replay(found)
    assert replay.stands
    assert replay.same
    assert not normal(enough).replay(found).stands
    outside = normal(too_short, domain=Domain(gamma=Reals(0.9, 0.999)))
    assert "gamma" in outside.replay(found).fault


def test_gamma_may_be_given_by_its_logarithm():
    """With a variable log_gamma, allowed probabilities of e^(−10⁶) are compared."""
    domain = Domain(log_gamma=Reals(-1e6, -1e-3))
    law = ExactLaw(lambda log_gamma: math.log(2) + float(special.log_ndtr(-math.sqrt(-2 * log_gamma))))
    # Φ̄(t) <= e^{−t²/2}/2
    assert HighProbability(id="test.log", domain=domain, law=law).check().status == "holds"
    law = ExactLaw(lambda log_gamma: math.log(2) + float(special.log_ndtr(-math.sqrt(-1.9999 * log_gamma))))
    verdict = HighProbability(id="test.log", domain=domain, law=law).check()
    assert verdict.status == "refuted"
    assert verdict.counterexample.instance["log_gamma"] < -1e3


def test_the_allowed_probability_may_be_a_function_of_the_variables():
    """The χ² upper tail n + 2√(nt) + 2t is passed with probability at most e^(−t), a claim about (n, t)."""

    def log_failure(n, t):
        return math.log(special.gammaincc(n / 2, n / 2 + math.sqrt(n * t) + t))

    def statement(rate):
        return HighProbability(
            id="test.chi-square",
            domain=Domain(n=Integers(1, 50), t=Reals(0.1, 200)),
            law=ExactLaw(log_failure),
            allowed=lambda t: -rate * t,
        )

    assert statement(1.0).check().status == "holds"
    assert statement(1.2).check().status == "refuted"


def test_the_rounding_of_the_law_is_given_to_the_claim():
    """A law that is 10⁻⁸ above what is allowed refutes nothing at rounding 10⁻⁷, and refutes at 10⁻⁹."""
    domain = Domain(gamma=Reals(0.1, 0.9))
    above = lambda gamma: math.log(gamma) + 1e-8  # noqa: E731
    assert HighProbability(id="t", domain=domain, law=ExactLaw(above)).check().status == "holds"
    assert HighProbability(id="t", domain=domain, law=ExactLaw(above, 1e-9)).check().status == "refuted"


def test_the_twin_is_refuted():
    """With 5 % less allowed than the largest P(failure)/γ that was met, the claim is refuted and replays."""
    statement = normal(enough)
    verdict = statement.check()
    twin = statement.twin(verdict)
    assert f"{0.95 * verdict.tightness.ratio:.3g}" in twin.title
    found = twin.check()
    assert found.status == "refuted"
    assert twin.replay(found.counterexample).stands


def test_without_a_comparison_there_is_no_twin():
    """A verdict that never compared two sides has no tightness to go beyond."""
    with pytest.raises(Broken, match="no twin"):
        normal(enough).twin(Verdict("vacuous"))


@pytest.mark.parametrize(
    ("law", "told"),
    [
        (lambda gamma: math.nan, "NaN"),
        (lambda gamma: math.log(-gamma), "ValueError"),
        (lambda delta: 0.0, "delta"),
    ],
)
def test_a_law_that_fails_is_broken(law, told):
    """NaN, an exception or an unknown variable give the verdict "broken", never a pass."""
    statement = HighProbability(id="t", domain=Domain(gamma=Reals(0.1, 0.9)), law=ExactLaw(law))
    verdict = statement.check()
    assert verdict.status == "broken"
    assert told in verdict.note


def test_an_empty_domain_is_vacuous():
    """Hypotheses that nothing meets are never a pass."""
    domain = Domain(gamma=Reals(0.1, 0.9), where={"γ above 1": lambda gamma: gamma > 1})
    assert normal(enough, domain=domain).check().status == "vacuous"
