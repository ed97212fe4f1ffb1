"""Exact and limit laws of random two-layer networks: the lines that figures draw beside a measurement.

The network is f(x) = k^{−1/2} Σⱼ aⱼ σ(wⱼ·x) with k hidden neurons on d inputs, aⱼ = ±1 uniform and
wⱼ ~ N(0, I/d), all independent, and |x| = √d. Then uⱼ = wⱼ·x are independent standard normal, and so
every law here reduces to moments of σ and σ′ under Z ~ N(0, 1), which `gaussian_moment` integrates. No
law needs Eσ = 0: the signs aⱼ already centre every term.

"Exact" functions hold at every finite width k and dimension d; those named ``..._limit`` hold as
k, d → ∞. Arguments called ``activation`` take whatever `simulate.activations.get` takes.
"""

from simulate.laws.deep import WidthLimit, he_input_derivative_second_moment, scaled, width_limit
from simulate.laws.exact import (
    gradient_fourth_moment,
    gradient_second_moment,
    gradient_second_moment_variance,
    output_fourth_moment,
    output_gradient_moment,
    output_variance,
)
from simulate.laws.limits import (
    Direction,
    flip_constant,
    flip_probability_limit,
    gradient_norm_limit,
    relative_perturbation_limit,
    relu_flip_width_correction,
    step_for_failure_probability,
    step_for_flip_probability,
)
from simulate.laws.moments import (
    derivative_second_moment,
    derivative_second_moment_z,
    gaussian_moment,
    second_moment,
)
from simulate.laws.output import output_distribution
from simulate.laws.singular_values import SingularValueBound, singular_value_bound

__all__ = [
    "Direction",
    "SingularValueBound",
    "WidthLimit",
    "derivative_second_moment",
    "derivative_second_moment_z",
    "flip_constant",
    "flip_probability_limit",
    "gaussian_moment",
    "gradient_fourth_moment",
    "gradient_norm_limit",
    "gradient_second_moment",
    "gradient_second_moment_variance",
    "he_input_derivative_second_moment",
    "output_distribution",
    "output_fourth_moment",
    "output_gradient_moment",
    "output_variance",
    "relative_perturbation_limit",
    "relu_flip_width_correction",
    "scaled",
    "second_moment",
    "singular_value_bound",
    "step_for_failure_probability",
    "step_for_flip_probability",
    "width_limit",
]
