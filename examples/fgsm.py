"""Targeted FGSM on a three-layer network, and its gradient in closed form beside automatic differentiation.

    python examples/fgsm.py
    python examples/fgsm.py --epsilon 0.01 --seed 3

N(x) = C ReLU(B ReLU(Ax)) with A, B of 10×10 and C of 3×10, entries N(0, 1/10). The attack wants class 1 of an input
that N puts into class 2 (classes 0, 1, 2):

    x' = x + ε sign(∇N_t − ∇ log Σ_c exp N_c)

On the way it compares torch's gradient of each logit with F_i = C_i R(B ReLU(Ax)) B R(Ax) A, where R(y) is the
diagonal matrix with 1 where y > 0 and 0 elsewhere.
"""

from __future__ import annotations

import argparse
import math

import torch

DIM, CLASSES = 10, 3
SOURCE, TARGET = 2, 1


def draw(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """A, B, C and an input that the network puts into class 2, float64."""
    generator = torch.Generator().manual_seed(seed)

    def gaussian(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64) / math.sqrt(DIM)

    A, B, C = gaussian(DIM, DIM), gaussian(DIM, DIM), gaussian(CLASSES, DIM)
    for _ in range(1000):
        x = gaussian(DIM)
        if int(logits(A, B, C, x).argmax()) == SOURCE:
            return A, B, C, x
    raise SystemExit(f"no input of class {SOURCE} among 1000: take another --seed than {seed}")


def logits(A: torch.Tensor, B: torch.Tensor, C: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """N(x)."""
    second = B @ torch.relu(A @ x)
    return C @ torch.relu(second)


def closed_form(A: torch.Tensor, B: torch.Tensor, C: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """F_0, F_1, F_2 as rows: the gradients of the logits where no pre-activation is 0."""
    first = A @ x
    second = B @ first.relu()
    return (C * (second > 0)) @ (B * (first > 0)) @ A


def by_autograd(A: torch.Tensor, B: torch.Tensor, C: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The same by a backward pass for each logit."""
    point = x.clone().requires_grad_()
    values = logits(A, B, C, point)
    return torch.stack([torch.autograd.grad(value, point, retain_graph=True)[0] for value in values])


def attack(
    A: torch.Tensor, B: torch.Tensor, C: torch.Tensor, x: torch.Tensor, target: int, epsilon: float
) -> torch.Tensor:
    """The step x' = x − ε sign(∇ loss), by a backward pass of the cross-entropy."""
    x = x.clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(logits(A, B, C, x)[None], torch.tensor([target]))
    (slope,) = torch.autograd.grad(loss, x)
    return (x - epsilon * slope.sign()).detach()


def row(values: torch.Tensor) -> str:
    """Numbers in one line."""
    return " ".join(f"{value:+.6f}" for value in values.tolist())


def main() -> None:
    """Draw, compare the gradients, attack, report."""
    parser = argparse.ArgumentParser(description="Targeted FGSM on a three-layer network.")
    parser.add_argument("--epsilon", type=float, default=0.25, help="size of the step in every coordinate")
    parser.add_argument("--seed", type=int, default=0, help="of A, B, C and x")
    options = parser.parse_args()
    if not options.epsilon > 0:
        parser.error(f"--epsilon must be above 0, got {options.epsilon:g}")

    A, B, C, x = draw(options.seed)
    distance = (by_autograd(A, B, C, x) - closed_form(A, B, C, x)).abs().max().item()
    attacked = attack(A, B, C, x, TARGET, options.epsilon)
    before, after = logits(A, B, C, x), logits(A, B, C, attacked)

    print(f"closed form F: {row(closed_form(A, B, C, x)[TARGET])}")
    print(f"largest distance from autograd: {distance:.1e}")
    print(f"logits before: {row(before)}")
    print(f"logits after:  {row(after)}")
    print(f"probability of class {TARGET}: {before.softmax(0)[TARGET]:.4f} -> {after.softmax(0)[TARGET]:.4f}")
    print(f"largest change of a coordinate: {(attacked - x).abs().max().item():.6f}")
    reached = int(after.argmax())
    verdict = {TARGET: "the target", SOURCE: "unchanged"}.get(reached, "changed, not the target")
    print(f"class: {SOURCE} -> {reached} ({verdict})")


if __name__ == "__main__":
    main()
