"""Numbers in print: half a unit of the last digit, expressions at 50 digits, and what is no number."""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath
import pytest

from simulate.errors import BadInput
from theorems import Entry, Value, Verdict
from theorems import maths as m
from theorems.statement import Broken
from theorems.verdicts import Counterexample


def value(*entries):
    """A statement that prints these."""
    return Value(id="test.value", title="numbers", entries=entries)


def status(printed, recomputed, unit=None):
    """The verdict about one entry."""
    return value(Entry("x", printed, recomputed, unit)).check().status


@pytest.mark.parametrize(
    ("printed", "right", "wrong"),
    [
        ("0.36", ["0.355", "0.3649999", "0.365"], ["0.3549999", "0.3650001", "-0.36"]),
        ("-1.50", ["-1.495", "-1.505"], ["-1.494", "-1.506", "1.5"]),
        ("+2", ["1.5", "2.5"], ["1.49", "2.51"]),
        ("30,000", ["29999.5", "30000.4"], ["29999.4", "30001"]),
        ("1,234,567.8", ["1234567.76"], ["1234567.9"]),
        ("1e-3", ["0.0005", "0.00149"], ["0.00049", "0.00151"]),
        ("7.40E-22", ["7.404e-22"], ["7.41e-22"]),
        ("5.0e+3", ["5049"], ["5051"]),
        ("0", ["0", "0.5", "-0.5"], ["0.51"]),
    ],
)
def test_a_decimal_stands_for_the_numbers_that_round_to_it(printed, right, wrong):
    """Half a unit of the last printed digit is allowed to both sides, ties included, and no more."""
    for number in right:
        assert status(printed, lambda number=number: mpmath.mpf(number)) == "holds", number
    for number in wrong:
        assert status(printed, lambda number=number: mpmath.mpf(number)) == "refuted", number


def test_the_unit_says_which_digits_are_meant():
    """A round number, 793000 in thousands allows 500, and 0.5 if no unit is given."""
    assert status("793000", lambda: 793_432, unit=1000) == "holds"
    assert status("793000", lambda: 793_501, unit=1000) == "refuted"
    assert status("793000", lambda: 793_432) == "refuted"
    assert status("0.25", lambda: Fraction(26, 100), unit=0.02) == "holds"


def test_half_a_unit_is_decided_far_beyond_float64():
    """A number that is too far by 10⁻²⁵ of a unit is refuted, and 60 printed digits are all compared."""
    beyond = lambda: mpmath.mpf("0.365") + mpmath.mpf(10) ** -27  # noqa: E731
    assert status("0.36", beyond) == "refuted"
    digits = "1" * 60
    assert status(digits, lambda: int(digits)) == "holds"
    assert status(digits, lambda: int(digits) + 1) == "refuted"


def test_a_float_is_trusted_to_twelve_digits():
    """A tie that float64 rounds to the other side is still a tie; a difference in the twelfth digit is none."""
    assert status("1.2", lambda: 1.15) == "holds"
    assert Fraction(115, 100) > 1.15
    assert status("0.36", lambda: 0.365 + 1e-11) == "refuted"


def test_expressions_are_compared_at_fifty_digits():
    """Two expressions that are equal hold; a difference of 10⁻³⁰ is refuted."""
    assert status(lambda: m.sqrt(2) * m.sqrt(8), lambda: 4) == "holds"
    assert status(lambda: m.exp(m.pi() * m.sqrt(163)), lambda: 262537412640768744) == "refuted"
    assert status(lambda: 1 + mpmath.mpf(10) ** -30, lambda: 1) == "refuted"
    assert status(lambda: Fraction(1, 3), lambda: m.to_number(1) / 3) == "holds"
    assert status(lambda: 0, lambda: 0) == "holds"


@pytest.mark.parametrize(
    ("printed", "recomputed", "unit", "told"),
    [
        ("3,00", lambda: 3, None, "'3,00'"),
        ("about 7", lambda: 7, None, "'about 7'"),
        ("50%", lambda: 0.5, None, "'50%'"),
        ("1/3", lambda: 0.33, None, "'1/3'"),
        ("nan", lambda: 1, None, "'nan'"),
        ("", lambda: 0, None, "''"),
        ("1.", lambda: 1, None, "'1.'"),
        ("−1", lambda: -1, None, "'−1'"),
        ("2", lambda: math.nan, None, "nan"),
        ("2", lambda: mpmath.inf, None, "inf"),
        ("2", lambda: 1 // 0, None, "ZeroDivisionError"),
        ("2", lambda: "two", None, "two"),
        ("2", lambda: 2, 0.0, "unit"),
        ("2", lambda: 2, math.inf, "unit"),
        (lambda: 0.5, lambda: Fraction(1, 2), None, "float"),
        (lambda: Fraction(1, 2), lambda: math.sqrt(0.25), None, "float"),
        (lambda: undefined, lambda: 1, None, "NameError"),  # noqa: F821
    ],
)
def test_what_is_no_number_is_broken_and_named(printed, recomputed, unit, told):
    """An expression that fails, is not finite or is too short, and text that is no decimal, never pass."""
    verdict = value(Entry("entry 7", printed, recomputed, unit)).check()
    assert verdict.status == "broken"
    assert told in verdict.note
    assert "entry 7" in verdict.note


def test_every_wrong_number_is_named():
    """The first wrong number is the counterexample, the others stand in the note."""
    statement = value(
        Entry("a", "1", lambda: 1),
        Entry("b", "2", lambda: 3),
        Entry("c", "4", lambda: 4),
        Entry("d", "5", lambda: 6),
    )
    verdict = statement.check()
    assert (verdict.status, verdict.evidence, verdict.amount) == ("refuted", "exact", "4 numbers recomputed")
    assert verdict.counterexample.words == "b: printed 2, recomputed 3.0"
    assert verdict.note == "2 of them differ, also d: printed 5, recomputed 6.0"


def test_the_tightness_names_the_entry_that_is_nearest_to_wrong():
    """The ratio is the distance over half a unit."""
    verdict = value(Entry("far", "1.0", lambda: 1), Entry("near", "2.0", lambda: Fraction(204, 100))).check()
    assert verdict.tightness.ratio == pytest.approx(0.8, rel=1e-12)
    assert verdict.tightness.instance == {"entry": "near"}


def test_no_numbers_are_vacuous_and_equal_labels_broken():
    """Nothing printed is nothing checked, and a label must tell which number a counterexample is about."""
    assert value().check().status == "vacuous"
    twice = value(Entry("a", "1", lambda: 1), Entry("a", "2", lambda: 2))
    assert twice.check().status == "broken"


@pytest.mark.parametrize(
    "entry",
    [
        Entry("decimal", "0.36", lambda: Fraction(36, 100)),
        Entry("at a tie", "0.36", lambda: Fraction(355, 1000)),
        Entry("thousands", "30,000", lambda: 30_000),
        Entry("power", "7.4e-22", lambda: mpmath.mpf("7.39e-22")),
        Entry("unit", "793000", lambda: 793_432, 1000),
        Entry("long", "1" * 60, lambda: int("1" * 60)),
        Entry("expression", lambda: m.sqrt(2), lambda: m.sqrt(2)),
        Entry("zero", lambda: 0, lambda: 0),
        Entry("printed zero", "0.0", lambda: 0),
    ],
    ids=lambda entry: entry.label,
)
def test_every_twin_is_refuted(entry):
    """A number moved by two units of its last digit, or by 1 %, is found wrong, and its counterexample replays."""
    statement = value(entry)
    verdict = statement.check()
    assert verdict.status == "holds"
    twin = statement.twin(verdict)
    assert "moved by" in twin.title
    found = twin.check()
    assert found.status == "refuted"
    assert twin.replay(found.counterexample).stands


def test_a_counterexample_replays_from_its_file(tmp_path):
    """Saved and loaded, it gives the same sides bit for bit, in float64 and with 50 digits."""
    statement = value(Entry("π", "3.15", m.pi))
    found = statement.check().counterexample
    found.save(tmp_path / "pi.json")
    replay = statement.replay(Counterexample.load(tmp_path / "pi.json"))
    assert replay.stands
    assert replay.same
    assert replay.precise.smaller == pytest.approx(0.00840734641, abs=1e-11)
    assert replay.note == "π: printed 3.15, recomputed 3.14159265359"


def test_a_replay_does_not_stand_once_the_number_is_corrected():
    """The same label with the right number in print contradicts nothing; an unknown label is an error."""
    found = value(Entry("π", "3.15", m.pi)).check().counterexample
    replay = value(Entry("π", "3.14", m.pi)).replay(found)
    assert not replay.stands
    assert not replay.same
    with pytest.raises(BadInput, match="π"):
        value(Entry("e", "2.718", lambda: m.exp(1))).replay(found)


def test_a_value_without_numbers_has_no_twin():
    """There is nothing to move."""
    with pytest.raises(Broken, match="no number"):
        value().twin(Verdict("vacuous"))
