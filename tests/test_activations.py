"""Activations: values, derivatives and constants against mpmath, automatic differentiation and search."""

import math
import pickle
from pathlib import Path

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from simulate import activations, user_activations
from simulate.activations import NAMES, Activation, from_callable, get, register
from simulate.errors import BadInput

DTYPES = [torch.float32, torch.float64]
SMOOTH = [name for name in NAMES if not get(name).kinks]
LIPSCHITZ = [name for name in NAMES if get(name).lipschitz is not None]
DERIVATIVE_LIPSCHITZ = [name for name in NAMES if get(name).derivative_lipschitz is not None]

# Independent definitions, evaluated with 30 digits.
ORACLE = {
    "relu": lambda x: x if x > 0 else mpmath.mpf(0),
    "leaky_relu": lambda x: x if x > 0 else x / 100,
    "abs": abs,
    "tanh": mpmath.tanh,
    "erf": mpmath.erf,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "gelu": lambda x: x * mpmath.ncdf(x),
    "silu": lambda x: x / (1 + mpmath.exp(-x)),
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "identity": lambda x: x,
    "step": lambda x: mpmath.mpf(x > 0),
    "quadratic": lambda x: x * x,
}

# Points that float32 represents, so that both dtypes are asked about one and the same number.
points = st.floats(-12, 12, width=32)
vectors = st.lists(points, min_size=1, max_size=40)
quick = settings(max_examples=25, deadline=None)


def rounding(dtype: torch.dtype, exact: float | np.ndarray) -> float | np.ndarray:
    """The error allowed: 16 roundings of a number of size 1, of the result, and of intermediate x ≤ 12."""
    return 16 * torch.finfo(dtype).eps * (1 + np.abs(exact))


def autograd(function, x: torch.Tensor) -> torch.Tensor:
    """The derivative of an elementwise function by automatic differentiation."""
    x = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(function(x).sum(), x)
    return slope


def exact(name: str, x: float, order: int) -> float:
    """σ or one of its derivatives at x from 30 digits."""
    with mpmath.workdps(30):
        return float(
            mpmath.diff(ORACLE[name], mpmath.mpf(x), order) if order else ORACLE[name](mpmath.mpf(x))
        )


def test_names_have_an_oracle_each() -> None:
    """No named activation escapes the parametrised tests below."""
    assert set(ORACLE) == set(NAMES)
    assert len(NAMES) == len(set(NAMES)) == 14


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
@given(x=points)
@quick
def test_value_and_derivative_agree_with_thirty_digits(name: str, dtype: torch.dtype, x: float) -> None:
    """σ and, away from kinks, σ′ are those of the definition, to rounding error."""
    activation = get(name)
    at = torch.tensor([x], dtype=dtype)
    expected = exact(name, x, 0)
    assert abs(activation.value(at).item() - expected) <= rounding(dtype, expected)
    assume(all(abs(x - kink) > 1e-6 for kink in activation.kinks))
    expected = exact(name, x, 1)
    assert abs(activation.derivative(at).item() - expected) <= rounding(dtype, expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
@given(xs=vectors)
@quick
def test_derivative_is_what_autograd_computes(name: str, dtype: torch.dtype, xs: list[float]) -> None:
    """σ′ equals the gradient that torch computes through σ, at every point, kinks included."""
    activation = get(name)
    x = torch.tensor([*xs, 0.0, -0.0], dtype=dtype)
    slope, expected = activation.derivative(x), autograd(activation.value, x)
    assert ((slope - expected).abs().numpy() <= rounding(dtype, expected.numpy())).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [name for name in SMOOTH if name != "identity"])
@given(x=st.floats(-6, 6, width=32))
@quick
def test_derivative_can_itself_be_differentiated(name: str, dtype: torch.dtype, x: float) -> None:
    """The gradient through σ′ is σ″, so losses that contain a gradient can be trained."""
    second = autograd(get(name).derivative, torch.tensor([x], dtype=dtype)).item()
    # σ″ of erf and gelu is a product with x², x ≤ 6: a few more roundings.
    assert abs(second - exact(name, x, 2)) <= 4 * rounding(dtype, exact(name, x, 2))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["value", "derivative"])
@pytest.mark.parametrize("name", NAMES)
def test_out_is_filled_in_place(name: str, kind: str, dtype: torch.dtype) -> None:
    """With out= the same numbers land in the buffer given, which may be the argument itself."""
    function = getattr(get(name), kind)
    x = torch.linspace(-9, 9, 1003, dtype=dtype)
    kept, fresh = x.clone(), function(x)
    buffer = torch.full_like(x, math.nan)
    assert function(x, out=buffer) is buffer
    # To the bit, but for silu′, where only one of two formulas can be differentiated.
    assert torch.equal(buffer, fresh) or (
        (name, kind) == ("silu", "derivative") and torch.allclose(buffer, fresh, 0, rounding(dtype, 0.0))
    )
    assert torch.equal(x, kept)
    assert fresh.data_ptr() != x.data_ptr()
    assert function(x, out=x) is x
    assert torch.equal(x, buffer)


@pytest.mark.parametrize("kind", ["value", "derivative"])
@pytest.mark.parametrize("name", NAMES)
def test_any_shape_and_stride(name: str, kind: str) -> None:
    """Scalars, empty tensors and strided views, as argument and as out, give what a flat vector gives."""
    function = getattr(get(name), kind)
    x = torch.linspace(-4, 4, 60, dtype=torch.float64)
    flat = function(x)
    strided = torch.empty(10, 6, 2, dtype=torch.float64)[..., 0]
    # Strided kernels may take a scalar code path, which rounds differently in the last places.
    torch.testing.assert_close(
        function(x.view(6, 10).T, out=strided), flat.view(6, 10).T, rtol=1e-14, atol=1e-15
    )
    torch.testing.assert_close(function(x[7]), flat[7], rtol=1e-14, atol=1e-15)
    assert function(x[:0]).shape == (0,)


def supremum(function) -> float:
    """The largest |function| on [−40, 40]: a grid of 1/200, then a bounded search around its best point."""
    grid = torch.linspace(-40, 40, 16001, dtype=torch.float64)
    best = grid[function(grid).abs().argmax()].item()

    def negative(x: float) -> float:
        return -abs(function(torch.tensor([x], dtype=torch.float64)).item())

    found = minimize_scalar(
        negative, bounds=(best - 0.01, best + 0.01), method="bounded", options={"xatol": 1e-9}
    )
    return max(-found.fun, function(grid).abs().max().item())


@pytest.mark.parametrize("name", LIPSCHITZ)
def test_lipschitz_constant_is_the_supremum_of_the_slope(name: str) -> None:
    """The Lipschitz constant of σ is sup |σ′|, neither too small nor too large, to 1e-12."""
    activation = get(name)
    assert supremum(activation.derivative) == pytest.approx(activation.lipschitz, rel=1e-12)


@pytest.mark.parametrize("name", DERIVATIVE_LIPSCHITZ)
def test_derivative_lipschitz_constant_is_the_supremum_of_the_curvature(name: str) -> None:
    """The Lipschitz constant of σ′ is sup |σ″|, with σ″ by automatic differentiation, to 1e-12."""
    activation = get(name)
    if name == "identity":
        assert activation.derivative_lipschitz == 0
        return
    curvature = supremum(lambda x: autograd(activation.derivative, x))
    assert curvature == pytest.approx(activation.derivative_lipschitz, rel=1e-12)


@pytest.mark.parametrize("name", LIPSCHITZ)
@given(x=st.floats(-50, 50), y=st.floats(-50, 50))
@quick
def test_lipschitz_constants_are_never_exceeded(name: str, x: float, y: float) -> None:
    """No pair of points separates σ, or σ′, by more than the stated constant times their distance."""
    activation = get(name)
    pair = torch.tensor([x, y], dtype=torch.float64)
    for function, constant in (
        (activation.value, activation.lipschitz),
        (activation.derivative, activation.derivative_lipschitz),
    ):
        if constant is not None:
            values = function(pair)
            allowed = constant * abs(x - y) + 2 * rounding(torch.float64, values.abs().max().item())
            assert abs(values[0] - values[1]).item() <= allowed


@pytest.mark.parametrize("name", NAMES)
def test_no_constant_is_missing(name: str) -> None:
    """Where no Lipschitz constant is stated, difference quotients exceed 10⁵ somewhere."""
    activation = get(name)
    # Across the origin at distance 2e-6, and far out.
    pairs = torch.tensor([[-1e-6, 1e-6], [1e6, 1e6 + 1]], dtype=torch.float64)
    for function, constant in (
        (activation.value, activation.lipschitz),
        (activation.derivative, activation.derivative_lipschitz),
    ):
        quotients = function(pairs).diff(dim=1).abs() / pairs.diff(dim=1)
        # The unit step's σ′ = 0 is the one that is Lipschitz as a function yet states no constant.
        missing = constant is None and not (name == "step" and function is activation.derivative)
        assert (quotients.max().item() > 1e5) == missing


@pytest.mark.parametrize("name", NAMES)
def test_kinks_are_where_smoothness_ends(name: str) -> None:
    """An activation has kinks exactly if its derivative has no Lipschitz constant."""
    activation = get(name)
    assert bool(activation.kinks) == (activation.derivative_lipschitz is None)


@pytest.mark.parametrize("name", NAMES)
@given(x=points, t=st.floats(0.125, 8, width=32))
@quick
def test_homogeneous_degree_scales(name: str, x: float, t: float) -> None:
    """σ(tx) = tᵖσ(x) for t > 0 and Euler's xσ′(x) = pσ(x) where a degree p is stated."""
    activation = get(name)
    p = activation.homogeneous_degree
    at = torch.tensor([x], dtype=torch.float64)
    value = activation.value(at).item()
    if p is None:
        # Nothing else is homogeneous: every one of them fails one of these at x = 2, t = 2.
        two = torch.tensor([2.0, 4.0, -2.0, -4.0], dtype=torch.float64)
        v = activation.value(two)
        assert all((v[1] - 2.0**q * v[0]).abs() + (v[3] - 2.0**q * v[2]).abs() > 1e-3 for q in (0, 1, 2))
        return
    scaled = activation.value(t * at).item()
    # Products of float32 numbers are exact in float64; the slope 0.01 rounds.
    assert scaled == pytest.approx(t**p * value, rel=4e-16 * 4, abs=0)
    assert x * activation.derivative(at).item() == pytest.approx(p * value, rel=4e-16 * 4, abs=0)


def test_convention_at_zero() -> None:
    """At the origin σ′ is torch's choice: 0 for relu, abs and step, the left slope for leaky_relu."""
    zero = torch.zeros(1)
    slopes = {name: get(name).derivative(zero).item() for name in NAMES if get(name).kinks}
    assert slopes == {"relu": 0, "leaky_relu": pytest.approx(0.01), "abs": 0, "step": 0}
    assert get("step").value(zero).item() == 0


@pytest.mark.parametrize("name", NAMES)
def test_activations_travel_between_processes(name: str) -> None:
    """A named activation survives pickling and is still equal to itself."""
    assert pickle.loads(pickle.dumps(get(name))) == get(name)


# --- get, register ---------------------------------------------------------------------------------------


def test_get_returns_activations_as_they_are() -> None:
    """An Activation is its own name."""
    relu = get("relu")
    assert get(relu) is relu
    assert str(relu) == relu.name == "relu"


@pytest.mark.parametrize(
    ("asked", "suggested"),
    [("gleu", "gelu"), ("ReLU", "relu"), ("leaky-relu", "leaky_relu"), ("softplu", "softplus")],
)
def test_unknown_name_suggests_the_nearest(asked: str, suggested: str) -> None:
    """A misspelt name is answered by the nearest one and the list of all."""
    with pytest.raises(BadInput, match=f"did you mean '{suggested}'") as raised:
        get(asked)
    assert all(name in str(raised.value) for name in NAMES)
    assert "\n" not in str(raised.value)


def test_unknown_name_without_a_neighbour_lists_all() -> None:
    """A name that resembles nothing gets no suggestion, only the list."""
    with pytest.raises(BadInput, match="unknown activation 'xyzzy': known are relu"):
        get("xyzzy")


@pytest.mark.parametrize("wrong", [3, None, torch.zeros(2)])
def test_what_is_no_activation_is_refused(wrong: object) -> None:
    """Neither numbers nor tensors are activations."""
    with pytest.raises(BadInput, match="a name or a function"):
        get(wrong)  # type: ignore[arg-type]


def test_register_makes_a_name_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A registered activation is found by name, once; a name is never given to a second one."""
    monkeypatch.setattr(activations, "_registry", dict(activations._registry))
    mine = register(from_callable(torch.arctan, name="arctan"))
    assert get("arctan") is mine
    assert register(from_callable(torch.arctan, name="arctan")) == mine
    with pytest.raises(BadInput, match="already named 'arctan'"):
        register(from_callable(torch.tanh, name="arctan"))
    with pytest.raises(BadInput, match="already named 'relu'"):
        register(from_callable(torch.tanh, name="relu"))


FILE = """
import torch
from simulate.activations import from_callable

def swish(x):
    return x * torch.sigmoid(x)

relu6 = from_callable(torch.nn.functional.relu6, kinks=(0, 6), lipschitz=1)
number = 3
"""


@pytest.fixture
def user_file(tmp_path: Path) -> Path:
    """A file with a function, an activation and something that is neither."""
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    return path


def test_function_from_a_file(user_file: Path) -> None:
    """path/to/file.py:function is imported, named by address and version, and the same one the second time."""
    address = f"{user_file}:swish"
    swish = get(address)
    x = torch.linspace(-3, 3, 50, dtype=torch.float64)
    torch.testing.assert_close(swish.value(x), get("silu").value(x))
    torch.testing.assert_close(swish.derivative(x), get("silu").derivative(x))
    assert swish.name.partition("#")[0] == address
    assert get(swish.name) is get(address) is swish
    assert pickle.loads(pickle.dumps(swish)) == swish


def test_a_changed_file_is_another_activation(user_file: Path) -> None:
    """When the file changes its function gets another name, and the old name is refused."""
    old = get(f"{user_file}:swish")
    user_file.write_text(FILE.replace("sigmoid(x)", "sigmoid(2 * x)"))
    new = get(f"{user_file}:swish")
    assert new.name != old.name
    x = torch.linspace(-3, 3, 50, dtype=torch.float64)
    assert not torch.allclose(new.value(x), old.value(x))
    with pytest.raises(BadInput, match="has changed since"):
        get(old.name)


def test_activation_from_a_file_keeps_its_constants(user_file: Path) -> None:
    """An Activation in a file is taken with all that it states."""
    relu6 = get(f"{user_file}:relu6")
    assert relu6.kinks == (0, 6)
    assert relu6.lipschitz == 1


def test_function_from_a_module() -> None:
    """package.module:function is imported."""
    silu = get("torch.nn.functional:silu")
    x = torch.linspace(-3, 3, 50)
    assert torch.equal(silu.value(x), get("silu").value(x))


def test_bad_addresses_are_one_clear_line(user_file: Path, tmp_path: Path) -> None:
    """What cannot be imported is said in one line, whatever the user's module raises."""
    broken = tmp_path / "broken.py"
    broken.write_text("1 / 0")
    for address, message in (
        (f"{user_file}:nothing", "has no function or activation 'nothing'"),
        (f"{user_file}:number", "has no function or activation 'number'"),
        (f"{tmp_path / 'absent.py'}:f", "there is no file"),
        (f"{broken}:f", "ZeroDivisionError"),
        ("no.such.module:f", "ModuleNotFoundError"),
        (":f", "is not of the form"),
        ("module:", "is not of the form"),
        ("math:sin", "math:sin fails on a tensor"),
    ):
        with pytest.raises(BadInput, match=message) as raised:
            get(address)
        assert "\n" not in str(raised.value)


# --- functions of the user's -----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@given(xs=vectors)
@quick
def test_autograd_derivative_of_a_callable(dtype: torch.dtype, xs: list[float]) -> None:
    """A callable alone gives the same activation as its named twin, with and without out."""
    mine, named = from_callable(torch.nn.GELU()), get("gelu")
    x = torch.tensor(xs, dtype=dtype)
    for kind in ("value", "derivative"):
        expected = getattr(named, kind)(x)
        error = (getattr(mine, kind)(x) - expected).abs().numpy()
        assert (error <= rounding(dtype, expected.numpy())).all()
        buffer = torch.empty_like(x)
        assert getattr(mine, kind)(x, out=buffer) is buffer
        assert torch.equal(buffer, getattr(mine, kind)(x))


def test_autograd_derivative_works_inside_no_grad_and_inference_mode() -> None:
    """Simulations switch differentiation off; a user's derivative is computed all the same."""
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            mine = from_callable(torch.tanh)
            x = torch.linspace(-2, 2, 9)
            slope = mine.derivative(x)
        assert not slope.requires_grad
        torch.testing.assert_close(slope, get("tanh").derivative(x))


def test_autograd_derivative_can_be_differentiated() -> None:
    """The gradient through a user's σ′ is σ″."""
    x = torch.linspace(-2, 2, 9, dtype=torch.float64)
    torch.testing.assert_close(autograd(from_callable(torch.sin).derivative, x), -torch.sin(x))


def test_trainable_parameters_stay_out_of_buffers() -> None:
    """A module with parameters of its own leaves no graph behind in the out buffer."""
    slope = torch.nn.Parameter(torch.tensor(0.1))
    out = torch.empty(3)
    mine = from_callable(lambda x: torch.where(x > 0, x, slope.to(x.dtype) * x), name="trainable")
    assert not mine.value(torch.ones(3), out=out).requires_grad
    assert not mine.derivative(torch.ones(3), out=out).requires_grad


def test_identity_of_the_user_returns_a_copy() -> None:
    """A function that returns its argument itself does not make value alias it."""
    x = torch.ones(3)
    assert from_callable(lambda x: x).value(x).data_ptr() != x.data_ptr()


REFUSED = {
    "mixes rows": (torch.nn.Softmax(dim=0), "not elementwise"),
    "subtracts the mean": (lambda x: x - x.mean(), "not elementwise"),
    "normalises": (lambda x: x / x.norm(), "not elementwise"),
    "accumulates": (lambda x: x.cumsum(0), "not elementwise"),
    "reduces": (lambda x: x.sum(), "keep shape and dtype"),
    "changes dtype": (lambda x: x.double(), "keep shape and dtype"),
    "returns a number": (lambda x: 1.0, "must return a torch tensor, not float"),
    "works in place": (lambda x: x.relu_(), "changes its argument"),
    "is random": (torch.rand_like, "different values when called twice"),
    "has poles": (lambda x: 1 / x, "not finite at 0"),
    "has a domain": (torch.log, "not finite at -8.5: nan"),
    "raises": (lambda x: x[200], "IndexError"),
    "hides from autograd": (lambda x: x.detach().clone(), "give derivative="),
    "has an infinite slope": (lambda x: x.abs().sqrt(), "derivative of .* is not finite at 0"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_functions_that_are_no_activation_are_refused(case: str) -> None:
    """Each way of not being an elementwise finite function is said in one line."""
    function, message = REFUSED[case]
    with pytest.raises(BadInput, match=message) as raised:
        from_callable(function, name="mine")
    assert "\n" not in str(raised.value)


def test_numpy_functions_need_their_derivative() -> None:
    """A function that leaves torch is asked for its derivative, and accepted with it."""

    def numpy_sin(x: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(np.sin(x.numpy()))

    with pytest.raises(BadInput, match="give derivative="):
        from_callable(numpy_sin)
    assert isinstance(from_callable(numpy_sin, torch.cos), Activation)


@pytest.mark.parametrize(
    "wrong",
    [lambda x: -torch.cos(x), lambda x: 1.05 * torch.cos(x), torch.sin, torch.zeros_like],
    ids=["sign", "factor", "other function", "zero"],
)
def test_wrong_derivatives_are_refused(wrong) -> None:
    """A derivative with a wrong sign, a lost factor, or of another function is noticed."""
    with pytest.raises(BadInput, match="derivative given for sin is wrong at"):
        from_callable(torch.sin, wrong)


def test_stated_constants_are_tried() -> None:
    """A Lipschitz constant that a difference quotient exceeds is refused; the right one passes."""
    from_callable(torch.tanh, lipschitz=1, derivative_lipschitz=4 / math.sqrt(27))
    with pytest.raises(BadInput, match=r"lipschitz=0\.9 is too small"):
        from_callable(torch.tanh, lipschitz=0.9)
    with pytest.raises(BadInput, match=r"derivative_lipschitz=0\.7 is too small"):
        from_callable(torch.tanh, derivative_lipschitz=0.7)
    with pytest.raises(BadInput, match="finite and ≥ 0"):
        from_callable(torch.tanh, lipschitz=-1)


def test_kinks_are_kept_and_need_no_derivative() -> None:
    """Stated kinks are stored as floats, the derivative may be infinite there, and disorder is refused."""
    cusp = from_callable(lambda x: x.abs().sqrt(), kinks=(0,), name="cusp")
    assert cusp.kinks == (0.0,)
    with pytest.raises(BadInput, match="distinct and ascending"):
        from_callable(torch.nn.functional.relu6, kinks=(6, 0))


def test_file_is_run_once_until_it_changes(user_file: Path) -> None:
    """A file is a module like any other: run on first use, and again only after it has been written."""
    user_activations._module_from_file.cache_clear()
    get(f"{user_file}:swish")
    get(f"{user_file}:relu6")
    assert user_activations._module_from_file.cache_info().misses == 1
