"""Attacks: upper bounds of the distance to the nearest input of another class.

Every attack takes a network (any torch function of a batch of rows, or a `TwoLayerNetwork` or `DeepNetwork`), inputs
and labels, works on all rows at once on whatever device they are, and returns an `Attacked`:

    found = attacks.pgd(network, x, y, norm="2", radius=0.5, box=(0, 1))
    found.success, found.perturbation, found.size, found.zero_gradient

See `simulate.attacks.problem` for the conventions.
"""

from simulate.attacks.carlini_wagner import carlini_wagner_l0, carlini_wagner_l2, carlini_wagner_linf
from simulate.attacks.deepfool import deepfool
from simulate.attacks.goal import OBJECTIVES, Objective
from simulate.attacks.hot_cold import hot_cold, iterated
from simulate.attacks.lbfgs import lbfgs
from simulate.attacks.norms import NORMS, Norm, project, size, steepest
from simulate.attacks.one_step import gradient_step, smallest_epsilon
from simulate.attacks.pgd import pgd
from simulate.attacks.pixels import few_pixels
from simulate.attacks.problem import Attacked, Box, Network, Problem
from simulate.attacks.smallest import smallest_radius

__all__ = [
    "NORMS",
    "OBJECTIVES",
    "Attacked",
    "Box",
    "Network",
    "Norm",
    "Objective",
    "Problem",
    "carlini_wagner_l0",
    "carlini_wagner_l2",
    "carlini_wagner_linf",
    "deepfool",
    "few_pixels",
    "gradient_step",
    "hot_cold",
    "iterated",
    "lbfgs",
    "pgd",
    "project",
    "size",
    "smallest_epsilon",
    "smallest_radius",
    "steepest",
]
