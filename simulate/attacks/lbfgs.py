"""The first attack of all: box-constrained L-BFGS on c‖r‖ + loss(x + r, target), with a search over c.

C. Szegedy et al., "Intriguing properties of neural networks", ICLR 2014. In print the *smallest* c whose minimiser
is classified as the target is asked for; a small c makes long perturbations cheap, so the search here is for the
largest.

‖r‖ has a kink at 0 from which L-BFGS does not leave once c exceeds the loss's slope there, although a minimum lies
further out: whether a minimiser reaches the target is then no monotone function of c. So the search begins where the
loss rules, and as c grows starts again at the shortest success so far, pulled back to the boundary along its segment.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import optimize
from torch import Tensor

from simulate.arguments import whole
from simulate.attacks.along import shorten
from simulate.attacks.norms import size
from simulate.attacks.problem import Attacked, Box, Network, Problem
from simulate.errors import BadInput

Floats = NDArray[np.float64]
_FIRST_LENGTH = 1e-3
"""The first start is so far down the loss from x, as a share of ‖x‖ or of 1."""
_HALVINGS = 12
"""Bisections of a segment between two penalties."""


def lbfgs(
    network: Network,
    x: Tensor,
    y: Tensor,
    *,
    target: Tensor | int,
    box: Box | None = (0.0, 1.0),
    searches: int = 8,
    first_penalty: float = 0.01,
    iterations: int = 50,
) -> Attacked:
    """A small ℓ2 perturbation to a wanted class, one row after another (scipy's L-BFGS-B).

    Args:
        network: see `simulate.attacks.problem`; rows must not know their number, since each is attacked alone.
        x: inputs, shape (B, *shape).
        y: labels, shape (B,).
        target: the class wanted for each row.
        box: ends that x + r keeps.
        searches: values of c tried: tenfold down to the first success, tenfold up to the first failure after it, then
            bisection of the logarithm.
        first_penalty: c at the beginning.
        iterations: of L-BFGS for each c.

    Raises:
        BadInput: see `Problem.of`; no target; a batch in which each row has a network of its own.

    """
    problem = Problem.of(network, x, y, box, target)
    if problem.target is None:
        raise BadInput("L-BFGS needs a target class")
    searches, iterations = whole(searches, "searches", 1), whole(iterations, "iterations", 1)
    if not 0 < first_penalty < np.inf:
        raise BadInput(f"the first penalty must be positive, got {first_penalty}")
    rows = [_Row(problem, row) for row in range(len(problem.x))]
    with _one_thread():
        found = [torch.from_numpy(one.search(searches, first_penalty, iterations)) for one in rows]
    delta = torch.stack(found).to(problem.x)
    _, slope = problem.look(problem.x, problem.loss)
    delta = shorten(problem, delta)
    return problem.attacked(delta, "2", size(slope, "inf") == 0, searches * iterations)


def _one_thread() -> AbstractContextManager[object]:
    """One thread for scipy's linear algebra, whose vectors are short, where threadpoolctl is there to say so."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return nullcontext()
    limits: AbstractContextManager[object] = threadpool_limits(1, user_api="blas")
    return limits


@dataclass(frozen=True)
class _Row:
    """One input, as numpy's float64 sees it."""

    problem: Problem
    row: int

    @property
    def target(self) -> int:
        assert self.problem.target is not None
        return int(self.problem.target[self.row])

    def _outputs(self, r: Floats) -> tuple[Tensor, Tensor]:
        """The point, which gradients can be asked for, and its logits, (1, C)."""
        x = self.problem.x[self.row : self.row + 1]
        step = torch.tensor(r, device=x.device).reshape(x.shape)
        point = (x.double() + step).to(x.dtype).requires_grad_()
        try:
            outputs = self.problem.network(point)
        except RuntimeError:
            outputs = point[:0]
        if len(outputs) != 1:
            raise BadInput("L-BFGS attacks one row after another: it needs one network for all rows")
        return point, outputs

    def loss(self, r: Floats) -> tuple[float, Floats]:
        """Cross-entropy of the target, and its gradient."""
        with torch.enable_grad():
            point, outputs = self._outputs(r)
            value = torch.nn.functional.cross_entropy(
                outputs, torch.tensor([self.target], device=point.device)
            )
            (slope,) = torch.autograd.grad(value, point)
        return float(value.detach()), slope.flatten().double().cpu().numpy()

    def reaches(self, r: Floats) -> bool:
        """Whether x + r is classified as the target."""
        with torch.no_grad():
            outputs = self._outputs(r)[1][0]
        others = torch.cat([outputs[: self.target], outputs[self.target + 1 :]])
        return bool(outputs[self.target] > others.max())

    def minimise(self, start: Floats, penalty: float, iterations: int) -> Floats:
        """The minimiser of c‖r‖ + loss inside the box that L-BFGS reaches from a start."""
        x, low, high = (
            end[self.row].flatten().double().cpu().numpy()
            for end in (self.problem.x, self.problem.low, self.problem.high)
        )

        def total(r: Floats) -> tuple[float, Floats]:
            value, slope = self.loss(r)
            length = float(np.linalg.norm(r))
            # ‖r‖ has no gradient at 0; there the loss alone decides where to go.
            pull = penalty * r / length if length > 0 else np.zeros_like(r)
            return value + penalty * length, slope + pull

        answer = optimize.minimize(
            total,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=optimize.Bounds(low - x, high - x),
            # c is searched to a factor only: the last digits of a minimiser are of no use.
            options={"maxiter": iterations, "ftol": 1e-6, "gtol": 1e-4},
        )
        return np.asarray(answer.x, dtype=np.float64)

    def shorten(self, r: Floats) -> Floats:
        """The point just beyond the boundary on the segment to a successful r."""
        least, most = 0.0, 1.0
        for _ in range(_HALVINGS):
            middle = (least + most) / 2
            least, most = (least, middle) if self.reaches(middle * r) else (middle, most)
        return most * r

    def search(self, searches: int, first: float, iterations: int) -> Floats:
        """The shortest r that reaches the target, over the penalties tried; 0 if none does, or x itself."""
        start = best = np.zeros(self.problem.x[self.row].numel())
        if self.reaches(best):
            return best
        _, slope = self.loss(best)
        if slope.any():
            scale = float(torch.linalg.vector_norm(self.problem.x[self.row])) or 1.0
            start = -_FIRST_LENGTH * scale * slope / np.linalg.norm(slope)
        works, fails, penalty = 0.0, np.inf, first
        for _ in range(searches):
            answer = self.minimise(start, penalty, iterations)
            if self.reaches(answer):
                answer = self.shorten(answer)
                if works == 0 or np.linalg.norm(answer) < np.linalg.norm(best):
                    start = best = answer
                works = penalty
            else:
                fails = penalty
            if works > 0:
                penalty = float(np.sqrt(works * fails)) if np.isfinite(fails) else penalty * 10
            else:
                penalty /= 10
        return best
