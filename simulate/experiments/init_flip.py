"""Does one step change the sign of a random network?

From x on √d·S^{d−1} the step goes to x + δ, where δ points along −sign(f)∇f (or the other directions of
`simulate.onestep`) and has length η‖∇f‖ for a step size η, or a given radius r. Two events are counted:

    flip    f(x)·f(x+δ) < 0
    differ  sign f(x) ≠ sign f(x+δ) with sign ∈ {−1, 0, 1}: also true when exactly one of the two is 0

The first is the headline; the second is the literal reading of "sign(f(x)) ≠ sign(f(x + η∇f(x)))"
(Lucchi 2024, lecture 11, Theorem 3), and larger where dead neurons make f exactly 0. With a zero gradient
there is no step: neither happens, and the share of such trials is reported.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simulate import events, laws
from simulate.engine import Columns, Experiment, observable
from simulate.errors import BadInput, RunFailed
from simulate.experiments.observe import observe
from simulate.experiments.random_network import KEPT_ON_DEVICE, RandomNetwork
from simulate.onestep import DIRECTIONS
from simulate.streams import Stream

DEFAULT_STEPS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)


@dataclass(frozen=True)
class InitFlip(RandomNetwork):
    """The network of `RandomNetwork`, with the steps to be tried: they read more from the same draws.

    Two exceptions: deeper than two layers, the lazy engine asks its matrices for the answer to each step, and what
    it draws for one depends on what was asked before; and which neurons the event engine draws depends on the longest
    step. Other steps then show other networks, of the same law.

    Attributes:
        steps: step sizes η > 0; the perturbation is η‖∇f‖ long.
        radii: lengths r > 0 of the perturbation; these follow the steps in every table.
        directions: some of "gradient", "sign", "random"; all perturbations of one step have equal length. The
            sign step makes batches smaller, which can move the last digits of averages, never a draw.
        fixed_sign: go along +∇f whatever the sign of f: a different claim, true half as often.
        gammas: failure probabilities γ in (0, 1): look for the smallest |η| that flips with probability 1 − γ.
        minimal_step: also find, in each trial and direction, the smallest step that flips; exact or certified at
            depth 2, see `simulate.firstflip`, and on the fixed `length_grid` in deeper networks.

    """

    steps: tuple[float, ...] = observable(default=DEFAULT_STEPS)
    radii: tuple[float, ...] = observable(default=())
    directions: tuple[str, ...] = observable(default=("gradient",))
    fixed_sign: bool = observable(default=False)
    gammas: tuple[float, ...] = observable(default=())
    minimal_step: bool = observable(default=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set("steps", _positive(self.steps, "step"))
        self._set("radii", _positive(self.radii, "radius"))
        self._set("gammas", _positive(self.gammas, "gamma"))
        self._set(
            "directions", (self.directions,) if isinstance(self.directions, str) else tuple(self.directions)
        )
        if not self.steps and not self.radii:
            raise BadInput("give at least one step or radius")
        if any(gamma >= 1 for gamma in self.gammas):
            raise BadInput(f"gamma must lie strictly between 0 and 1, got {max(self.gammas)}")
        unknown = [direction for direction in self.directions if direction not in DIRECTIONS]
        if unknown or not self.directions:
            what = repr(unknown[0]) if unknown else "none"
            raise BadInput(f"direction is one of {', '.join(DIRECTIONS)}, got {what}")
        if self.engine == "event":
            self._check_event_engine()
        for repeated in (self.steps, self.radii, self.directions, self.gammas):
            if len(set(repeated)) < len(repeated):
                raise BadInput(f"a step, radius, direction or gamma is listed twice: {repeated}")

    def _check_event_engine(self) -> None:
        asked = [name for name in self.directions if name != "gradient"]
        asked = [f"--direction {name}" for name in asked]
        asked += ["--gamma"] * bool(self.gammas) + ["--minimal-step"] * self.minimal_step
        if asked:
            raise BadInput(
                f"the event engine knows steps and radii along the gradient, not {asked[0]}: use --engine conditional"
            )

    @property
    def region(self) -> events.Region | None:
        """The neurons that the event engine draws; None with other engines, and where it draws every neuron."""
        if self.engine != "event":
            return None
        return events.region_of(self.sigma, self.width, self.dim, self.steps, self.radii)

    @property
    def numbers_per_trial(self) -> int:
        """As for any network; the conditional sign step also draws two vectors of length d."""
        extra = 2 * self.dim if "sign" in self.directions and self.engine == "conditional" else 0
        return super().numbers_per_trial + extra

    def held_on(self, device: str, dtype: str) -> int:
        """Compiled kernels keep one trial and the columns of all; what the torch form adds keeps every trial."""
        compiled = self.region is not None or self.compiled_on(device, self.wanted, getattr(torch, dtype))
        if not compiled or "sign" in self.directions or self.minimal_step:
            return self.numbers_per_trial
        if device != "cpu":
            return KEPT_ON_DEVICE  # whatever is asked for: there the size of a block follows from it
        points = len(self.directions) * (len(self.steps) + len(self.radii)) + len(self.gamma_grid)
        return 16 + 4 * points

    @property
    def wanted(self) -> tuple[str, ...]:
        """The directions along which outputs are needed."""
        along = ("gradient",) if self.gammas else ()
        return tuple(dict.fromkeys((*self.directions, *along)))

    @property
    def reach(self) -> float:
        """Longest perturbation at which a first flip is looked for where that is not decided exactly: 8 ‖x‖."""
        return 8 * math.sqrt(self.dim)

    @property
    def length_grid(self) -> tuple[float, ...]:
        """Lengths of the perturbation at which the minimal step of a deep network is looked for."""
        return tuple(np.geomspace(self.reach / 2000, self.reach, 120).tolist())

    @property
    def limit_steps(self) -> NDArray[np.float64]:
        """The limit's |η| for each γ; ∞ where none flips with probability 1 − γ."""
        return laws.step_for_failure_probability(
            self.activation, self.gammas, self.depth, self.gain, self.fixed_sign
        )

    @property
    def gamma_grid(self) -> tuple[float, ...]:
        """The step sizes at which `gammas` are looked up; empty without gammas.

        From a quarter of the limit's answer for the largest γ to eight times that for the smallest in ratios of
        1.05, and then twelve doublings, so that "no |η| does" looks far.
        """
        return _gamma_grid(self)


@cache
def _gamma_grid(parameters: InitFlip) -> tuple[float, ...]:
    if not parameters.gammas:
        return ()
    answers = parameters.limit_steps
    finite = answers[np.isfinite(answers)]
    # Where no step answers in the limit either, look around η = 1.
    finite = finite if len(finite) else np.array([1.0])
    low, high = float(finite.min()) / 4, float(finite.max()) * 8
    dense = np.geomspace(low, high, math.ceil(math.log(high / low) / math.log(1.05)) + 1)
    return (*dense.tolist(), *(high * 2.0**i for i in range(1, 13)))


def trial(parameters: InitFlip, stream: Stream, batch: int) -> Columns:
    """Columns of `batch` trials.

    Returns:
        flip, differ: boolean, shape (batch, directions, steps + radii).
        flip_on_grid: boolean, shape (batch, len(gamma_grid)), along the gradient; with gammas only.
        zero_gradient: boolean, shape (batch,).
        output, gradient_norm, gradient_norm_squared: f(x), ‖∇f(x)‖ and its square, shape (batch,).
        first_flip.D: the smallest perturbation along direction D that flips, over ‖∇f‖ (so in units of |η|), ∞ if
            there is none; never.D, never_differ.D, the same with _certified, unresolved.D: see `simulate.firstflip`;
            shape (batch,), with minimal_step only.

    Raises:
        RunFailed: an output is not a number even in float64: σ overflows at the points that the step reaches.

    """
    del batch  # the stream knows it
    before, after, norm, first_flips = observe(parameters, stream)
    if bool(before.isnan().any()) or bool(after.isnan().any()):
        raise RunFailed(
            f"an output of the {parameters.activation} network is not a number: the step is too long"
        )
    sign, moved = torch.sign(before)[:, None], torch.sign(after)
    sizes = len(parameters.steps) + len(parameters.radii)
    main = len(parameters.directions) * sizes
    shape = (-1, len(parameters.directions), sizes)
    columns = {
        "flip": (sign * moved < 0)[:, :main].reshape(shape),
        "differ": (sign != moved)[:, :main].reshape(shape),
        "zero_gradient": norm == 0,
        "output": before,
        "gradient_norm": norm,
        "gradient_norm_squared": norm**2,
    }
    if parameters.gammas:
        columns["flip_on_grid"] = (sign * moved < 0)[:, main:]
    for direction, found in first_flips.items():
        columns[f"first_flip.{direction}"] = torch.where(norm > 0, found.length / norm, math.inf)
        for name, never in (("never", torch.isinf(found.length)), ("never_differ", ~found.zero)):
            columns[f"{name}.{direction}"] = never
            columns[f"{name}_certified.{direction}"] = never & ~found.unresolved
        columns[f"unresolved.{direction}"] = found.unresolved
    return columns


def _positive(values: Any, name: str) -> tuple[float, ...]:
    """The values as plain floats, for they are written to files; a single number counts as one of them."""
    try:
        numbers = tuple(float(value) for value in np.atleast_1d(values))
    except (TypeError, ValueError):
        raise BadInput(f"a {name} is a positive number, got {values!r}") from None
    for number in numbers:
        if not (math.isfinite(number) and number > 0):
            raise BadInput(f"a {name} is a positive number, got {number}")
    return numbers


INIT_FLIP = Experiment("init-flip", trial, InitFlip, ("flip",))
