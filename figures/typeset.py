"""Tables as LaTeX with booktabs, as Markdown, and as CSV."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from figures.picture import Rows

FORMATS = ("latex", "markdown", "csv")


@dataclass(frozen=True)
class Column:
    """What stands under one heading.

    Attributes:
        key: of the record.
        heading: in Unicode.
        latex: in LaTeX.
        interval: whether "key_low" and "key_high" stand beside it.
        ends: other keys for these two.
        digits: significant digits of a number; None for as few as it has.
        wide: of a column of words, its part of the line in LaTeX.
        code: whether it is an identifier.

    """

    key: str
    heading: str
    latex: str
    interval: bool = False
    ends: tuple[str, str] | None = None
    digits: int | None = 4
    wide: float | None = None
    code: bool = False

    def text(self, row: dict[str, Any]) -> str:
        """The cell in Unicode; numbers with their interval, – where there is none."""
        value = row[self.key]
        shown = _number(value, self.digits) if isinstance(value, int | float) else value or "–"
        if not self.interval or value is None:
            return str(shown)
        low, high = (row[key] for key in self.ends or (f"{self.key}_low", f"{self.key}_high"))
        return f"{shown} [{_number(low, self.digits)}, {_number(high, self.digits)}]"


@dataclass(frozen=True)
class Sheet:
    """A table before it is set.

    Attributes:
        name: of the table.
        caption: what it shows, in Unicode.
        columns: those that are shown; CSV has every key of the records.
        rows: the records.
        long: whether it runs over pages.

    """

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: Rows
    long: bool = False


def typeset(sheet: Sheet, format: str) -> str:
    """The table as text in one of `FORMATS`, ending in a newline."""
    if format == "csv":
        from figures.write import to_csv

        return to_csv(sheet.rows)
    return _latex(sheet) if format == "latex" else _markdown(sheet)


def _number(value: float | None, digits: int | None) -> str:
    if value is None:
        return "∞"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if isinstance(value, int) or digits is None:
        return f"{value:,}" if isinstance(value, int) else f"{value:g}"
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    if not 1e-3 <= abs(rounded) < 1e5:
        mantissa, power = f"{rounded:.{digits - 1}e}".split("e")
        return f"{mantissa}·10^{int(power)}".replace("-", "−")
    places = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    return f"{rounded:.{places}f}".replace("-", "−")


def _markdown(sheet: Sheet) -> str:
    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"

    numbers = [_is_number(sheet, column) for column in sheet.columns]
    body = [
        [f"`{column.text(row)}`" if column.code else column.text(row) for column in sheet.columns]
        for row in sheet.rows
    ]
    lines = [line([column.heading for column in sheet.columns])]
    lines.append("|" + "|".join("---:" if number else "---" for number in numbers) + "|")
    return "\n".join([*lines, *map(line, body), "", sheet.caption]) + "\n"


def _latex(sheet: Sheet) -> str:
    r"""A float with `tabular`, or a `longtable`, to be read by \input."""
    rules = "".join(_alignment(sheet, column) for column in sheet.columns)
    head = " & ".join(column.latex for column in sheet.columns) + r" \\"
    body = [" & ".join(_cell(column, row) for column in sheet.columns) + r" \\" for row in sheet.rows]
    caption = rf"\caption{{{to_latex(sheet.caption)}}}\label{{tab:{sheet.name}}}"
    needs = "booktabs,array,longtable,amsmath,amssymb" if sheet.long else "booktabs,amsmath,amssymb"
    if sheet.long:
        lines = [
            rf"\begin{{longtable}}{{{rules}}}",
            caption + r" \\",
            r"\toprule",
            head,
            r"\midrule",
            r"\endfirsthead",
        ]
        lines += [
            r"\toprule",
            head,
            r"\midrule",
            r"\endhead",
            r"\bottomrule",
            r"\endfoot",
            *body,
            r"\end{longtable}",
        ]
    else:
        lines = [
            r"\begin{table}",
            r"\centering",
            r"\small",
            caption,
            rf"\begin{{tabular}}{{{rules}}}",
            r"\toprule",
        ]
        lines += [head, r"\midrule", *body, r"\bottomrule", r"\end{tabular}", r"\end{table}"]
    return "\n".join([rf"% \usepackage{{{needs}}}", *lines]) + "\n"


def _is_number(sheet: Sheet, column: Column) -> bool:
    return any(isinstance(row[column.key], int | float) for row in sheet.rows)


def _alignment(sheet: Sheet, column: Column) -> str:
    if column.wide is not None:
        return rf">{{\raggedright\arraybackslash}}p{{{column.wide}\linewidth}}"
    return "r" if _is_number(sheet, column) else "l"


def _cell(column: Column, row: dict[str, Any]) -> str:
    if column.code:
        # A line may end after every point and hyphen of an identifier.
        return r"\texttt{" + re.sub(r"([.-])", r"\1\\allowbreak{}", to_latex(str(row[column.key]))) + "}"
    return to_latex(column.text(row))


_ESCAPED = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "|": "$|$",
    "<": "$<$",
    ">": "$>$",
    "–": "--",
    "…": r"\ldots{}",
}
_SYMBOLS = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "varepsilon", "η": "eta", "κ": "kappa", "λ": "lambda",
    "μ": "mu", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "varphi", "χ": "chi", "Δ": "Delta", "Θ": "Theta",
    "Φ": "Phi", "Ω": "Omega", "Σ": "Sigma", "Π": "Pi", "ℓ": "ell", "∞": "infty", "∇": "nabla", "‖": "|", "·": "cdot",
    "∘": "circ", "∗": "ast", "≤": "le", "≥": "ge", "≠": "ne", "∈": "in", "∼": "sim", "→": "to", "×": "times",
    "±": "pm", "⟨": "langle", "⟩": "rangle", "⌈": "lceil", "⌉": "rceil", "⌊": "lfloor", "⌋": "rfloor", "∂": "partial",
    "ℝ": "mathbb{R}", "½": "tfrac12", "≈": "approx", "√": "surd", "′": "prime",
}  # fmt: skip
_ABOVE = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ᵀⁿᵏᵗ", "0123456789+-Tnkt")
_BELOW = str.maketrans("₀₁₂₃₄₅₆₇₈₉ᵢⱼₖₗₙₜ", "0123456789ijklnt")
_PIECE = re.compile(
    r"√(?P<root>\([^()]*\)|\w+)|\^(?P<power>−?\w+)|(?P<above>[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ᵀⁿᵏᵗ]+)"
    r"|(?P<below>[₀₁₂₃₄₅₆₇₈₉ᵢⱼₖₗₙₜ]+)|(?P<sign>.)",
    re.DOTALL,
)


def to_latex(text: str) -> str:
    """Unicode text as LaTeX in ASCII: signs that LaTeX reads are escaped, symbols become formulas.

    A root reaches over the letters and digits, or the bracket, that follow it; x^n is a power.
    """
    shown = "".join(map(_piece, _PIECE.finditer(text)))
    return shown.replace("$$", "")


def _piece(match: re.Match[str]) -> str:
    kind, found = match.lastgroup, match[match.lastgroup or 0]
    if kind == "root":
        inside = found[1:-1] if found.startswith("(") else found
        return rf"$\sqrt{{{to_latex(inside).replace('$', '')}}}$"
    if kind == "power":
        return f"$^{{{found.replace('−', '-')}}}$"
    if kind == "above":
        return f"$^{{{found.translate(_ABOVE)}}}$"
    if kind == "below":
        return f"$_{{{found.translate(_BELOW)}}}$"
    if found == "−":
        return "$-$"
    return rf"$\{_SYMBOLS[found]} $" if found in _SYMBOLS else _ESCAPED.get(found, found)
