"""Chapter 5: Batch Normalization, whose bound is derived feature by feature from the growth of the output's norm."""

from __future__ import annotations

from typing import Any

from theorems import Domain, Integers, Reals, Sides, Universal, Vector
from theorems import maths as m
from theorems.layers import batch_normalisation
from theorems.statements.thesis.source import thesis
from theorems.statements.tools import NOTHING

_LAYER: dict[str, Any] = {
    "d": Integers(1, 3),
    "x": Vector("d", Reals(-10, 10)),
    "r": Vector("d", Reals(-10, 10)),
    "gamma": Vector("d", Reals(-10, 10)),
    "beta": Vector("d", Reals(-10, 10)),
    "variance": Vector("d", Reals(0.01, 10)),
}
_ACTIVE = {"no γ_j is small": lambda gamma: m.all(m.abs(gamma) >= 1e-3)}
_LAYER_READING = (
    "all d, x, r ∈ R^d with E[x_j] = 0 (a shift of x), β and v_j = Var[x_j] + ε > 0 in R^d, and γ ∈ R^d without "
    "zeros"
)
_CONDITION = "under the text's condition, κ = ‖BN(x + r)‖ − ‖BN(x)‖ > 0"


def _normalised(x: Any, gamma: Any, beta: Any, variance: Any) -> Any:
    return batch_normalisation(x, gamma, beta, 0, variance)


def least_moves(x: Any, r: Any, gamma: Any, beta: Any, variance: Any) -> Any:
    """δ_j = min(|ρ_1,j|, |ρ_2,j|) for each feature; None where κ <= 0.

    With S = √(φ²χ² + 4φγψ) the smaller of |S ± φχ|/(2φγ) is (S − |φχ|)/(2φγ) = 2ψ/(S + |φχ|), without cancellation.
    """
    before = m.norm(_normalised(x, gamma, beta, variance))
    kappa = m.norm(_normalised(x + r, gamma, beta, variance)) - before
    if not kappa > 0:
        return None
    phi = gamma / variance
    chi = 2 * gamma * x + 2 * beta * m.sqrt(variance)
    psi = (2 * kappa * before + kappa * kappa) / len(x)
    root = m.sqrt(phi * phi * chi * chi + 4 * phi * gamma * psi)
    return 2 * psi / (root + m.abs(phi * chi))


def _each(j: int, **layer: Any) -> Sides:
    deltas = least_moves(**layer)
    return NOTHING if deltas is None else Sides(deltas[j], m.abs(layer["r"][j]))


_LEMMA_5_4 = (
    r" it holds that $|r_j| \geq \delta_j$, where $\delta_j = \min\{|\rho_{1,j}|, |\rho_{2,j}|\}$ are the "
    r"bounds of "
)
_QUADRATIC = r"$\phi_j \gamma_j r_j^2 + \phi_j \chi_j r_j - \psi \ge 0$."

lemma_5_4 = Universal(
    id="003.lemma-5.4",
    title="every feature of a perturbation must be large",
    text="For all $j$," + _LEMMA_5_4 + _QUADRATIC,
    reading=f"for {_LAYER_READING}, and every j: {_CONDITION}, δ_j <= |r_j|",
    source=thesis("Lemma 5.4"),
    domain=Domain(**_LAYER, j=Integers(0, lambda v: v["d"] - 1), where=_ACTIVE),
    conclusion=lambda x, r, gamma, beta, variance, j: _each(
        j, x=x, r=r, gamma=gamma, beta=beta, variance=variance
    ),
)


def _some(**layer: Any) -> Sides:
    deltas = least_moves(**layer)
    return NOTHING if deltas is None else Sides(1, m.max(m.abs(layer["r"]) / deltas))


lemma_5_4_corrected = Universal(
    id="003.lemma-5.4.corrected",
    title="some feature of a perturbation must be large",
    text="For at least one $j$," + _LEMMA_5_4 + _QUADRATIC,
    reading=f"for {_LAYER_READING}: {_CONDITION}, 1 <= max_j |r_j|/δ_j",
    source=thesis("Lemma 5.4"),
    corrects="003.lemma-5.4",
    repair="false",
    domain=Domain(**_LAYER, where=_ACTIVE),
    conclusion=lambda x, r, gamma, beta, variance: _some(x=x, r=r, gamma=gamma, beta=beta, variance=variance),
)

_THEOREM_5_6 = (
    r"A Batch Normalization layer has the input $x \in \mathbb{R}^d$ and the output $\mathrm{BN}(x)$. If "
    r"$\kappa$ bounds the robustness of the next layer, every adversarial perturbation $r$ of $x$ satisfies "
    r"$\|r\| \geq "
)
_SYMBOLS = (
    r" $\delta_{j} = \min\{|\rho_{1,j}|, |\rho_{2,j}|\}$, $\rho_{1,j} = -\frac{\sqrt{\phi_{j}^{2}\chi_{j}^{2} + "
    r"4\phi_{j}\gamma_{j}\psi} + \phi_{j}\chi_{j}}{2\phi_{j}\gamma_{j}}$, $\rho_{2,j} = \frac{\sqrt{\phi_{j}^{2}"
    r"\chi_{j}^{2} + 4\phi_{j}\gamma_{j}\psi} - \phi_{j}\chi_{j}}{2\phi_{j}\gamma_{j}}$, $\phi_{j} = \frac{\gamma_{j}}"
    r"{\mathrm{Var}[x_{j}] + \varepsilon}$, $\chi_{j} = 2\gamma_{j}(x_{j} - \mathrm{E}[x_{j}]) + 2\beta_{j} "
    r"\sqrt{\mathrm{Var}[x_{j}] + \varepsilon}$, $\psi = \frac{2\kappa \|\mathrm{BN}(x)\| + \kappa^{2}}{d}$."
)


def _whole(choose: Any, **layer: Any) -> Sides:
    deltas = least_moves(**layer)
    return NOTHING if deltas is None else Sides(choose(deltas), m.norm(layer["r"]))


theorem_5_6 = Universal(
    id="003.theorem-5.6",
    title="robustness of a Batch Normalization layer",
    text=_THEOREM_5_6 + r"\max_{j} \delta_{j}$, where" + _SYMBOLS,
    reading=f"for {_LAYER_READING}: {_CONDITION}, max_j δ_j <= ‖r‖",
    source=thesis("Theorem 5.6"),
    domain=Domain(**_LAYER, where=_ACTIVE),
    conclusion=lambda x, r, gamma, beta, variance: _whole(
        m.max, x=x, r=r, gamma=gamma, beta=beta, variance=variance
    ),
)

theorem_5_6_corrected = Universal(
    id="003.theorem-5.6.corrected",
    title="robustness of a Batch Normalization layer, with the smallest δ_j",
    text=_THEOREM_5_6
    + r"\min_{j} \delta_{j}$ if $\|\mathrm{BN}(x + r)\| = \|\mathrm{BN}(x)\| + \kappa$, where"
    + _SYMBOLS,
    reading=f"for {_LAYER_READING}: {_CONDITION}, min_j δ_j <= ‖r‖. Not under the definition: see "
    "003.theorem-5.6.definition",
    source=thesis("Theorem 5.6"),
    corrects="003.theorem-5.6",
    repair="false",
    domain=Domain(**_LAYER, where=_ACTIVE),
    conclusion=lambda x, r, gamma, beta, variance: _whole(
        m.min, x=x, r=r, gamma=gamma, beta=beta, variance=variance
    ),
)

theorem_5_6_definition = Universal(
    id="003.theorem-5.6.definition",
    title="robustness of a Batch Normalization layer, whatever becomes of the norm",
    text=_THEOREM_5_6
    + r"\kappa \min_j \frac{\sqrt{\mathrm{Var}[x_j] + \varepsilon}}{|\gamma_j|}$, where $\kappa = \|\mathrm{BN}(x + "
    r"r) - \mathrm{BN}(x)\|$.",
    reading=f"for {_LAYER_READING}: under the definition, κ = ‖BN(x + r) − BN(x)‖, κ <= max_j(|γ_j|/√v_j)·‖r‖. An r "
    f"that "
    "turns BN(x) into a vector of the same norm has κ > 0 here and κ = 0 under the text's condition",
    source=thesis("Theorem 5.6"),
    corrects="003.theorem-5.6",
    repair="false",
    domain=Domain(**_LAYER, where=_ACTIVE),
    conclusion=lambda x, r, gamma, beta, variance: Sides(
        m.norm(_normalised(x + r, gamma, beta, variance) - _normalised(x, gamma, beta, variance)),
        m.max(m.abs(gamma) / m.sqrt(variance)) * m.norm(r),
    ),
)
