"""Statements in LaTeX as a browser sets them: MathML, which needs neither a script nor a font from elsewhere.

Browsers do not break MathML into lines. A long formula is therefore set as several that follow each other, parted where
a typesetter would break it: before relations, then before signs of sums and behind commas, outside brackets first.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from functools import cache
from xml.etree import ElementTree

from markupsafe import Markup, escape
from math_core import LatexError, LatexToMathML

from theorems.latex import pieces, plain

_LONG = 26
"""Characters of a formula that fit into a line on a phone."""
_RELATIONS = frozenset("=≤≥<>≠≈≡∼∝∈⊆⊂→←⟵⟶⇒⟹⇔⟺≔∣")
_SIGNS = frozenset("+−±⋅×/∘")
_OPEN, _CLOSE = frozenset("([{⟨⌈⌊"), frozenset(")]}⟩⌉⌋")
_STAGES = ((_RELATIONS, 0), (_SIGNS, 0), (_RELATIONS, 1), (_SIGNS, 1), (_RELATIONS | _SIGNS, 9))
"""Where a line may begin, and within how many brackets, in the order of preference."""


@cache
def markup(text: str) -> Markup:
    """A text with LaTeX between dollar signs as HTML: words escaped, formulas as MathML.

    Each formula carries its Unicode spelling, for searching and for readers that know no MathML. One that the converter
    does not know is shown in that spelling.
    """
    return Markup("").join(
        _formula(piece) if is_formula else _words(piece) for piece, is_formula in pieces(text)
    )


def _words(text: str) -> Markup:
    for written, meant in (("~", "\u00a0"), (r"\%", "%"), (r"\&", "&"), (r"\$", "$")):
        text = text.replace(written, meant)
    return escape(text)


def _formula(source: str) -> Markup:
    spelled = plain(f"${source}$")
    try:
        shown = _converter().convert_with_local_state(source, displaystyle=False)
    except LatexError:
        return escape(spelled)
    root = ElementTree.fromstring(_numbered(shown))
    lines = list(_lines(list(root)))
    if len(lines) == 1:
        return Markup('<math alttext="{}">{}</math>').format(spelled, _written(root))
    parts = Markup("<wbr>").join(Markup("<math>{}</math>").format(_written(line)) for line in lines)
    return Markup('<span data-alttext="{}">{}</span>').format(spelled, parts)


@cache
def _converter() -> LatexToMathML:
    return LatexToMathML(fancy_error=False)


def _numbered(shown: str) -> str:
    """HTML's named characters as such; XML has only those that its syntax needs."""
    return re.sub(r"&(?!lt;|gt;|amp;|quot;|#)\w+;", lambda match: html.unescape(match[0]), shown)


def _written(elements: Sequence[ElementTree.Element] | ElementTree.Element) -> Markup:
    return Markup("".join(ElementTree.tostring(one, encoding="unicode") for one in elements))


def _lines(elements: list[ElementTree.Element], stage: int = 0) -> Iterator[list[ElementTree.Element]]:
    """Parts of a formula that may stand in lines of their own."""
    if stage == len(_STAGES) or _length(elements) <= _LONG:
        yield elements
        return
    for part in _parted(_opened(elements), *_STAGES[stage]):
        yield from _lines(part, stage + 1)


def _length(elements: Sequence[ElementTree.Element]) -> int:
    return sum(len("".join(one.itertext())) for one in elements)


def _opened(elements: Sequence[ElementTree.Element]) -> list[ElementTree.Element]:
    """The elements with groups replaced by their content, but for those whose brackets grow with it."""
    found: list[ElementTree.Element] = []
    for one in elements:
        grows = any(_sign(each) in _OPEN | _CLOSE and each.get("stretchy") != "false" for each in one)
        found += _opened(list(one)) if one.tag == "mrow" and not one.attrib and not grows else [one]
    return found


def _parted(
    elements: Sequence[ElementTree.Element], before: frozenset[str], within: int
) -> Iterator[list[ElementTree.Element]]:
    line: list[ElementTree.Element] = []
    depth = 0
    for one in elements:
        sign = _sign(one)
        comma = bool(line) and _sign(line[-1]) == "," and before is not _RELATIONS
        if line and depth <= within and (sign in before or comma):
            if sign in before and one.tag == "mo":
                one.set(
                    "form", "infix"
                )  # at the beginning of a formula it would be taken for a sign of one number
            yield line
            line = []
        depth += (sign in _OPEN) - (sign in _CLOSE)
        line.append(one)
    yield line


def _sign(element: ElementTree.Element) -> str:
    """The operator that an element is, scripts left aside; empty if it is none."""
    while element.tag in ("msub", "msup", "msubsup"):
        element = element[0]
    return (element.text or "") if element.tag == "mo" else ""
