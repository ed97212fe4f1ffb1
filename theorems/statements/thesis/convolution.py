"""Chapter 5 and A.2: rectified convolutions, and how much a convolution can enlarge a perturbation."""

from __future__ import annotations

from typing import Any

from theorems import Array, Domain, Integers, Reals, Sides, Universal, Vector
from theorems import maths as m
from theorems.layers import convolution, most_windows, windows
from theorems.statements.thesis.images import MODERATE, SIZES, image, windowed
from theorems.statements.thesis.source import thesis
from theorems.statements.tools import equal_terms

# --- Lemmas A.2 and A.3 -----------------------------------------------------------------------------

relu_subadditive = Universal(
    id="003.lemma-A.2.1",
    title="ReLU is subadditive",
    text=r"Let $a, b \in \mathbb{R}$, then $\mathrm{ReLU}(a + b) \leq \mathrm{ReLU}(a) + \mathrm{ReLU}(b)$.",
    reading="for all a, b: max(a + b, 0) <= max(a, 0) + max(b, 0)",
    source=thesis("Lemma A.2.1"),
    domain=Domain(a=Reals(), b=Reals()),
    conclusion=lambda a, b: Sides(m.relu(a + b), m.relu(a) + m.relu(b)),
)

_KERNELS: dict[str, Any] = {"k": Integers(1, 2), "W": Array("k", "c", "q", "q", entries=MODERATE)}


def _size(W: Any, *images: Any) -> Any:
    return 1 + m.norm(W, 1) * sum(m.norm(X, 1) for X in images)


linear = Universal(
    id="003.lemma-A.2.2",
    title="convolutions are linear",
    text=r"Let $\mathbf{W}, \mathbf{X}, \mathbf{R}$ be tensors and $s \in \mathbb{N}$, then $\mathbf{W} \star_s "
    r"(\mathbf{X} + \mathbf{R}) = \mathbf{W} \star_s \mathbf{X} + \mathbf{W} \star_s \mathbf{R}$.",
    reading=f"for all k kernels, {SIZES}: the sums over all entries, weighted by any G, of both sides agree, "
    "⟨G, W⋆(X + R)⟩ = ⟨G, W⋆X⟩ + ⟨G, W⋆R⟩",
    source=thesis("Lemma A.2.2"),
    domain=windowed(
        **_KERNELS, X=image(MODERATE), R=image(MODERATE), G=Array("k", "t", "t", entries=Reals(-1, 1))
    ),
    conclusion=lambda W, X, R, G, s: equal_terms(
        m.sum(G * convolution(W, X + R, s)),
        m.sum(G * convolution(W, X, s)) + m.sum(G * convolution(W, R, s)),
        _size(W, X, R),
    ),
    made_false=lambda W, X, R, G, s: equal_terms(
        m.sum(G * convolution(W, X + R, s)), m.sum(G * convolution(W, X, s)), _size(W, X, R)
    ),
)

flattened = Universal(
    id="003.lemma-A.2.3",
    title="flattening keeps the norm",
    text=r"Let $\mathbf{X}$ be any real-valued tensor, then $\|\overline{\mathbf{X}}\| = \|\mathbf{X}\|_F$.",
    reading="for all sizes up to 3 and X ∈ R^{a×b×c}: the Euclidean norm of the vector with X_ijk in place "
    "(i·b + j)·c + k is the root of the sum over i, of the sums over j, of the sums over k of X_ijk²",
    source=thesis("Lemma A.2.3"),
    domain=Domain(
        a=Integers(1, 3), b=Integers(1, 3), c=Integers(1, 3), X=Array("a", "b", "c", entries=MODERATE)
    ),
    conclusion=lambda X: Sides.equal(
        m.norm(X.reshape(-1)), m.sqrt(m.sum(m.sum(m.sum(X * X, axis=2), axis=1), axis=0))
    ),
)

relu_norm = Universal(
    id="003.lemma-A.2.4",
    title="ReLU does not increase the norm",
    text=r"Let $\mathbf{X}$ be any real-valued tensor, then $\|\mathrm{ReLU}(\mathbf{X})\|_F \leq \|\mathbf{X}\|_F$.",
    reading="for all sizes up to 3 and X ∈ R^{a×b×c}: ‖ReLU(X)‖_F <= ‖X‖_F",
    source=thesis("Lemma A.2.4"),
    domain=Domain(a=Integers(1, 3), b=Integers(1, 3), c=Integers(1, 3), X=Array("a", "b", "c")),
    conclusion=lambda X: Sides(m.norm(m.relu(X)), m.norm(X)),
)

sum_of_products = Universal(
    id="003.lemma-A.3",
    title="a sum of products is at most the product of the sums",
    text=r"Non-negative real numbers $a_i, b_i$, $i = 1, \ldots, n$, satisfy $\sum_{i} a_i b_i \leq "
    r"\left(\sum_{i} a_i\right) \left(\sum_{i} b_i\right)$.",
    reading="for all n and a, b ∈ R^n with entries >= 0: Σ a_i b_i <= (Σ a_i)(Σ b_i)",
    source=thesis("Lemma A.3"),
    domain=Domain(n=Integers(1, 6), a=Vector("n", Reals(0)), b=Vector("n", Reals(0))),
    conclusion=lambda a, b: Sides(m.sum(a * b), m.sum(a) * m.sum(b)),
)

# --- Lemma A.4 --------------------------------------------------------------------------------------

_LEMMA_A_4 = r"$\|\mathbf{W} \star \mathbf{R}\|_{F} \leq "

norm_of_convolution = Universal(
    id="003.lemma-A.4",
    title="Frobenius norm of a convolution",
    text=_LEMMA_A_4 + r"\|\mathbf{W}\|_{F} \|\mathbf{R}\|_{F}$.",
    reading=f"for all k kernels, {SIZES}: ‖W⋆R‖_F <= ‖W‖_F‖R‖_F. Windows may overlap, q > s",
    source=thesis("Lemma A.4"),
    domain=windowed(**_KERNELS, R=image(MODERATE)),
    conclusion=lambda W, R, s: Sides(m.norm(convolution(W, R, s)), m.norm(W) * m.norm(R)),
)

norm_of_convolution_corrected = Universal(
    id="003.lemma-A.4.corrected",
    title="Frobenius norm of a convolution, with the overlap of its windows",
    text=_LEMMA_A_4 + r"\lceil q/s \rceil \|\mathbf{W}\|_{F} \|\mathbf{R}\|_{F}$.",
    reading=f"for all k kernels, {SIZES}: ‖W⋆R‖_F <= min(⌈q/s⌉, t)·‖W‖_F‖R‖_F: each pixel is in at most "
    "min(⌈q/s⌉, t)² windows. Without overlap, s >= q, the factor is 1 and the printed bound holds",
    source=thesis("Lemma A.4"),
    corrects="003.lemma-A.4",
    repair="constant",
    domain=windowed(**_KERNELS, R=image(MODERATE)),
    conclusion=lambda W, R, q, s, t: Sides(
        m.norm(convolution(W, R, s)), most_windows(q, s, t) * m.norm(W) * m.norm(R)
    ),
)

_PROOF = r"$\|\mathbf{W} \star \mathbf{R}\|_F^2 = \sum_{i,j,k} (\mathbf{W}_i \star \mathbf{R})_{jk}^2 "


def _squares(W: Any, R: Any, s: int) -> Any:
    """Σ over all windows and kernels of Σ w² r²."""
    return m.sum(convolution(W * W, R * R, s))


square_of_sum = Universal(
    id="003.lemma-A.4-proof",
    title="the square of a convolution's sum, in the proof",
    text=_PROOF + r"= \sum_{i,j,k,l,m,n} w_{ilmn}^2 r_{l,m+s(j-1),n+s(k-1)}^2$.",
    reading=f"for all k kernels, {SIZES}: ‖W⋆R‖_F² = Σ w²r²",
    source=thesis("Lemma A.4, proof"),
    domain=windowed(**_KERNELS, R=image(MODERATE)),
    conclusion=lambda W, R, s: Sides.equal(m.norm(convolution(W, R, s)) ** 2, _squares(W, R, s)),
)


def _by_windows(W: Any, R: Any, s: int) -> Any:
    """‖W‖_F² Σ over all windows of ‖window‖²."""
    seen = windows(R, W.shape[-1], s)
    return m.sum(W * W) * m.sum(seen * seen)


square_of_sum_corrected = Universal(
    id="003.lemma-A.4-proof.corrected",
    title="the square of a convolution's sum, by the Cauchy-Schwarz inequality",
    text=_PROOF
    + r"\leq \left(\sum_{i,l,m,n} w_{ilmn}^2\right) \left(\sum_{j,k,l,m,n} r_{l,m+s(j-1),n+s(k-1)}^2\right)$.",
    reading=f"for all k kernels, {SIZES}: ‖W⋆R‖_F² <= (Σ w²)·(Σ over all windows of Σ r²), where a pixel counts once "
    "for each window that it is in",
    source=thesis("Lemma A.4, proof"),
    corrects="003.lemma-A.4-proof",
    repair="false",
    domain=windowed(**_KERNELS, R=image(MODERATE)),
    conclusion=lambda W, R, s: Sides(m.sum(convolution(W, R, s) ** 2), _by_windows(W, R, s)),
)

# --- Theorem 5.1 ------------------------------------------------------------------------------------

_THEOREM_5_1 = (
    r"A convolutional layer has the filter tensor $\mathbf{W} \in \mathbb{R}^{k \times c \times q \times "
    r"q}$, the stride $s$ and, as its input, a 3D tensor $\mathbf{X} \in \mathbb{R}^{c \times d \times d}$. "
    r"If $\kappa$ is a robustness bound of the next layer, every adversarial perturbation of this layer's "
    r"input satisfies $\|\mathbf{R}\|_F \geq "
)
_LAYER: dict[str, Any] = {**_KERNELS, "b": Vector("k", MODERATE), "X": image(MODERATE), "R": image(MODERATE)}


def _rectified(W: Any, X: Any, b: Any, s: int) -> Any:
    return m.relu(convolution(W, X, s) + b[:, None, None])


theorem_5_1 = Universal(
    id="003.theorem-5.1",
    title="robustness of a convolutional layer",
    text=_THEOREM_5_1 + r"\frac{\kappa}{\|\mathbf{W}\|_F}$.",
    reading=f"for all k kernels with biases b, {SIZES}: under the text's condition (5.1), "
    "κ = ‖ReLU(W⋆(X + R) + b)‖_F − ‖ReLU(W⋆X + b)‖_F, κ <= ‖W‖_F‖R‖_F; then it fails under the definition too, "
    "whose κ is no less. Windows may overlap, q > s",
    source=thesis("Theorem 5.1"),
    domain=windowed(**_LAYER),
    conclusion=lambda W, b, X, R, s: Sides(
        m.norm(_rectified(W, X + R, b, s)) - m.norm(_rectified(W, X, b, s)), m.norm(W) * m.norm(R)
    ),
)

theorem_5_1_corrected = Universal(
    id="003.theorem-5.1.corrected",
    title="robustness of a convolutional layer, with the overlap of its windows",
    text=_THEOREM_5_1 + r"\frac{\kappa}{\lceil q/s \rceil \|\mathbf{W}\|_F}$.",
    reading=f"for all k kernels with biases b, {SIZES}: under the definition, κ = ‖ReLU(W⋆(X + R) + b) − "
    "ReLU(W⋆X + b)‖_F, κ <= min(⌈q/s⌉, t)·‖W‖_F‖R‖_F",
    source=thesis("Theorem 5.1"),
    corrects="003.theorem-5.1",
    repair="constant",
    domain=windowed(**_LAYER),
    conclusion=lambda W, b, X, R, q, s, t: Sides(
        m.norm(_rectified(W, X + R, b, s) - _rectified(W, X, b, s)),
        most_windows(q, s, t) * m.norm(W) * m.norm(R),
    ),
)
