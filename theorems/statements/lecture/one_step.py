"""Theorem 3: does one gradient step change the sign of the output? As printed, in its readings, and the true form.

The printed step is +η∇f(x) with η > 0. To first order it raises f by η‖∇f‖², so that it can turn a negative
output, and not a positive one. Read with the step against the sign of f, the theorem is true in the limit, and
with k and d as large as the hidden constants say.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from scipy import special

from simulate import INIT_FLIP, InitFlip, laws
from simulate.activations import NAMES, get
from theorems import (
    Domain,
    ExactLaw,
    Existence,
    HighProbability,
    Integers,
    OneOf,
    Reals,
    Sides,
    Simulation,
    Universal,
)
from theorems.statements.lecture.source import lecture

THEOREM_3 = lecture("Theorem 3")
SETTING = lecture("Setting (Section 3)")

_TEXT = (
    r"Take $\gamma \in (0,1)$ and a non-constant Lipschitz $\sigma$ whose derivative is Lipschitz too. If "
    r"$k \geq \mathcal{O}(\log^3(1/\gamma))$ and $d \geq \mathcal{O}(\log(k/\gamma)\log(1/\gamma))$, there "
    r"is an $\eta > 0$ for which, with probability at least $1-\gamma$: $\operatorname{sign}(f(\mathbf{x})) "
    r"\neq \operatorname{sign}(f(\mathbf{x} + \eta \nabla f(\mathbf{x})))$."
)
SMOOTH = tuple(
    name for name in NAMES if get(name).lipschitz is not None and get(name).derivative_lipschitz is not None
)
"""The named activations that satisfy the theorem's hypotheses."""


def least_width(constant: float, gamma: float) -> int:
    """⌈C log³(1/γ)⌉, at least 1."""
    return max(1, math.ceil(constant * math.log(1 / gamma) ** 3))


def least_dimension(constant: float, gamma: float, k: int) -> int:
    """⌈C log(k/γ) log(1/γ)⌉, at least 2."""
    return max(2, math.ceil(constant * math.log(k / gamma) * math.log(1 / gamma)))


# --- as printed -------------------------------------------------------------------------------------

_SIZES: dict[str, Any] = {
    "gamma": OneOf(0.4, 0.1, 0.01, 1e-3, 1e-6),
    "constant": Integers(1, 10**6, log=True),
    "k": Integers(
        lambda v: least_width(v["constant"], v["gamma"]),
        lambda v: 2 * least_width(v["constant"], v["gamma"]),
    ),
    "d": Integers(
        lambda v: least_dimension(v["constant"], v["gamma"], v["k"]),
        lambda v: 2 * least_dimension(v["constant"], v["gamma"], v["k"]),
    ),
}


_IDENTITY_MISSES = float(special.ndtr(0.0))
"""The least failure probability of x + η∇f over all η > 0 for σ(u) = u, at every width and dimension.

f(x) = g·x with g ~ N(0, I/d), ∇f = g and f(x + η∇f) = f(x) + η|g|². A positive output stays positive, whatever η is and
whether or not it may depend on the draw; a negative one changes its sign for large η. So the infimum is P(g·x > 0),
where g·x is N(0, 1) at every d.
"""

FIXED_STEP = Existence(
    id="001.theorem-3.fixed-step",
    title="one step +η∇f changes the sign, η chosen before the draw",
    text=_TEXT,
    reading="η > 0 depends on σ, γ, k and d alone; k >= C log³(1/γ) and d >= C log(k/γ) log(1/γ) with a constant "
    "C. For σ(u) = u, which satisfies the hypotheses, a positive output grows along +∇f: every η fails with "
    "probability at least ½, at every k and d, so that no constant C helps. (To the letter, with O as printed, k "
    ">= O(g) asks nothing: a function that is O(g) may be negative)",
    source=THEOREM_3,
    domain=Domain(**_SIZES),
    obstruction=lambda gamma: Sides(_IDENTITY_MISSES, gamma),
)

ADAPTIVE_STEP = Existence(
    id="001.theorem-3.adaptive-step",
    title="one step +η∇f changes the sign, η > 0 chosen after the draw",
    text=_TEXT,
    reading="η > 0 may depend on the drawn network; else as 001.theorem-3.fixed-step. For σ(u) = u no η > 0 turns "
    "a positive output. (For sin and cos this reading is not refuted: far out, their outputs oscillate)",
    source=THEOREM_3,
    domain=Domain(**_SIZES),
    obstruction=lambda gamma: Sides(_IDENTITY_MISSES, gamma),
)


def _no_step_forwards(activation: str, k: int, d: int) -> InitFlip:
    """Trials with the event that no η > 0 up to ‖η∇f‖ = 8‖x‖ changes the sign, certified."""
    return InitFlip(width=k, dim=d, activation=activation, fixed_sign=True, minimal_step=True, steps=(1.0,))


ADAPTIVE_STEP_SMOOTH = HighProbability(
    id="001.theorem-3.adaptive-step.tanh",
    title="one step +η∇f of any length changes the sign of a tanh network",
    text=_TEXT,
    reading="η > 0 may depend on the drawn network, up to ‖η∇f(x)‖ = 8‖x‖; that none serves is certified by "
    "Taylor's bound in each trial. σ = tanh at k = 16 log³(1/γ) and d = 4 log(k/γ) log(1/γ)",
    source=THEOREM_3,
    domain=Domain(gamma=OneOf(0.25, 0.1), k=Integers(1, 10_000), d=Integers(2, 10_000)),
    law=Simulation(
        INIT_FLIP,
        lambda k, d: _no_step_forwards("tanh", k, d),
        "never_differ_certified.gradient",
        points=tuple(
            {
                "gamma": gamma,
                "k": least_width(16, gamma),
                "d": least_dimension(4, gamma, least_width(16, gamma)),
            }
            for gamma in (0.25, 0.1)
        ),
    ),
)

# --- the true form ----------------------------------------------------------------------------------

_STEP = r"$|\eta| = C\sqrt{\log(1/\gamma)}$ with $C = \sqrt{2\,\mathbb{E}\sigma(X)^2}/\mathbb{E}\sigma'(X)^2$"
_TRIED = ("tanh", "sigmoid", "softplus", "gelu", "silu", "sin", "cos")
_HIDDEN = 4.0


_TRUE_READING = "the sign changes strictly: f(x)·f(x + δ) < 0. Tested at the least sizes with c_1 = c_2 = 4"


def _against(activation: str, gamma: float, k: int, d: int) -> InitFlip:
    step = laws.flip_constant(activation) * math.sqrt(math.log(1 / gamma))
    return InitFlip(width=k, dim=d, activation=activation, steps=(step,))


def _least(gamma: float) -> dict[str, Any]:
    k = least_width(_HIDDEN, gamma)
    return {"gamma": gamma, "k": k, "d": least_dimension(_HIDDEN, gamma, k)}


_ONE_STEP = Simulation(
    INIT_FLIP,
    _against,
    "flip",
    index=(0, 0),
    negate=True,
    points=tuple({"activation": activation, **_least(0.1)} for activation in _TRIED),
)

CORRECTED = HighProbability(
    id="001.theorem-3.corrected",
    title="one step of size C√log(1/γ) against the sign of f changes it",
    text=r"Take $\gamma \in (0,1)$ and a non-constant Lipschitz $\sigma$ whose derivative is Lipschitz too. There "
    r"are constants $c_1, c_2$ that depend on $\sigma$ such that for $k \ge c_1\log^3(1/\gamma)$ and $d \ge "
    r"c_2\log(k/\gamma)\log(1/\gamma)$, with probability at least $1-\gamma$: $\operatorname{sign}(f(\mathbf{x})) "
    r"\neq \operatorname{sign}(f(\mathbf{x} - \operatorname{sign}(f(\mathbf{x}))"
    rf"|\eta|\nabla f(\mathbf{{x}})))$, {_STEP}.",
    reading=f"{_TRUE_READING}; γ = 0.1 and seven activations. As k, d → ∞ the probability of failure tends to "
    "erfc(√log(1/γ)) = 0.032",
    source=THEOREM_3,
    corrects="001.theorem-3.fixed-step",
    repair="false",
    domain=Domain(
        where={
            "k >= 4 log³(1/γ)": lambda gamma, k: k >= least_width(_HIDDEN, gamma),
            "d >= 4 log(k/γ) log(1/γ)": lambda gamma, k, d: d >= least_dimension(_HIDDEN, gamma, k),
        },
        activation=OneOf(*SMOOTH),
        gamma=Reals(0, 1, open=(True, True)),
        k=Integers(1, 10**7),
        d=Integers(2, 10**7),
    ),
    law=_ONE_STEP,
)

CORRECTED_RARE = replace(
    CORRECTED,
    id="001.theorem-3.corrected.rare",
    title="one step of size C√log(1/γ) against the sign of f changes it, for a small γ",
    reading=f"{_TRUE_READING}; γ = 0.01 and the three activations that need the largest sizes. As k, d → ∞ the "
    "probability of failure tends to erfc(√log(1/γ)) = 0.0024",
    law=replace(
        _ONE_STEP,
        points=tuple({"activation": activation, **_least(0.01)} for activation in ("sigmoid", "tanh", "cos")),
        discrepancy=0.01,
    ),
)

FIXED_STEP_HALF = HighProbability(
    id="001.theorem-3.fixed-step.half",
    title="one step +η∇f changes the sign if γ is above ½",
    text=_TEXT + r" Assumed too: $\gamma > \frac12$.",
    reading="as printed, η > 0 fixed before the draw. In the limit +η∇f fails with probability ½ + ½ erfc(η/C), "
    "which is below γ for large η exactly if γ > ½. Here γ = 0.6 and η = C erfc⁻¹(0.1), at k = d = 64",
    source=THEOREM_3,
    corrects="001.theorem-3.fixed-step",
    repair="missing hypothesis",
    domain=Domain(
        activation=OneOf(*SMOOTH),
        gamma=Reals(0.5, 1, open=(True, True)),
        k=Integers(1, 10**7),
        d=Integers(2, 10**7),
    ),
    law=Simulation(
        INIT_FLIP,
        lambda activation, k, d: InitFlip(
            width=k,
            dim=d,
            activation=activation,
            fixed_sign=True,
            steps=(float(laws.step_for_failure_probability(activation, 0.55, fixed_sign=True)),),
        ),
        "flip",
        index=(0, 0),
        negate=True,
        points=tuple(
            {"activation": activation, "gamma": 0.6, "k": 64, "d": 64}
            for activation in ("tanh", "softplus", "identity")
        ),
    ),
)

_ANY_STEP = Simulation(
    INIT_FLIP,
    lambda activation, k, d: InitFlip(width=k, dim=d, activation=activation, minimal_step=True, steps=(1.0,)),
    "never.gradient",
    points=tuple({"activation": activation, **_least(0.1)} for activation in ("identity", "softplus")),
    discrepancy=0.1,
)

ADAPTIVE_STEP_CORRECTED = HighProbability(
    id="001.theorem-3.adaptive-step.corrected",
    title="some step against the sign of f changes it",
    text=r"As Theorem 3, with $\eta$ of either sign, chosen after the draw: with probability at least $1-\gamma$ "
    r"there is $\eta \in \mathbb{R}$ such that $\operatorname{sign}(f(\mathbf{x})) \neq "
    r"\operatorname{sign}(f(\mathbf{x} + \eta \nabla f(\mathbf{x})))$.",
    reading="η = −sign(f(x))|η| with |η|‖∇f(x)‖ <= 8‖x‖, at k >= 4 log³(1/γ), d >= 4 log(k/γ) log(1/γ) for γ = 0.1",
    source=THEOREM_3,
    corrects="001.theorem-3.adaptive-step",
    repair="false",
    domain=CORRECTED.domain,
    law=_ANY_STEP,
)

ADAPTIVE_STEP_SMOOTH_CORRECTED = replace(
    ADAPTIVE_STEP_CORRECTED,
    id="001.theorem-3.adaptive-step.tanh.corrected",
    title="some step against the sign of a tanh network changes it",
    corrects="001.theorem-3.adaptive-step.tanh",
    law=replace(_ANY_STEP, points=({"activation": "tanh", **_least(0.1)},)),
)

ONE_STEP = HighProbability(
    id="001.one-step",
    title="a single step of gradient descent finds an adversarial example, of length O(√log(1/γ))",
    text="At initialization, one step of gradient descent is enough to find an adversarial example.",
    reading="gradient descent on y f(x) with y = sign f(x), from x on √d·S^{d−1} to x + δ of length ‖δ‖ = √(2 "
    "log(1/γ) Eσ²/Eσ′²), whatever d is: with probability at least 1 − γ the sign changes. tanh at k = 200 and d = "
    "100, 1000 and 10,000, where ‖δ‖ is 0.20, 0.063 and 0.020 of ‖x‖; γ = 0.1",
    source=SETTING,
    domain=Domain(gamma=OneOf(0.1), k=Integers(1, 10**7), d=Integers(2, 10**7)),
    law=Simulation(
        INIT_FLIP,
        lambda gamma, k, d: InitFlip(
            width=k, dim=d, activation="tanh", steps=(), radii=(_radius("tanh", gamma),)
        ),
        "flip",
        index=(0, 0),
        negate=True,
        points=tuple({"gamma": 0.1, "k": 200, "d": d} for d in (100, 1000, 10_000)),
    ),
)


def _radius(activation: str, gamma: float) -> float:
    """√(2 log(1/γ) Eσ²/Eσ′²)."""
    ratio = laws.second_moment(activation) / laws.derivative_second_moment(activation)
    return math.sqrt(2 * math.log(1 / gamma) * ratio)


CONSTANT = Universal(
    id="001.theorem-3.constant",
    title="the step's constant is √(2Eσ²)/Eσ′²",
    text=rf"In the limit of large $k$ and $d$, {_STEP} changes the sign with probability at least $1-\gamma$.",
    reading="for the named activations that satisfy Theorem 3's hypotheses and all γ = e^{−x}: the step whose "
    "limiting failure probability is γ, C·erfc⁻¹(γ), is at most C√x. As γ → 0 the two agree, so that C cannot be "
    "smaller. tanh 1.912, erf 1.693, sigmoid 17.08, softplus 4.627, GELU 2.023, SiLU 2.223, sin 1.638, cos 2.465, "
    "identity √2",
    source=THEOREM_3,
    domain=Domain(activation=OneOf(*SMOOTH), x=Reals(1e-3, 600, log=True)),
    conclusion=lambda activation, x: Sides(
        float(laws.step_for_failure_probability(activation, math.exp(-x))),
        laws.flip_constant(activation) * math.sqrt(x),
    ),
)

# --- the hidden constants ---------------------------------------------------------------------------

_LARGEST_CONSTANT = 10.0**6

ABSOLUTE_CONSTANTS = HighProbability(
    id="001.theorem-3.absolute-constants",
    title="the constants behind O do not depend on the activation",
    text=_TEXT,
    reading="k >= C log³(1/γ) with one C for all σ, and the step against the sign of f. σ(u) = ramp(u − t), ramp "
    "convex, smooth, 0 for u <= 0 and of slope 1 from 1 on, satisfies the hypotheses with the same Lipschitz "
    "constants for every t. If u_j <= t for all j, f and ∇f are 0 and no step does anything: with probability "
    "Φ(t)^k, at every d. Here k = ⌈10⁶ log³(1/γ)⌉: what fails is refuted for all constants up to 10⁶",
    source=THEOREM_3,
    domain=Domain(gamma=OneOf(0.5, 0.1, 0.01), t=Integers(0, 8)),
    law=ExactLaw(lambda gamma, t: least_width(_LARGEST_CONSTANT, gamma) * float(special.log_ndtr(t))),
)

ABSOLUTE_CONSTANTS_CORRECTED = HighProbability(
    id="001.theorem-3.absolute-constants.corrected",
    title="a gradient exists with probability 1 − γ if k is at least log(1/γ)/log(1/p)",
    text=r"If $\sigma' = 0$ on a set of probability $p$ under $\mathcal{N}(0,1)$, then $\nabla f(\mathbf{x}) = 0$ "
    r"with probability at least $p^k$; so Theorem 3 needs $k \ge \log(1/\gamma)/\log(1/p)$, and its constants "
    r"depend on $\sigma$.",
    reading="for σ(u) = ramp(u − t), p = Φ(t): from this k on, P(∇f(x) = 0) = Φ(t)^k <= γ = e^{−x}, with equality "
    "where the quotient is whole",
    source=THEOREM_3,
    corrects="001.theorem-3.absolute-constants",
    repair="missing hypothesis",
    domain=Domain(t=Reals(0, 8), x=Reals(0.01, 600, log=True)),
    law=ExactLaw(
        lambda t, x: math.ceil(x / -float(special.log_ndtr(t)) - 1e-12) * float(special.log_ndtr(t))
    ),
    allowed=lambda x: -x,
)
