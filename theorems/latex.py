r"""LaTeX formulas as a terminal can show them: `$\|Wx\|_2 \le \sqrt{k}$` becomes ‖Wx‖₂ ≤ √k.

A reading aid and no typesetter: macros that it does not know keep their names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_MATH = re.compile(r"(?<!\\)\$\$(.+?)\$\$|(?<!\\)\$(.+?)(?<!\\)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\.|\s+|.", re.DOTALL)


def _pairs(text: str) -> dict[str, str]:
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SYMBOLS = _pairs(
    "alpha α beta β gamma γ delta δ epsilon ϵ varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι kappa κ "
    "lambda λ mu μ nu ν xi ξ pi π rho ρ varrho ϱ sigma σ tau τ upsilon υ phi φ varphi φ chi χ psi ψ omega "
    "ω Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω infty ∞ ell ℓ "
    "nabla ∇ partial ∂ sum Σ prod ∏ int ∫ forall ∀ exists ∃ nexists ∄ emptyset ∅ varnothing ∅ cdot · div "
    "÷ pm ± mp ∓ circ ∘ odot ⊙ otimes ⊗ oplus ⊕ star * ast * bullet • prime ′ top ⊤ bot ⊥ langle ⟨ rangle "
    "⟩ lfloor ⌊ rfloor ⌋ lceil ⌈ rceil ⌉ lVert ‖ rVert ‖ Vert ‖ lvert | rvert | vert | ldots … dots … "
    "cdots ⋯ vdots ⋮ ddots ⋱ neg ¬ lnot ¬ setminus ∖ cup ∪ cap ∩ square □ dagger † Re Re Im Im colon :"
)
_RELATIONS = _pairs(
    "le ≤ leq ≤ leqslant ≤ ge ≥ geq ≥ geqslant ≥ ne ≠ neq ≠ ll ≪ gg ≫ equiv ≡ approx ≈ sim ∼ simeq ≃ cong "
    "≅ propto ∝ in ∈ notin ∉ ni ∋ subset ⊂ subseteq ⊆ supset ⊃ supseteq ⊇ to → rightarrow → "
    "longrightarrow → leftarrow ← gets ← mapsto ↦ leadsto ⇝ Rightarrow ⇒ implies ⇒ Leftarrow ⇐ "
    "Leftrightarrow ⇔ iff ⇔ wedge ∧ land ∧ vee ∨ lor ∨ perp ⟂ lesssim ≲ gtrsim ≳ asymp ≍ coloneqq := "
    "triangleq ≜ mid | times ×"
)
_RELATIONS |= {"quad": "", "qquad": ""}
_FUNCTIONS = _words(
    "log ln exp max min sup inf lim limsup liminf arg argmax argmin sin cos tan sinh cosh tanh arctan det "
    "dim ker deg gcd Pr Var Cov E sign sgn diag tr rank erf erfc relu ReLU softmax"
)
_PLAIN = _words(
    "mathrm mathbf mathsf mathit mathcal mathscr mathfrak boldsymbol bm text textbf textit textrm textsf "
    "emph operatorname operatorname* underbrace overbrace boxed mbox"
)
_DROPPED = _words(
    "left right big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr limits nolimits "
    "displaystyle textstyle bf rm it middle"
)
_ACCENTS = {
    "hat": "\u0302", "widehat": "\u0302", "tilde": "\u0303", "widetilde": "\u0303", "bar": "\u0304",
    "overline": "\u0304", "dot": "\u0307", "vec": "\u20d7",
}  # fmt: skip
_BLACKBOARD = dict(zip("CENPQRSZ1", "ℂ𝔼ℕℙℚℝ𝕊ℤ𝟙", strict=True))
_ESCAPED = dict(zip("|{}%&_#$ ", "‖{}%&_#$ ", strict=True)) | {"\\": "; "}
_ABOVE = dict(
    zip("0123456789+−=()abcdefghijklmnoprstuvwxyz", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ", strict=True)
)
_BELOW = dict(zip("0123456789+−=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True))
_SCRIPTS = "".join(_ABOVE.values()) + "".join(_BELOW.values())
_AFTER_NAME = "\0"
"""Stands after the name of a function until it is known what follows."""
_AFTER_FRACTION = "\1"
_SUM = r"[+−±,;=\s]"
_ATOM = re.compile(
    rf"(\d+(\.\d+)?|[^\W\d_][{_SCRIPTS}ᵀ*′\u0300-\u036f]*|‖[^‖]*‖[{_SCRIPTS}]*|\|[^|]*\||√(\w+|\([^()]*\)))"
)


def pieces(text: str) -> Iterator[tuple[str, bool]]:
    """A text in order: its words, and the sources of its formulas with True beside them."""
    end = 0
    for match in _MATH.finditer(text):
        yield text[end : match.start()], False
        yield next(filter(None, match.groups())), True
        end = match.end()
    yield text[end:], False


def plain(text: str) -> str:
    """A text with LaTeX between dollar signs, in one line of Unicode."""
    shown = "".join(_formula(piece) if is_formula else piece for piece, is_formula in pieces(text))
    shown = shown.replace("~", " ").replace(r"\%", "%").replace(r"\&", "&").replace(r"\$", "$")
    return " ".join(shown.split())


def _formula(source: str) -> str:
    shown, _ = _Reader(_TOKEN.findall(source)).until(None)
    shown = re.sub(r"(?<=[(\[⟨∇∂]) +| +(?=[)\]⟩])", "", _spaced(shown))
    return " ".join(shown.split())


def _spaced(shown: str) -> str:
    """A function's name parted from what follows, unless that is a bracket, a script, or a sign of its own.

    A fraction is parted from a factor that follows.
    """
    shown = re.sub(rf"{_AFTER_FRACTION}(?=[\w(⟨√Σ∏])", " ", shown).replace(_AFTER_FRACTION, "")
    return re.sub(rf"{_AFTER_NAME}(?=[^\s()\[\]{{}}⟨⟩|‖,;.:_^{_SCRIPTS}{_AFTER_NAME}])", " ", shown).replace(
        _AFTER_NAME, ""
    )


class _Reader:
    """Reads tokens from left to right."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens, self._next = tokens, 0

    def until(self, end: str | None) -> tuple[str, bool]:
        """What is written up to a token, and whether that token came."""
        written = ""
        while self._next < len(self._tokens):
            token = self._tokens[self._next]
            if token == end:
                self._next += 1
                return written, True
            if token in "^_":
                self._next += 1
                written = _with_script(written, token, self._argument())
                continue
            piece = self._piece()
            if piece.endswith((_AFTER_NAME, _AFTER_FRACTION)) and re.search(rf"[\w){_SCRIPTS}]$", written):
                written += " "
            written += piece
        return written, False

    def _argument(self) -> str:
        """The next group in braces, or the next token."""
        while self._next < len(self._tokens) and self._tokens[self._next].isspace():
            self._next += 1
        if self._next >= len(self._tokens):
            return ""
        return _spaced(self._piece())

    def _piece(self) -> str:
        token = self._tokens[self._next]
        self._next += 1
        if token == "{":
            return self.until("}")[0]
        if token.startswith("\\"):
            return self._macro(token[1:])
        return {"-": "−", "'": "′", "~": " ", "}": "", "&": " "}.get(token, " " if token.isspace() else token)

    def _macro(self, name: str) -> str:
        if name in _DROPPED:
            if self._tokens[self._next : self._next + 1] == ["."]:
                self._next += 1
            return ""
        if name in _SYMBOLS:
            return _SYMBOLS[name]
        if name in _RELATIONS:
            return f" {_RELATIONS[name]} "
        if name in _FUNCTIONS:
            return name + _AFTER_NAME
        if name in _PLAIN:
            content = self._argument()
            return content + _AFTER_NAME if content in _FUNCTIONS else content
        if name in _ACCENTS:
            content = self._argument()
            return content + _ACCENTS[name] if len(content) == 1 else f"{name}({content})"
        if name == "mathbb" or name == "mathbbm":
            content = self._argument()
            return "".join(_BLACKBOARD.get(letter, letter) for letter in content)
        return self._structure(name)

    def _structure(self, name: str) -> str:
        if name in ("frac", "dfrac", "tfrac"):
            over, under = self._argument(), self._argument()
            return f"{_bracketed(over, _SUM)}/{_bracketed(under)}{_AFTER_FRACTION}"
        if name in ("binom", "dbinom"):
            return f"C({self._argument()}, {self._argument()})"
        if name == "sqrt":
            degree = ""
            if self._tokens[self._next : self._next + 1] == ["["]:
                self._next += 1
                degree = self.until("]")[0]
            content = self._argument()
            return f"√{_bracketed(content)}" if not degree else f"{_bracketed(content)}^(1/{degree})"
        if name in ("underset", "overset", "stackrel"):
            first, second = self._argument(), self._argument()
            return _with_script(second, "_", first) if name == "underset" else second
        if name in ("tag", "label", "tag*"):
            self._argument()
            return ""
        if name == "begin":
            return self._environment(self._argument())
        if name == "end":
            self._argument()
            return ""
        if name in (",", ";", ":", "!", "/", ">"):
            return ""
        return _ESCAPED.get(name, name)

    def _environment(self, name: str) -> str:
        """Rows parted by semicolons."""
        rows, depth, start = [""], 0, self._next
        inner: list[str] = []
        while self._next < len(self._tokens):
            token = self._tokens[self._next]
            self._next += 1
            depth += (token == r"\begin") - (token == r"\end")
            if depth < 0:
                inner = self._tokens[start : self._next - 1]
                self._argument()
                break
        else:
            inner = self._tokens[start:]
        reader = _Reader(["," if token == "&" and name == "cases" else token for token in inner])
        rows = [row.strip() for row in _spaced(reader.until(None)[0]).split(";") if row.strip()]
        body = "; ".join(" ".join(row.replace(" ,", ",").split()) for row in rows)
        left, right = {"cases": ("{", "}"), "vmatrix": ("|", "|")}.get(name, ("[", "]"))
        return body if name.startswith(("align", "equation", "gather", "split")) else f"{left}{body}{right}"


def _bracketed(content: str, needs: str | None = None) -> str:
    """A term in brackets if it would be read wrongly without: if it matches `needs`, or is no single symbol."""
    content = content.strip()
    unclear = re.search(needs, _outside_brackets(content)) if needs else not _ATOM.fullmatch(content)
    return f"({content})" if unclear else content


def _outside_brackets(content: str) -> str:
    shorter = re.sub(r"\([^()]*\)|\[[^\[\]]*\]|‖[^‖]*‖", "", content)
    return shorter if shorter == content else _outside_brackets(shorter)


def _with_script(before: str, mark: str, script: str) -> str:
    """An index or exponent, set with Unicode's small letters where they exist and stay readable."""
    script = script.strip()
    base, name = (before[:-1], _AFTER_NAME) if before.endswith(_AFTER_NAME) else (before, "")
    base = base.rstrip(" ")
    if mark == "^" and script in ("T", "⊤"):
        return f"{base}ᵀ{name}"
    if mark == "^" and script and set(script) <= {"*", "′"}:
        return base + script + name
    small = _ABOVE if mark == "^" else _BELOW
    letters = sum(character.isalpha() for character in script)
    if script and letters <= 2 and all(character in small for character in script):
        return base + "".join(small[character] for character in script) + name
    if re.fullmatch(r"\w|∞", script) or (mark == "_" and re.fullmatch(r"\w+", script)):
        return f"{base}{mark}{script}{name}"
    return f"{base}{mark}({script}){name}"
