"""Formulas for the terminal: the usual macros, brackets where a reader needs them, nothing lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theorems.latex import plain

FORMULAS = {
    r"$\|Wx\|_2 \le \sqrt{k}\,\|x\|_2$": "‖Wx‖₂ ≤ √k‖x‖₂",
    r"$4\sqrt{k\log(2/\gamma)}$": "4√(k log(2/γ))",
    r"$\frac{1}{2k}$ and $\frac{a+b}{c}$": "1/(2k) and (a+b)/c",
    r"$a\frac{1}{2}x$, $\frac12$": "a 1/2 x, 1/2",
    r"$\mathbb{P}\left(|X| > t\right) \leq 2\exp\left(-\frac{t^2}{2\sigma^2}\right)$": "ℙ(|X| > t) ≤ 2 exp(−t²/(2σ²))",
    r"$x \in \mathbb{R}^{k\times d}$, $w_j\sim\mathcal{N}(0, I_d/d)$": "x ∈ ℝ^(k × d), wⱼ ∼ N(0, I_d/d)",
    r"$\operatorname{sign}(f(x)) \neq \text{sign}(f(x+\delta))$ w.p. $1-\gamma$": "sign(f(x)) ≠ sign(f(x+δ)) w.p. 1−γ",
    r"$\max_{i} x_i$, $\log k$, $2\log k$, $\sup_{x \in \mathcal{X}}f$": "maxᵢ xᵢ, log k, 2 log k, sup_(x ∈ X) f",
    r"$e^{-t^2/2}$, $x^\top y$, $\eta^{*}$, $\sigma'(z)$": "e^(−t²/2), xᵀ y, η*, σ′(z)",
    r"$x^{2q}$, $10^{-7}$": "x^(2q), 10⁻⁷",
    r"$\begin{cases} x & x>0\\ 0 & \text{else}\end{cases}$": "{x, x>0; 0, else}",
    r"$\begin{pmatrix}1 & 2\\3 & 4\end{pmatrix}$": "[1 2; 3 4]",
    r"$\|\delta\|_\infty \to 0$, $\|\nabla f(x)\| = \Omega(1)$": "‖δ‖_∞ → 0, ‖∇f(x)‖ = Ω(1)",
    r"$\hat{x}$, $\overline{ab}$, $\mathrm{argmax}_c\, x_c$": "x̂, overline(ab), argmax_c x_c",
    r"$\sqrt[3]{x+1}$, $\binom{n}{k}$, $\{1, \dots, n\}$": "(x+1)^(1/3), C(n, k), {1, …, n}",
    r"$\underset{\delta}{\max}\; f \tag{3}$": "max_δ f",
    r"costs \$5 at 95\%~of $\unknownmacro x$": "costs $5 at 95% of unknownmacro x",
    r"\(a \ge b\) and \[c\]": "a ≥ b and c",
    "no formula":  "no formula",
}  # fmt: skip


@pytest.mark.parametrize(("source", "shown"), FORMULAS.items())
def test_formulas(source: str, shown: str) -> None:
    """A formula is shown as a reader would write it in plain text."""
    assert plain(source) == shown


@given(st.text(alphabet="\\{}^_$ab1 fracsqtleng&|.,", max_size=40))
def test_nothing_breaks_it(text: str) -> None:
    """Any text, well formed or not, is shown in one line without control characters."""
    shown = plain(f"${text}$")
    assert shown == " ".join(shown.split())
    assert not any(ord(character) < 32 for character in shown)
