"""Chapter 2: the bisection for the smallest ε of FGS, and the indices of a flattened matrix."""

from __future__ import annotations

from typing import Any

from theorems import Domain, Integers, Reals, Sides, Universal
from theorems.statements.thesis.source import thesis

# --- Algorithm 2.1 ----------------------------------------------------------------------------------


def passes(threshold: Any, upper: Any) -> int | None:
    """How often Algorithm 2.1 passes its loop before it ends; None if it repeats itself and never ends.

    The state of the loop is (l, u, ε): once a pass leaves it as it is, so does every later one.
    """
    low, high, epsilon = upper * 0, upper, upper / 2
    count = 0
    while high - low > 0:
        state = (low, high, epsilon)
        if epsilon < threshold:  # f(x) = f(x + εs)
            low = epsilon
        else:
            high = epsilon
        epsilon = low + (high - low) / 2
        count += 1
        if (low, high, epsilon) == state:
            return None
    return count


bisection = Universal(
    id="003.algorithm-2.1",
    title="the bisection for the smallest ε ends",
    text=r"Algorithm 2.1: $l \leftarrow 0$, $\varepsilon \leftarrow \frac{u}{2}$; while $u - l > 0$: if $f(x) = f(x + "
    r"\varepsilon s)$ then $l \leftarrow \varepsilon$ else $u \leftarrow \varepsilon$; $\varepsilon \leftarrow l + "
    r"\frac{u-l}{2}$. Return $\varepsilon$, an estimated minimal value for $\varepsilon$.",
    reading="for all u > 0 and 0 < τ <= u, if f(x + εs) ≠ f(x) exactly for ε >= τ, the algorithm ends and returns. "
    "The initial value of u is not printed; it is a parameter here. Run in float64, where the loop ends or repeats a "
    "state: after each pass u − l is half of what it was, until ε rounds to l or to u. In exact arithmetic u − l "
    "never is 0",
    source=thesis("Algorithm 2.1"),
    domain=Domain(u=Reals(0, open=(True, False)), tau=Reals(0, "u", open=(True, False))),
    conclusion=lambda u, tau: Sides.true(passes(tau, u) is not None),
)


def _bisected(threshold: Any, upper: Any, tolerance: Any) -> Any:
    low, high = upper * 0, upper
    while high - low > tolerance:
        middle = low + (high - low) / 2
        if middle < threshold:
            low = middle
        else:
            high = middle
    return high


bisection_corrected = Universal(
    id="003.algorithm-2.1.corrected",
    title="the bisection for the smallest ε, up to a tolerance",
    text=r"Algorithm 2.1 with a tolerance $a > 0$: $l \leftarrow 0$, $u \leftarrow M$; while $u - l > a$: "
    r"$\varepsilon \leftarrow l + \frac{u-l}{2}$; if $f(x) = f(x + \varepsilon s)$ then $l \leftarrow \varepsilon$ "
    r"else $u \leftarrow \varepsilon$. Return $u$.",
    reading="for all M > 0, 0 < τ <= M and 10⁻⁹M <= a <= M, if f(x + εs) ≠ f(x) exactly for ε >= τ, the algorithm "
    "ends and returns u with τ <= u <= τ + a. The returned end changes the class, the middle that was printed need "
    "not. Where f changes back along the ray, a boundary is found that need not be the first",
    source=thesis("Algorithm 2.1"),
    corrects="003.algorithm-2.1",
    repair="missing hypothesis",
    domain=Domain(
        M=Reals(1e-3, 1e3), tau=Reals(0, "M", open=(True, False)), a=Reals(lambda v: 1e-9 * v["M"], "M")
    ),
    conclusion=lambda M, tau, a: (
        Sides(_bisected(tau, M, a), tau + a) if _bisected(tau, M, a) >= tau else Sides.true(False)
    ),
)

# --- flattening -------------------------------------------------------------------------------------

flattening = Universal(
    id="003.flattening",
    title="indices of a flattened matrix",
    text="Flattening turns the original indices into $f(i,j) = n(i-1) + j$. Conversely, the inverse "
    r"transformation is $f_1(k) = \mathrm{quo}(k-1, n) + 1$, $f_2(k) = \mathrm{rem}(k-1, n) + 1$: "
    "$f_1(f(i,j)) = i$ and $f_2(f(i,j)) = j$.",
    reading="for all n, i and 1 <= j <= n: f1(f(i, j)) = i and f2(f(i, j)) = j, in whole numbers",
    source=thesis("Section 2.4.3"),
    domain=Domain(
        n=Integers(1, 10_000, log=True), i=Integers(1, 10_000, log=True), j=Integers(1, "n", log=True)
    ),
    conclusion=lambda n, i, j: Sides.true(divmod(n * (i - 1) + j - 1, n) == (i - 1, j - 1)),
    made_false=lambda n, i, j: Sides.true(divmod(n * (i - 1) + j, n) == (i - 1, j - 1)),  # quo(k, n) + 1
)
