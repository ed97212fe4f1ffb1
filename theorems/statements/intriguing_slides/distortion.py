"""Numbers on the slides: Table 5's product, and by how much the distortion is magnified."""

from __future__ import annotations

from fractions import Fraction
from math import prod
from typing import Any

from theorems import Domain, Entry, Integers, Sides, Universal, Value, Vector
from theorems import maths as m
from theorems.statements.intriguing_slides.source import slide

_UPPER_BOUNDS = ("2.75", "10", "7", "7.5", "11", "3.12", "4", "4")

table_5 = Value(
    id="004.table-5",
    title="product of the upper bounds of the layers",
    text=r"$2.75 \times 10 \times 7 \times 7.5 \times 11 \times 3.12 \times 4 \times 4 \approx 793000$.",
    reading="the product of the eight upper bounds of Table 5 rounds to 793 thousand",
    source=slide("Table 5"),
    entries=(
        Entry(
            "product of the upper bounds",
            "793000",
            lambda: m.number(str(float(prod(map(Fraction, _UPPER_BOUNDS))))),
            unit=1000,
        ),
    ),
)

_MAGNIFIED = slide("Cross-model-and-training-set Generalization")


def _increase(before: str, after: str) -> Any:
    return 100 * (m.number(after) / m.number(before) - 1)


magnification = Value(
    id="004.magnification",
    title="the distortion is magnified by 40 %",
    text=r"To magnify the distortion, $x + 0.1 \frac{r}{\|r\|_2}$ is used in place of $x'$. On average the "
    "distortion becomes larger by 40%, from stddev 0.06 to 0.1.",
    reading="the step from 0.06 to 0.1, in percent of 0.06, rounds to 40 in units of 10",
    source=_MAGNIFIED,
    entries=(Entry("increase from 0.06 to 0.1 in percent", "40", lambda: _increase("0.06", "0.1"), unit=10),),
)

magnification_corrected = Value(
    id="004.magnification.corrected",
    title="the distortion is magnified by 67 %",
    text=r"This magnifies the distortion by 67%, from stddev 0.06 to 0.1; 0.06 is 40% below 0.1.",
    reading="the step from 0.06 to 0.1, in percent of 0.06, rounds to 67, and in percent of 0.1 it is 40. From the "
    "three values of Table 4, 0.062, 0.059 and 0.058, it is 61, 69 and 72",
    source=_MAGNIFIED,
    corrects="004.magnification",
    repair="constant",
    entries=(
        Entry("increase from 0.06 to 0.1 in percent", "67", lambda: _increase("0.06", "0.1")),
        Entry("0.06 below 0.1 in percent of 0.1", "40", lambda: -_increase("0.1", "0.06")),
        Entry("increase from 0.062 to 0.1 in percent", "61", lambda: _increase("0.062", "0.1")),
        Entry("increase from 0.059 to 0.1 in percent", "69", lambda: _increase("0.059", "0.1")),
        Entry("increase from 0.058 to 0.1 in percent", "72", lambda: _increase("0.058", "0.1")),
    ),
)


def _distortion(difference: Any) -> Any:
    """The measure of Table 1: √(Σ(x'_i − x_i)²/n)."""
    return m.norm(difference) / m.sqrt(len(difference))


_PERTURBATIONS = Domain(n=Integers(1, 8), r=Vector("n"), where={"r is not 0": lambda r: m.norm(r) > 0})

magnified_distortion = Universal(
    id="004.magnified-distortion",
    title="a perturbation scaled to norm 0.1 has the distortion 0.1",
    text=r"The distortion is measured by $\sqrt{\frac{\sum_i (x'_i - x_i)^2}{n}}$. Using the examples $x + "
    r"0.1 \frac{r}{\|r\|_2}$ instead of $x'$ magnifies the distortion to stddev 0.1.",
    reading="for all n and r ∈ R^n, r ≠ 0: the distortion of x + 0.1·r/‖r‖₂ is 0.1",
    source=_MAGNIFIED,
    domain=_PERTURBATIONS,
    conclusion=lambda r: Sides.equal(_distortion(m.number("0.1") * (r / m.norm(r))), m.number("0.1")),
)

magnified_distortion_corrected = Universal(
    id="004.magnified-distortion.corrected",
    title="a perturbation scaled to norm 0.1·√n has the distortion 0.1",
    text=r"Using the examples $x + 0.1 \sqrt{n} \frac{r}{\|r\|_2}$ instead of $x'$ magnifies the distortion "
    r"to stddev 0.1; for $n = 784$ pixels this is $x + 2.8 \frac{r}{\|r\|_2}$.",
    reading="for all n and r ∈ R^n, r ≠ 0: the distortion of x + 0.1·√n·r/‖r‖₂ is 0.1",
    source=_MAGNIFIED,
    corrects="004.magnified-distortion",
    repair="constant",
    domain=_PERTURBATIONS,
    conclusion=lambda r, n: Sides.equal(
        _distortion(m.number("0.1") * m.sqrt(n) * (r / m.norm(r))), m.number("0.1")
    ),
)
