"""Chapter 5: what increments of the robustness of all layers do together."""

from __future__ import annotations

from typing import Any

from theorems import Domain, Entry, Integers, Reals, Universal, Value, Vector
from theorems import maths as m
from theorems.sides import Sides
from theorems.statements.thesis.source import thesis

SECTION = "Section 5.4"


def robustness(divisors: Any, last: Any, delta: Any) -> list[Any]:
    """κ_1, …, κ_L of a chain of convolutional and pooling layers: κ_l = κ_{l+1}/a_l + δ, from κ_{L+1} = `last`."""
    found = [last]
    for divisor in reversed(list(divisors)):
        found.append(found[-1] / divisor + delta)
    return found[:0:-1]


relative_increase = Universal(
    id="003.equation-5.13",
    title="relative increase of the robustness of a chain of layers",
    text=r"Let the robustness of every layer $i$ grow by the same quantity $\delta$. In a network of "
    r"convolutional and pooling layers alone, this gives $\frac{\kappa_1'}{\kappa_1} = 1 + \delta "
    r"\sum_{l=1}^{L} \frac{1}{\kappa_l}$.",
    reading="for all L, a_1, …, a_L > 0 (‖W‖_F of a convolution, t of a pooling layer), κ_{L+1} > 0 and δ >= 0: with "
    "κ_l = κ_{l+1}/a_l and κ'_l = κ'_{l+1}/a_l + δ, κ'_{L+1} = κ_{L+1}: κ'_1/κ_1 = 1 + δ Σ 1/κ_l",
    source=thesis("(5.13)"),
    domain=Domain(
        L=Integers(1, 8), a=Vector("L", Reals(0.01, 100)), last=Reals(0.01, 100), delta=Reals(0, 100)
    ),
    conclusion=lambda a, last, delta: Sides.equal(
        robustness(a, last, delta)[0] / robustness(a, last, 0)[0],
        1 + delta * sum(1 / kappa for kappa in robustness(a, last, 0)),
    ),
)

geometric_increase = Universal(
    id="003.geometric-increase",
    title="relative increase for robustness that shrinks geometrically",
    text=r"If $\kappa_i = \alpha \kappa_{i+1}$ for all $i < L$ and $\alpha \neq 1$, then $\kappa_i = "
    r"\alpha^{L-i} \kappa_L$ and $\frac{\kappa_1'}{\kappa_1} = 1 + \frac{\delta}{\kappa_L} \sum_{l=1}^L "
    r"\frac{1}{\alpha^{L-l}} = 1 + \frac{\delta(1 - \alpha^{-L})}{\kappa_L(1 - \alpha^{-1})}$.",
    reading="for all L, α > 0 with |α − 1| >= 0.01, κ_L > 0 and δ >= 0: 1 + δ Σ_l 1/κ_l with κ_l = α^{L−l}κ_L equals "
    "the closed form",
    source=thesis(SECTION),
    domain=Domain(
        L=Integers(1, 12),
        alpha=Reals(0.01, 100),
        last=Reals(0.01, 100),
        delta=Reals(0, 100),
        where={"α is not near 1": lambda alpha: m.abs(alpha - 1) >= 0.01},
    ),
    conclusion=lambda L, alpha, last, delta: Sides.equal(
        1 + delta * sum(1 / (alpha ** (L - i) * last) for i in range(1, L + 1)),
        1 + delta * (1 - alpha ** (-L)) / (last * (1 - 1 / alpha)),
    ),
)

scaling_kernels = Value(
    id="003.figure-5.12",
    title="relative increase by scaling several kernels by 0.9",
    text=r"The attainable increase is at most $(1-\varepsilon)^{-n}$, with $\varepsilon=0.1$: relatively, "
    "about 1.5 if four kernels are scaled, and a factor of 2 for seven.",
    reading="0.9^{−4} rounds to 1.5 and 0.9^{−7} rounds to 2",
    source=thesis("Figure 5.12"),
    entries=(
        Entry("four kernels", "1.5", lambda: m.number("0.9") ** -4),
        Entry("seven kernels", "2", lambda: m.number("0.9") ** -7),
    ),
)
