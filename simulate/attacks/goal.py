"""What an attack wants: the margin, negative where it has succeeded, and the objectives that it climbs.

The margin says how far an input is on its class's side: y·f(x) for a scalar network with y = ±1, and
Z_y − max_{c≠y} Z_c for logits. It is negative exactly where the input is misclassified, and 0 at a tie: ties are not
counted as success. With a target t the attack wants class t instead: success is Z_t > max_{c≠t} Z_c.

What an attack climbs is its objective, a name:

    margin          minus the margin
    loss            the cross-entropy of y (with a target: minus that of t); of a scalar network the logistic loss
    versus-label    Z_t − Z_y
    versus-all      Z_t − Σ_{c≠t} Z_c

The last two need a target. (Z. Kolter and A. Madry, "Adversarial robustness: theory and practice", 2018, chapter 4.)
The softmax saturates: where the network is so sure that its probabilities round to 0 and 1, the gradient of the loss is
exactly 0 while that of the margin is not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from simulate.errors import BadInput

Objective = Literal["margin", "loss", "versus-label", "versus-all"]
OBJECTIVES: tuple[Objective, ...] = ("margin", "loss", "versus-label", "versus-all")


@dataclass(frozen=True)
class Goal:
    """The classes that an attack wants to leave or to reach.

    Attributes:
        y: labels, shape (B,): whole numbers 0 … C − 1, or ±1 for a scalar network.
        target: wanted classes, shape (B,), or None.
        classes: how many logits the network returns; 0 if it returns one number.

    """

    y: Tensor
    target: Tensor | None
    classes: int

    @property
    def scalar(self) -> bool:
        """Whether the network returns one number."""
        return self.classes == 0

    def margins(self, outputs: Tensor) -> Tensor:
        """The margin of each row: negative where the attack has succeeded."""
        if self.scalar:
            return outputs * self.y
        mine = outputs.gather(1, self._column).squeeze(1)
        others = outputs.masked_fill(self._mine, -torch.inf).amax(1)
        return mine - others if self.target is None else others - mine

    def rise(self, outputs: Tensor) -> Tensor:
        """Minus the margins: what attacks climb first of all."""
        return -self.margins(outputs)

    def rise_and_pull(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """The margins (B,), and the slope of `rise` in the outputs, of their shape: known without differentiation."""
        if self.scalar:
            return outputs * self.y, -self.y.to(outputs.dtype).expand_as(outputs)
        top, where = outputs.masked_fill(self._mine, -torch.inf).max(1, keepdim=True)
        margins = (outputs.gather(1, self._column) - top).squeeze(1)
        if self.target is None:
            return margins, self._own.to(outputs.dtype).scatter(1, where, 1.0)
        return -margins, self._own.to(outputs.dtype).scatter(1, where, -1.0)

    @cached_property
    def _column(self) -> Tensor:
        """The class against all others, (B, 1): the wanted one, or the label."""
        return (self.y if self.target is None else self.target).unsqueeze(1)

    @cached_property
    def _mine(self) -> Tensor:
        """Where it stands among the logits, (B, classes)."""
        return self._column == torch.arange(self.classes, device=self.y.device)

    @cached_property
    def _own(self) -> Tensor:
        """The slope of `rise` in that class's own logit, (B, classes)."""
        return self._mine.float() * (-1.0 if self.target is None else 1.0)

    def loss(self, outputs: Tensor) -> Tensor:
        """Cross-entropy that the attack climbs, one number a row; of a scalar network the logistic loss."""
        if self.scalar:
            return torch.nn.functional.softplus(-outputs * self.y)
        if self.target is None:
            return torch.nn.functional.cross_entropy(outputs, self.y, reduction="none")
        return -torch.nn.functional.cross_entropy(outputs, self.target, reduction="none")

    def objective(self, name: str) -> Callable[[Tensor], Tensor]:
        """What an attack climbs, one number a row, as a function of the outputs; see the module's docstring.

        Raises:
            BadInput: no such objective, or one that needs a target.

        """
        if name not in OBJECTIVES:
            raise BadInput(f"the objective is one of {', '.join(OBJECTIVES)}, got {name!r}")
        if name == "margin":
            return self.rise
        if name == "loss":
            return self.loss
        if self.target is None:
            raise BadInput(f"the objective {name} needs a target class")
        wanted, label = self.target.unsqueeze(1), self.y.unsqueeze(1)

        def versus(outputs: Tensor) -> Tensor:
            mine = outputs.gather(1, wanted).squeeze(1)
            if name == "versus-label":
                return mine - outputs.gather(1, label).squeeze(1)
            return 2 * mine - outputs.sum(1)

        return versus
