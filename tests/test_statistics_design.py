"""Sample-size design: the promised power, summed exactly over all outcomes of the promised tests."""

import dataclasses
import math

import numpy as np
import pytest
from scipy import stats

from simulate.errors import BadInput
from simulate.statistics import (
    Design,
    clopper_pearson,
    mean_smallest_discrepancy,
    mean_trials_to_resolve,
    smallest_discrepancy,
    trials_to_resolve,
    two_sample_smallest_discrepancy,
    two_sample_trials_to_resolve,
)

CASES = [
    (0.5, 0.1, 0.05, 0.2),
    (0.5, 0.2, 1e-7, 1e-3),
    (0.1, 0.08, 0.01, 0.1),
    (0.93, 0.2, 1e-4, 0.01),
    (0.02, 0.3, 1e-3, 1e-3),
    (0.0, 0.05, 1e-7, 1e-3),
]


def power(trials, claimed, truth, false_alarm, departure="both"):
    """P(the Clopper–Pearson interval excludes the claim towards the truth), summed over all outcomes."""
    outcomes = np.arange(trials + 1)
    side = {"both": "both", "above": "lower", "below": "upper"}[departure]
    low, high = clopper_pearson(outcomes, trials, 1 - false_alarm, side)
    refutes = low > claimed if truth > claimed else high < claimed
    return stats.binom.pmf(outcomes, trials, truth)[refutes].sum()


def worst_power(trials, claimed, discrepancy, false_alarm, departure="both"):
    """The smaller of the powers at the two distances, where they are probabilities."""
    truths = {"above": claimed + discrepancy, "below": claimed - discrepancy}
    sides = truths if departure == "both" else [departure]
    return min(
        power(trials, claimed, truths[side], false_alarm, departure)
        for side in sides
        if 0 <= truths[side] <= 1
    )


@pytest.mark.parametrize(("claimed", "discrepancy", "false_alarm", "miss"), CASES)
@pytest.mark.parametrize("departure", ["both", "above", "below"])
def test_the_trials_are_the_fewest_that_do_from_there_on(claimed, discrepancy, false_alarm, miss, departure):
    """One trial fewer misses too often; that many, and larger numbers up to half as many again, do not."""
    room = {"both": 1, "above": 1 - claimed, "below": claimed}
    if discrepancy > room[departure]:
        with pytest.raises(BadInput, match=departure):
            trials_to_resolve(claimed, discrepancy, false_alarm, miss, departure)
        return
    n = trials_to_resolve(claimed, discrepancy, false_alarm, miss, departure)
    assert worst_power(n - 1, claimed, discrepancy, false_alarm, departure) < 1 - miss
    for more in [*range(n, n + 12), *np.linspace(n + 12, 1.5 * n + 12, 15).astype(int)]:
        assert worst_power(int(more), claimed, discrepancy, false_alarm, departure) >= 1 - miss


def test_the_power_is_a_saw_tooth_and_the_answer_lies_after_its_last_failure():
    """Some number below the answer has enough power, and a larger one below the answer has not."""
    n = trials_to_resolve(0.5, 0.1, 0.05, 0.2)
    does = [worst_power(m, 0.5, 0.1, 0.05) >= 0.8 for m in range(n - 12, n)]
    assert any(does)
    assert not does[-1]


def test_a_claim_of_zero_is_refuted_by_one_success():
    """At p₀ = 0 the miss probability is (1 − δ)^n, hence n = ⌈log miss / log(1 − δ)⌉."""
    assert trials_to_resolve(0.0, 0.01, 1e-7, 1e-3) == math.ceil(math.log(1e-3) / math.log(0.99))
    assert trials_to_resolve(1.0, 0.01, 1e-7, 1e-3) == math.ceil(math.log(1e-3) / math.log(0.99))
    assert trials_to_resolve(0.0, 1.0, 1e-7, 1e-3) == 1


def test_many_trials_approach_the_normal_formula():
    """At p₀ = ½ and δ = 10⁻³ the answer is (z_α + z_β)² / (4 δ²), up to what a few counts are worth."""
    n = trials_to_resolve(0.5, 1e-3, 1e-7, 1e-3)
    normal = (stats.norm.isf(5e-8) + stats.norm.isf(1e-3)) ** 2 / (4e-6)
    # One count more or less shifts n by 1/δ, and the Edgeworth correction at p = ½ is of relative order 1/n.
    assert abs(n - normal) < 3 / 1e-3


@pytest.mark.parametrize(("claimed", "discrepancy", "false_alarm", "miss"), CASES)
def test_the_smallest_discrepancy_has_the_power_and_no_smaller_one(claimed, discrepancy, false_alarm, miss):
    """At the returned discrepancy the power is met, at a thousandth less it is not, on the worse side."""
    for trials in (60, 61, 137, 500):
        found = smallest_discrepancy(trials, claimed, false_alarm, miss)
        for side in ("above", "below"):
            room = 1 - claimed if side == "above" else claimed
            if 0 < found < room:
                truth = claimed + found if side == "above" else claimed - found
                assert power(trials, claimed, truth, false_alarm) >= 1 - miss
        if found < min(claimed, 1 - claimed):
            assert worst_power(trials, claimed, 0.999 * found, false_alarm) < 1 - miss


def test_trials_and_discrepancy_are_inverse():
    """The designed number resolves the discrepancy it was designed for, and half of it does not."""
    for claimed, discrepancy, false_alarm, miss in CASES:
        n = trials_to_resolve(claimed, discrepancy, false_alarm, miss)
        # The discrepancy is rounded up by 1e-9.
        assert smallest_discrepancy(n, claimed, false_alarm, miss) <= discrepancy * (1 + 2e-9)
        assert smallest_discrepancy(n // 2, claimed, false_alarm, miss) > 1.2 * discrepancy


def test_a_side_without_room_counts_with_its_whole_length():
    """From 0.999 nothing above is ever seen in 1000 trials, so the discrepancy is that of the side below."""
    both = smallest_discrepancy(1000, 0.999, 1e-7, 1e-3)
    assert both == pytest.approx(smallest_discrepancy(1000, 0.999, 5e-8, 1e-3, "below"), rel=1e-12)
    with pytest.raises(BadInput, match=r"1000 trials cannot refute 0\.999"):
        smallest_discrepancy(1000, 0.999, 1e-7, 1e-3, "above")


def pairs_that_part(trials, false_alarm, departure="both"):
    """Which outcomes (first, second) give intervals that do not meet: second above, second below."""
    outcomes = np.arange(trials + 1)
    if departure == "both":
        low, high = clopper_pearson(outcomes, trials, 1 - false_alarm / 2)
    else:
        low = clopper_pearson(outcomes, trials, 1 - false_alarm / 2, "lower")[0]
        high = clopper_pearson(outcomes, trials, 1 - false_alarm / 2, "upper")[1]
    return low[None, :] > high[:, None], high[None, :] < low[:, None]


def two_sample_power(trials, first, second, false_alarm, departure="both"):
    """P(the two intervals part in the right direction), summed over all pairs of outcomes."""
    outcomes = np.arange(trials + 1)
    above, below = pairs_that_part(trials, false_alarm, departure)
    mass = stats.binom.pmf(outcomes, trials, first)[:, None] * stats.binom.pmf(outcomes, trials, second)
    return mass[above if second > first else below].sum()


@pytest.mark.parametrize(
    ("first", "discrepancy", "false_alarm", "miss", "departure"),
    [
        (0.5, 0.3, 0.05, 0.1, "both"),
        (0.5, 0.3, 0.05, 0.1, "below"),
        (0.2, 0.4, 1e-4, 1e-3, "both"),
        (0.05, 0.5, 1e-3, 0.01, "above"),
        (0.0, 0.3, 1e-3, 0.01, "both"),
    ],
)
def test_two_samples_are_told_apart(first, discrepancy, false_alarm, miss, departure):
    """The power, an exact double sum, is enough from the answer on, and is not at a tenth fewer trials."""
    n = two_sample_trials_to_resolve(first, discrepancy, false_alarm, miss, departure)
    sides = {"both": (1, -1), "above": (1,), "below": (-1,)}[departure]
    seconds = [first + sign * discrepancy for sign in sides if 0 <= first + sign * discrepancy <= 1]

    def worst(trials):
        return min(two_sample_power(trials, first, second, false_alarm, departure) for second in seconds)

    assert all(worst(trials) >= 1 - miss for trials in range(n, n + 10))
    # "Fewest" only up to what one count is worth, 2/δ.
    assert worst(int(n - 2 / discrepancy - 0.1 * n)) < 1 - miss
    found = two_sample_smallest_discrepancy(n, first, false_alarm, miss, departure)
    assert found <= discrepancy
    for sign in sides:
        if 0 <= first + sign * found <= 1:
            assert two_sample_power(n, first, first + sign * found, false_alarm, departure) >= 1 - miss
    smaller = [first + sign * 0.99 * found for sign in sides if 0 <= first + sign * 0.99 * found <= 1]
    assert min(two_sample_power(n, first, s, false_alarm, departure) for s in smaller) < 1 - miss


def test_equal_samples_are_rarely_told_apart():
    """The level, an exact double sum, is within the false-alarm rate at every probability."""
    for trials, false_alarm in ((10, 0.2), (60, 0.05)):
        for p in np.linspace(0.01, 0.99, 25):
            above, below = pairs_that_part(trials, false_alarm)
            mass = stats.binom.pmf(np.arange(trials + 1), trials, p)
            assert (mass[:, None] * mass)[above | below].sum() <= false_alarm


@pytest.mark.parametrize("departure", ["both", "above", "below"])
def test_a_mean_of_known_variance_has_the_normal_power(departure):
    """The power of the z test at the discrepancy is 1 − miss at the answer and less one value before."""
    for variance, discrepancy, false_alarm, miss in ((1.0, 0.1, 0.05, 0.2), (25.0, 0.7, 1e-7, 1e-3)):
        n = mean_trials_to_resolve(variance, discrepancy, false_alarm, miss, departure)
        critical = stats.norm.isf(false_alarm / 2 if departure == "both" else false_alarm)
        power_at = [stats.norm.sf(critical - discrepancy * math.sqrt(m / variance)) for m in (n - 1, n)]
        assert power_at[0] < 1 - miss <= power_at[1]
        assert mean_smallest_discrepancy(n, variance, false_alarm, miss, departure) <= discrepancy
        assert mean_smallest_discrepancy(n - 1, variance, false_alarm, miss, departure) > discrepancy
    assert mean_trials_to_resolve(1e-12, 1.0, 0.05, 0.2) == 1


def test_a_design_states_its_four_numbers():
    """Each maker fills in the trials, the record is frozen, and it prints as one line."""
    one = Design.for_proportion(0.9, 0.01, 1e-7, 1e-3)
    assert one.trials == trials_to_resolve(0.9, 0.01, 1e-7, 1e-3)
    two = Design.for_two_proportions(0.5, 0.2, 1e-3, 0.01, departure="above")
    assert two.trials == two_sample_trials_to_resolve(0.5, 0.2, 1e-3, 0.01, "above")
    mean = Design.for_mean(2.0, 0.1, 1e-7, 1e-3)
    assert mean.trials == mean_trials_to_resolve(2.0, 0.1, 1e-7, 1e-3)
    assert str(Design(1e-7, 0.001, 0.0125, 4321)) == (
        "4321 trials resolve 0.0125 (false alarm 1e-07, miss 0.001)"
    )
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.trials = 5


def test_a_design_refuses_trials_that_cannot_resolve_it():
    """Too few trials are refused with the number that is needed; enough, and lucky saw-teeth, are taken."""
    makers = [
        (Design.for_proportion, (0.5, 0.1, 0.05, 0.2)),
        (Design.for_two_proportions, (0.5, 0.3, 0.05, 0.1)),
        (Design.for_mean, (1.0, 0.1, 0.05, 0.2)),
    ]
    for make, numbers in makers:
        needed = make(*numbers).trials
        assert make(*numbers, trials=needed + 7).trials == needed + 7
        with pytest.raises(BadInput, match=rf"^{needed // 2} trials cannot resolve .* {needed} trials can$"):
            make(*numbers, trials=needed // 2)
    needed = Design.for_proportion(0.5, 0.1, 0.05, 0.2).trials
    for trials in range(needed - 12, needed):
        if worst_power(trials, 0.5, 0.1, 0.05) >= 0.8:
            assert Design.for_proportion(0.5, 0.1, 0.05, 0.2, trials=trials).trials == trials
        else:
            with pytest.raises(BadInput, match="cannot resolve"):
                Design.for_proportion(0.5, 0.1, 0.05, 0.2, trials=trials)


def test_a_check_with_the_returned_discrepancy_is_accepted():
    """What `smallest_discrepancy` returns for some trials, a design with these trials accepts."""
    for trials in (50, 333, 10_000):
        found = smallest_discrepancy(trials, 0.4, 1e-3, 0.01)
        assert Design.for_proportion(0.4, found, 1e-3, 0.01, trials=trials).trials == trials
    found = two_sample_smallest_discrepancy(200, 0.4, 1e-3, 0.01)
    assert Design.for_two_proportions(0.4, found, 1e-3, 0.01, trials=200).trials == 200
    found = mean_smallest_discrepancy(77, 3.0, 1e-3, 0.01)
    assert Design.for_mean(3.0, found, 1e-3, 0.01, trials=77).trials == 77


@pytest.mark.parametrize(
    ("call", "quoted"),
    [
        (lambda: trials_to_resolve(0.5, 0.6, 0.05, 0.2), "0.6"),
        (lambda: trials_to_resolve(0.5, 0.0, 0.05, 0.2), "0.0"),
        (lambda: trials_to_resolve(1.5, 0.1, 0.05, 0.2), "1.5"),
        (lambda: trials_to_resolve(0.5, 0.1, 0.0, 0.2), "0.0"),
        (lambda: trials_to_resolve(0.5, 0.1, 0.05, 1.0), "1.0"),
        (lambda: trials_to_resolve(0.5, 0.1, 0.5, 0.5), "0.5 and 0.5"),
        (lambda: trials_to_resolve(0.5, 0.1, 0.05, 0.2, "up"), "up"),
        (lambda: trials_to_resolve(0.5, 1e-9, 0.05, 0.2), "1e-09"),
        (lambda: smallest_discrepancy(0, 0.5, 0.05, 0.2), "0"),
        (lambda: smallest_discrepancy(10, 0.5, 1e-7, 0.2), "10 trials"),
        (lambda: two_sample_smallest_discrepancy(10, 0.5, 1e-7, 0.2), "10 trials"),
        (lambda: two_sample_trials_to_resolve(0.0, 0.1, 0.05, 0.2, "below"), "below"),
        (lambda: mean_trials_to_resolve(-1.0, 0.1, 0.05, 0.2), "-1.0"),
        (lambda: mean_trials_to_resolve(1.0, 1e-200, 0.05, 0.2), "1e-200"),
        (lambda: mean_smallest_discrepancy(2.5, 1.0, 0.05, 0.2), "2.5"),
        (lambda: Design.for_mean(1.0, 0.1, 0.05, 0.2, trials=0), "0"),
    ],
)
def test_bad_input_is_one_line_that_quotes_it(call, quoted):
    """Whatever makes no sense raises BadInput, in one line with the offending value."""
    with pytest.raises(BadInput, match=quoted) as caught:
        call()
    assert "\n" not in str(caught.value)
