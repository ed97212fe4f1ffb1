"""One step away from a random point of a random two-layer network, sampled in two ways.

The network is f(x) = k^{−1/2} Σ_j a_j σ(w_j·x) with a_j = ±1 fair and w_j ~ N(0, I/d), and x is uniform on
√d·S^{d−1}. What one step can show of it is a `Response`: u = W x, f(x), ‖∇f(x)‖, and the image W e of a unit
vector e for each direction of interest. Then f(x + r e) = k^{−1/2} a·σ(u + r W e) for every length r at once.

`dense` draws W. `conditional` draws the same random variables without W, exactly in law at every finite k
and d, from two Gaussian k-vectors, a count of signs and one χ²:

    u = W x ~ N(0, I_k)                                        since ‖x‖ = √d
    v = k^{−1/2} a∘σ′(u),  ∇f = Wᵀv = (u·v/√d) x̂ + g_⊥         x̂ = x/√d;  u·v/√d = x̂·∇f
    W = u x̂ᵀ/√d + W_⊥,  W_⊥ independent of u                    the part of W that lives on x̂^⊥
    g_⊥ = W_⊥ᵀ v  is N(0, |v|² I/d) on x̂^⊥                      so |g_⊥|² = |v|² χ²_{d−1}/d
    W_⊥ given W_⊥ᵀv̂ = h (v̂ = v/|v|, |h|² = χ²/d):  W_⊥ = v̂hᵀ + (I − v̂v̂ᵀ)W_⊥
    W ĝ_⊥ = v̂ √(χ²/d) + (I − v̂v̂ᵀ) z/√d,  z ~ N(0, I_k)         ĝ_⊥ = h/|h|
    W m̂   = (I − v̂v̂ᵀ) z′/√d,  z′ ~ N(0, I_k)                    for a unit m̂ orthogonal to x̂ and ĝ_⊥

(the principle of deferred decisions; Y. M. Lu, "Householder Dice", IEEE Trans. Inf. Theory 67(12), 2021).
If v = 0 the gradient vanishes, v̂ is taken as 0, and W of any unit vector of x̂^⊥ is z/√d, as it must be.
Every image is so a combination of u, v, z and z′, with coefficients that are a few numbers a network.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from simulate.activations import Activation
from simulate.data import sphere
from simulate.matrices import DenseGaussian
from simulate.networks import TwoLayerNetwork
from simulate.streams import Stream

DIRECTIONS = ("gradient", "sign", "random")
"""The unit vectors along which a step can go: ∇f/‖∇f‖, sign(∇f)/‖sign(∇f)‖, and uniform on the sphere."""

Draws = dict[str, Tensor]
"""The random numbers behind a response, by name: everything else is a function of them."""

Buffer = Callable[..., Tensor]
"""`buffer(name, *shape)`: working memory of shape (batch, *shape).

Everything of that size is put there: fresh memory for each product costs page faults, and a long run that keeps a
few numbers of each batch between them splits the heap until nothing fits into its holes.
"""

Sampler = Callable[[int, int, Sequence[str], Stream], Draws]
Responder = Callable[[int, int, Activation, Sequence[str], Draws, Buffer], "Response"]


@dataclass(frozen=True)
class Response:
    """What B networks show of themselves at one point and along some directions.

    Attributes:
        preactivations: u = W x, shape (B, k).
        signs: a, shape (B, k).
        output: f(x), shape (B,).
        gradient_norm: ‖∇f(x)‖, shape (B,); 0 where its square underflows (in float32 below 10⁻¹⁹).
        images: for each direction the vectors W e, |e| = 1, shape (B, k). A direction that does not exist
            (no gradient) has image 0.

    """

    preactivations: Tensor
    signs: Tensor
    output: Tensor
    gradient_norm: Tensor
    images: dict[str, Tensor]


def draw_dense(width: int, dim: int, directions: Sequence[str], stream: Stream) -> Draws:
    """The point, the signs and the whole matrix (its entries with variance 1)."""
    draws = {"x": sphere(stream, dim), "a": stream.signs("a", width), "W": stream.normals("W", width, dim)}
    if "random" in directions:
        draws["e"] = sphere(stream, dim, "e", radius=1)
    return draws


def dense(
    width: int, dim: int, activation: Activation, directions: Sequence[str], draws: Draws, buffer: Buffer
) -> Response:
    """The response by plain products with W: three passes over k·d numbers, and one more for each control."""
    del width, buffer  # the shapes are in the draws, and products make their own memory
    network = TwoLayerNetwork(DenseGaussian.from_standard(draws["W"]), draws["a"], activation)
    u = network.matrix.matvec(draws["x"])
    gradient = network.gradient_from(u)
    norm = _norm(gradient)
    steps = {"gradient": gradient, "sign": torch.sign(gradient), "random": draws.get("e")}
    images = {}
    for direction in directions:
        step = steps[direction]
        assert step is not None
        images[direction] = network.matrix.matvec(_unit(step))
    return Response(u, draws["a"], network.read_out(u), norm, images)


def draw_conditional(width: int, dim: int, directions: Sequence[str], stream: Stream) -> Draws:
    """Two Gaussian k-vectors, a count of signs and one χ²_{d−1}; more only for the directions that need it.

    Neurons are exchangeable: how many signs are +1 says everything, and which ones are is not drawn.

    Each direction has exactly its joint law with the gradient step. The sign and the random direction are
    drawn independently of each other given the gradient, which is their law only up to terms of order
    1/√d: compare either with the gradient, not with each other inside one network.
    """
    draws = {
        "u": stream.normals("u", width),
        "a": _arranged(stream.binomial("a", width, 0.5), width, stream),
        "z": stream.normals("z", width),
        "chi2": _rounded(stream.chi_square("chi2", dim - 1), stream),
    }
    if "random" in directions:
        # e = (n₁, n₂, rest)/norm in the frame x̂, ĝ_⊥, rest: only the length of the rest matters.
        draws["random.frame"] = stream.normals("random.frame", 2)
        if dim > 2:
            draws["random.rest"] = _rounded(stream.chi_square("random.rest", dim - 2), stream)
            draws["random.z"] = stream.normals("random.z", width)
    if "sign" in directions:
        # sign(∇f) is not rotation invariant: it needs the coordinates of x and of ĝ_⊥, but still no W.
        draws["sign.x"] = sphere(stream, dim, radius=1)
        draws["sign.h"] = stream.normals("sign.h", dim)
        draws["sign.z"] = stream.normals("sign.z", width)
    return draws


def _arranged(positive: Tensor, width: int, stream: Stream) -> Tensor:
    """Signs of which `positive` are +1, shape (B, k): in balance for as long as there are both, then what is left.

    The balanced part is the Thue-Morse sequence, − where the number of ones among the bits of j is odd: each pair
    2i, 2i + 1 holds both signs, and so does each lane of a sum over every 2ⁿ-th neuron, so that the partial sums of
    Σ a_j σ(u_j) stay small, and with them the rounding.
    """
    place = torch.arange(width, device=positive.device)
    bits = place.clone()
    for shift in (32, 16, 8, 4, 2, 1):
        bits ^= bits >> shift
    alternating = (1 - 2 * (bits & 1)).to(stream.dtype)
    majority = torch.where(2 * positive > width, 1.0, -1.0).to(stream.dtype).unsqueeze(1)
    paired = stream.buffer("a.paired", width, dtype=torch.bool)
    torch.lt(place, 2 * torch.minimum(positive, width - positive).unsqueeze(1), out=paired)
    return torch.where(paired, alternating, majority, out=stream.buffer("a", width))


def _rounded(values: Tensor, stream: Stream) -> Tensor:
    """Numbers that come in float64, in the precision in which the stream draws the others."""
    return values.to(stream.drawn).to(stream.dtype)


def conditional(
    width: int, dim: int, activation: Activation, directions: Sequence[str], draws: Draws, buffer: Buffer
) -> Response:
    """The response by the conditional law above: O(k) numbers a trial, whatever d is."""
    u, a, z, chi2 = draws["u"], draws["a"], draws["z"], draws["chi2"]
    root_k, root_d = math.sqrt(width), math.sqrt(dim)
    v = activation.derivative(u, out=buffer("v", width)).mul_(a)  # √k v

    def dot(p: Tensor, q: Tensor) -> Tensor:
        """⟨p, q⟩ in each row."""
        return torch.mul(p, q, out=buffer("product", width)).sum(1)

    v_squared = dot(v, v)  # k |v|²
    # Below the smallest normal number 1/|v|² would overflow: such a v counts as 0.
    alive = v_squared >= torch.finfo(v.dtype).tiny
    inverse = torch.where(alive, 1 / v_squared, 0)
    along_x = torch.where(alive, dot(v, u), 0) / (root_k * root_d)  # x̂·∇f
    across_x = torch.sqrt(torch.where(alive, v_squared * chi2, 0)) / (root_k * root_d)  # |g_⊥|
    norm = torch.hypot(along_x, across_x)
    # √d W ĝ_⊥ = z + v (√χ²/|v| − v·z/|v|²), with √k v for v everywhere
    pull = torch.sqrt(chi2) * torch.sqrt(inverse) - dot(v, z) * inverse

    def image(name: str, on_x: Tensor, on_g: Tensor, rest: Tensor | None) -> Tensor:
        """W e for e = on_x x̂ + on_g ĝ_⊥ + rest m̂: a combination of u, v, z and the direction's own z′."""
        terms = [(u, on_x), (z, on_g)]
        on_v = on_g * pull
        if rest is not None:
            fresh = draws[f"{name}.z"]
            terms.append((fresh, rest))
            on_v = on_v - rest * dot(v, fresh) * inverse
        out = torch.mul(v, (on_v / root_d).unsqueeze(1), out=buffer(f"image.{name}", width))
        for vector, weight in terms:
            out.addcmul_(vector, (weight / root_d).unsqueeze(1))
        return out

    images = {}
    for direction in directions:
        if direction == "gradient":
            safe = torch.where(norm > 0, norm, 1)
            images[direction] = image(direction, along_x / safe, across_x / safe, None)
        elif direction == "random":
            n1, n2 = draws["random.frame"].unbind(1)
            rest = torch.sqrt(draws["random.rest"]) if dim > 2 else torch.zeros_like(n1)
            length = torch.sqrt(n1**2 + n2**2 + rest**2)
            images[direction] = image(direction, n1 / length, n2 / length, rest / length if dim > 2 else None)
        else:
            on_x, on_g, rest = _sign_frame(along_x, across_x, draws["sign.x"], draws["sign.h"], buffer)
            images[direction] = image(direction, on_x, on_g, rest if dim > 2 else None)
    output = _read_out(a, u, activation, buffer("hidden", width))
    return Response(u, a, output, norm, images)


def _sign_frame(
    along_x: Tensor, across_x: Tensor, x: Tensor, normals: Tensor, buffer: Buffer
) -> tuple[Tensor, Tensor, Tensor]:
    """Components of s = sign(∇f)/‖sign(∇f)‖ on x̂ and ĝ_⊥, and the length of what is left of it.

    ∇f = along_x x̂ + across_x ĝ_⊥; x holds the coordinates of x̂, shape (B, d), and ĝ_⊥ is made of the normals.
    """
    dim = x.shape[1]

    def dot(p: Tensor, q: Tensor) -> Tensor:
        return torch.mul(p, q, out=buffer("sign.product", dim)).sum(1)

    h = buffer("sign.across", dim).copy_(normals)
    for _ in range(2):  # once leaves a part along x̂ if the normals lie close to it, as they may for small d
        h.addcmul_(x, dot(h, x).unsqueeze(1), value=-1)
        h.div_(torch.sqrt(dot(h, h)).unsqueeze(1))
    s = torch.mul(x, along_x.unsqueeze(1), out=buffer("sign.step", dim))
    s.addcmul_(h, across_x.unsqueeze(1)).sign_()
    s.div_(torch.sqrt(dot(s, s)).clamp_min_(1).unsqueeze(1))  # 0 where there is no gradient
    on_x, on_g = dot(s, x), dot(s, h)
    # 1 − on_x² − on_g² would lose half of the digits where little is left.
    s.addcmul_(x, on_x.unsqueeze(1), value=-1).addcmul_(h, on_g.unsqueeze(1), value=-1)
    return on_x, on_g, torch.sqrt(dot(s, s))


def outputs_after(
    response: Response, direction: str, lengths: Sequence[Tensor], activation: Activation, buffer: Buffer
) -> Tensor:
    """f(x + r e) along a direction e, for each signed length r of shape (B,): shape (B, len(lengths))."""
    u, width = response.preactivations, response.preactivations.shape[1]
    moved = buffer("moved", width)
    columns = []
    for length in lengths:
        torch.addcmul(u, response.images[direction], length.unsqueeze(1), out=moved)
        columns.append(_read_out(response.signs, moved, activation, moved))
    return torch.stack(columns, dim=1)


def _read_out(signs: Tensor, preactivations: Tensor, activation: Activation, out: Tensor) -> Tensor:
    hidden = activation.value(preactivations, out=out)
    return torch.mul(hidden, signs, out=out).sum(1).div_(math.sqrt(signs.shape[1]))


def _norm(vectors: Tensor) -> Tensor:
    """The norm of each row, 0 where its square underflows.

    `torch.linalg.vector_norm` adds in sequence: at 10⁷ float32 numbers it is wrong by 4e-4.
    """
    squared = torch.linalg.vecdot(vectors, vectors)
    return torch.sqrt(torch.where(squared >= torch.finfo(squared.dtype).tiny, squared, 0))


def _unit(vectors: Tensor) -> Tensor:
    """Each row over its norm; a zero row stays zero."""
    norm = _norm(vectors)
    return vectors / torch.where(norm > 0, norm, 1).unsqueeze(1)


ENGINES: dict[str, tuple[Sampler, Responder]] = {
    "conditional": (draw_conditional, conditional),
    "dense": (draw_dense, dense),
}
"""Both ways to sample: the draws, then the response to them (a pure function, in any floating type)."""
