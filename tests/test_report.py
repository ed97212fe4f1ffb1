"""The report's page: every statement, both sides of what refutes it, what is true instead, and nothing from outside."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from command import Simulate
from small_statements import BOOK, FALSE, FEW, SLIP, STATEMENTS, TRUE

from figures.report import load, page
from figures.report.mathematics import markup
from figures.report.rows import anchor
from simulate.errors import BadInput
from theorems import Budget, Sides, Universal
from theorems.latex import pieces, plain
from theorems.ledger import HERE, Ledger, renewed, shipped
from theorems.registry import SLIPS, corrections, flaw, is_slip, registry
from theorems.statement import Statement
from theorems.verify import verify
from theorems.workers import Subject

_VOID = frozenset(["meta", "link", "input", "br", "img", "wbr", "hr"])
_NASTY = "<script>alert(1)</script> & \"quoted\" 'text'"


class Outline(HTMLParser):
    """A page by its parts: the text and the links below every id, and all addresses.

    Attributes:
        texts: by id.
        links: the fragments that are linked to below an id.
        addresses: values of src, href, action and the like.
        unbalanced: end tags that close nothing, or something else.

    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}
        self.links: dict[str, list[str]] = {}
        self.addresses: list[str] = []
        self.unbalanced: list[str] = []
        self._open: list[tuple[str, str | None]] = []
        self.feed(text)
        self.close()
        self.unbalanced += [tag for tag, _ in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One level deeper."""
        given = dict(attrs)
        if given.get("id"):
            assert given["id"] not in self.texts, "an id twice"
            self.texts[given["id"]], self.links[given["id"]] = "", []
        if tag not in _VOID:
            self._open.append((tag, given.get("id")))
        for name in ("src", "href", "action", "data", "srcset", "poster", "xlink:href"):
            if given.get(name) is not None:
                self.addresses.append(given[name] or "")
        if (given.get("href") or "").startswith("#"):
            for _, within in self._open:
                if within is not None:
                    self.links[within].append(given["href"][1:])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """MathML's empty elements."""

    def handle_endtag(self, tag: str) -> None:
        """Back."""
        if self._open and self._open[-1][0] == tag:
            self._open.pop()
        else:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        """Text belongs to everything that is open."""
        for _, within in self._open:
            if within is not None:
                self.texts[within] += data


@pytest.fixture(scope="module")
def whole() -> str:
    """The page of everything that ships."""
    return page(registry(), shipped())


@pytest.fixture(scope="module")
def outline(whole: str) -> Outline:
    """Its parts."""
    return Outline(whole)


def small(*statements: Statement) -> tuple[dict[str, Statement], Ledger]:
    """A registry and its ledger."""
    checked = verify([Subject(one) for one in statements], Budget(0.5), Ledger())
    every = {one.id: one for one in statements}
    return every, renewed(Ledger(), checked, every)


# --------------------------------------------------------------------------------------------------- content


def test_every_statement_has_its_row(outline: Outline) -> None:
    """Each statement that ships is there once with title, verdict, kind, reading, hypotheses and its command."""
    for name, statement in registry().items():
        text = " ".join(outline.texts[anchor(name)].split())
        status = shipped().entries[name].verdict.status
        assert f" {status}" in text
        assert f"simulate {'replay' if status == 'refuted' else 'verify'} {name}" in text
        for part in (
            plain(statement.title),
            statement.kind,
            *statement.reading.split(),
            statement.source.number,
        ):
            assert part in text
    assert outline.unbalanced == []


def test_refuted_statements_show_both_sides_and_what_is_true(outline: Outline) -> None:
    """Counterexample files and page have the same numbers, and each correction is linked, row and summary."""
    files = {path.stem: json.loads(path.read_text()) for path in (HERE / "counterexamples").iterdir()}
    refuted = {name for name, one in shipped().entries.items() if one.verdict.status == "refuted"}
    assert len(refuted) == len(files) > 90
    corrected_by = corrections(registry().values())
    for found in files.values():
        row = outline.texts[anchor(found["statement"])]
        for side in ("smaller", "larger"):
            assert str(found[side]) in row
        assert found["words"].partition(": claimed: ")[0] in row
        instead = corrected_by.get(found["statement"], [])
        assert instead or "No correction: " in row
        for one in instead:
            assert anchor(one.id) in outline.links[anchor(found["statement"])]
            assert anchor(found["statement"]) in outline.links[anchor(one.id)]


def test_slips_of_the_pen_and_false_theorems_are_apart(outline: Outline) -> None:
    """Every refuted statement stands once in the summary, in the list of its flaw; no list has both sorts."""
    corrected_by = corrections(registry().values())
    refuted = [name for name, one in shipped().entries.items() if one.verdict.status == "refuted"]
    wrong = {name: flaw(registry()[name], corrected_by) for name in refuted}
    listed = Counter(
        link for name, links in outline.links.items() if name.startswith("flaw-") for link in links
    )
    assert listed == Counter(anchor(name) for name in wrong)
    for name, kind in wrong.items():
        assert anchor(name) in outline.links[f"flaw-{(kind or 'open').replace(' ', '-')}"]
        assert (kind in SLIPS) == is_slip(registry()[name], corrected_by)
    assert set(wrong.values()) == {None, "typo", "convention", "missing hypothesis", "constant", "false"}


def test_links_lead_somewhere(outline: Outline) -> None:
    """Every link of the page leads to a part of it."""
    links = [one for one in outline.addresses if one.startswith("#")]
    assert len(links) > 300
    assert {one[1:] for one in links} <= set(outline.texts)


def test_measurement_is_told(outline: Outline) -> None:
    """Error rates and sample sizes of each sampled verdict, the budget, date and digest of the ledger are there."""
    text = outline.texts["measured"]
    sampled = {
        name: one.verdict for name, one in shipped().entries.items() if one.verdict.evidence == "sampled"
    }
    assert sampled
    for name, verdict in sampled.items():
        assert anchor(name) in outline.links["measured"]
        assert f"{verdict.design['trials']:,}" in text
        assert f"{verdict.design['false_alarm']:g}" in text
    assert hashlib.sha256((HERE / "ledger.json").read_bytes()).hexdigest() in text
    assert shipped().written["date"] in text
    assert f"torch {shipped().written['torch']}" in text


def test_formulas_are_read_alike_by_two_readers() -> None:
    """The MathML of every formula that ships has the letters and digits of its Unicode spelling, none lost by breaking.

    The two come from converters that share nothing. A root's degree is spelled as an exponent 1/n.
    """
    formulas = {piece for one in registry().values() for piece, is_formula in pieces(one.text) if is_formula}
    assert len(formulas) > 400
    for formula in formulas:
        shown = str(markup(f"${formula}$"))
        assert "<math" in shown, formula
        root = ElementTree.fromstring(f"<all>{shown.replace('<wbr>', '')}</all>")
        spelled = plain(f"${formula}$").replace("Σ", "").replace("1/n", "n")
        assert _letters("".join(root.itertext()).replace("1/n", "n")) == _letters(spelled), formula


def _letters(text: str) -> Counter[str]:
    decomposed = unicodedata.normalize("NFKD", text.replace("⊤", "T"))
    return Counter(one for one in decomposed if unicodedata.category(one) in ("Ll", "Lu", "Lo", "Nd", "No"))


def test_long_formulas_can_be_broken() -> None:
    """Lines may begin at relations, then at signs, outside brackets first; short formulas stay whole."""
    assert str(markup(r"$a \leq b$")).count("<math") == 1
    long = str(markup(r"$\|x\|_1 + f(y + z) + g(u) \leq \sqrt{n} \|x\|_2 + h(v) + r(w)$"))
    lines = ["".join(ElementTree.fromstring(one).itertext()) for one in re.findall("<math.*?</math>", long)]
    assert "".join(lines) == "‖x‖1+f(y+z)+g(u)≤n‖x‖2+h(v)+r(w)"
    assert len(lines) > 1
    assert lines[-1].startswith("≤")
    assert all(one.count("(") == one.count(")") for one in lines)


def test_a_formula_that_no_converter_knows_is_spelled() -> None:
    """A statement of one's own may hold anything; its spelling is shown then, escaped."""
    assert str(markup(r"$\unknownmacro < 1$")) == "unknownmacro &lt; 1"


# --------------------------------------------------------------------------------------------- safety, bytes


def test_nothing_is_loaded_and_no_other_script_runs(whole: str, outline: Outline) -> None:
    """No address leaves the page, the policy forbids it besides, and allows this very script alone."""
    assert all(one.startswith(("#", "data:")) for one in outline.addresses)
    assert not re.search(r"https?:|url\(|@import|xmlns", whole)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', whole)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; img-src data:; ")
    scripts = re.findall(r"<script>(.*?)</script>", whole, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts]
    assert re.findall(r"'sha256-([^']*)'", policy[1]) == digests
    assert len(scripts) == 1
    assert whole.count("<script") == 1


def test_statements_cannot_write_html() -> None:
    """What a statement says is shown as it is, wherever it stands: in title, text, formula, reading and source."""
    hostile = Universal(
        id="nasty <b>",
        title=_NASTY,
        text=rf"if $a < b$ then {_NASTY}, $\text{{<b>}}$",
        reading=_NASTY,
        source=BOOK._replace(number=_NASTY),
        domain=FEW,
        conclusion=lambda n: Sides(n, 0),
    )
    text = page(*small(hostile))
    found = Outline(text)
    assert text.count("<script") == 1
    assert "<b>" not in text
    assert found.unbalanced == []
    row = found.texts[anchor(hostile.id)]
    assert row.count(_NASTY) == 5  # title, twice the number, text, reading
    assert {anchor(hostile.id)} == set(found.links["flaw-open"])


def test_the_same_input_gives_the_same_bytes(whole: str) -> None:
    """Nothing of the moment is in the page."""
    assert page(registry(), shipped()) == whole


def test_a_registry_without_verdicts_is_shown_too() -> None:
    """Before anything was checked there is a row for each statement, and no date, version or flaw."""
    every = {one.id: one for one in STATEMENTS}
    found = Outline(page(every, Ledger()))
    assert found.unbalanced == []
    assert all("not checked yet" in found.texts[anchor(name)] for name in every)
    assert not [name for name in found.texts if name.startswith("flaw-")]


def test_colours_are_told_apart_from_their_ground() -> None:
    """Text on its ground has a contrast of 4.5 at least, light, dark and printed."""
    style = (Path(page.__code__.co_filename).parent / "style.css").read_text()
    themes = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    assert len(themes) == 3
    for theme in themes:
        colour = dict(re.findall(r"--([\w-]+): (#\w+);", theme))
        pairs = [
            (name, ground)
            for name in ("ink", "soft", "link", "holds", "refuted", "slip")
            for ground in ("paper", "wash")
        ]
        pairs += [(name, f"{name}-wash") for name in ("holds", "refuted", "slip")]
        pairs += [(name, f"{ground}-wash") for name in ("ink", "soft") for ground in ("refuted", "slip")]
        for text, ground in pairs:
            assert _contrast(colour[text], colour[ground]) >= 4.5, (text, ground)


def _contrast(one: str, two: str) -> float:
    lighter, darker = sorted(map(_luminance, (one, two)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    """WCAG's relative luminance of #rrggbb or #rgb."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * one for one in colour[1:])
    channels = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


# --------------------------------------------------------------------------------------------------- figures

_SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="36pt" height="48px"><path d="M0 0"/></svg>'


def drawn(directory: Path, *names: str) -> Path:
    """A directory as `simulate figures --format svg` writes it."""
    directory.mkdir(exist_ok=True)
    for name in names:
        (directory / f"{name}.svg").write_text(_SVG)
        sidecar = {
            "name": name,
            "title": f"The {name}",
            "caption": f"{name}: a < b.",
            "alt": f'"{name}" rises',
            "files": [f"{name}.svg"],
            "plan": [],
            "seed": 7,
            "versions": {"torch": "1.2"},
            "quality": "paper",
        }
        (directory / f"{name}.json").write_text(json.dumps(sidecar))
    (directory / "verdicts.json").write_text("[]")
    return directory


def test_figures_are_inside_with_their_words(tmp_path: Path) -> None:
    """Each SVG is in the page to the byte, with alternative text, caption, quality, seed and versions, in order."""
    pictures = load(drawn(tmp_path / "drawn", "apple", "pear", "plum"), ["plum", "apple"])
    assert [one.name for one in pictures] == ["plum", "apple", "pear"]
    text = page(*small(TRUE), pictures)
    found = Outline(text)
    inside = [one for one in found.addresses if one.startswith("data:image/svg+xml;base64,")]
    assert [base64.b64decode(one.partition(",")[2]).decode() for one in inside] == [_SVG] * 3
    assert 'alt="&#34;plum&#34; rises" width="48" height="48"' in text
    assert "The plum. plum: a < b. paper quality, seed 7" in found.texts["figure-plum"]
    assert "torch 1.2" in found.texts["measured"]
    assert found.unbalanced == []


def test_directories_without_figures_are_refused(tmp_path: Path) -> None:
    """No directory, none of ours, no SVG, a damaged sidecar or picture: one line that says what to do."""
    with pytest.raises(BadInput, match="is no directory: simulate figures --format svg"):
        load(tmp_path / "nowhere")
    with pytest.raises(BadInput, match="holds no figures: simulate figures --format svg"):
        load(drawn(tmp_path / "empty"))
    lost = drawn(tmp_path / "lost", "apple")
    (lost / "apple.svg").unlink()
    with pytest.raises(BadInput, match=r"cannot read .*apple\.svg: .*simulate figures --format svg"):
        load(lost)
    (lost / "apple.svg").write_text("<html>")
    with pytest.raises(BadInput, match=r"apple\.svg is no SVG"):
        load(lost)
    (lost / "apple.json").write_text("{")
    with pytest.raises(BadInput, match=r"cannot read .*apple\.json"):
        load(lost)


# --------------------------------------------------------------------------------------------------- command


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry of few statements ships."""
    every, ledger = small(FALSE, replace(TRUE), SLIP)
    monkeypatch.setattr("figures.report.document.registry", lambda: every)
    monkeypatch.setattr("figures.report.document.shipped", lambda: ledger)


Install = Callable[[], None]


@pytest.mark.usefixtures("few")
def test_the_command_writes_one_file(simulate: Simulate) -> None:
    """`simulate report` says what is on the page and where it is; the directory is made; bytes are the same again."""
    drawn(simulate.home / "drawn", "apple")
    code, out, err = simulate("report", "--figures", "drawn", "--out", "new/report.html")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "3 statements, 2 refuted: 2 false as printed, 0 slips of the pen; 1 figures",
        "files: new/report.html",
    ]
    first = Path("new/report.html").read_bytes()
    assert [one.name for one in Path("new").iterdir()] == ["report.html"]
    assert simulate("report", "--figures", "drawn", "--out", "new/report.html").code == 0
    assert Path("new/report.html").read_bytes() == first


@pytest.mark.usefixtures("few")
def test_figures_are_drawn_or_left_out(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a directory all figures are drawn in draft quality as SVG; --no-figures draws none."""
    asked = []

    def write(names: object, out: str, **options: object) -> None:
        asked.append((names, options["formats"], options.get("quality", "draft")))
        drawn(Path(out), "pear")

    monkeypatch.setattr("figures.report.document.write_figures", write)
    assert simulate("report").out.endswith("; 1 figures\nfiles: report.html\n")
    assert 'id="figure-pear"' in Path("report.html").read_text()
    assert simulate("report", "--no-figures").out.endswith("; 0 figures\nfiles: report.html\n")
    assert asked == [((), ("svg",), "draft")]
    assert 'id="figures"' not in Path("report.html").read_text()


@pytest.mark.usefixtures("few")
def test_bad_use_of_the_command(simulate: Simulate) -> None:
    """A directory as file, a file as directory, options that exclude each other: refused before anything is drawn."""
    Path("file").write_text("")
    for options, line in {
        ("--out", "."): "is a directory: the report is a file, such as",
        ("--out", "file/report.html"): "cannot write file/report.html",
        ("--figures", "drawn", "--no-figures"): "--figures and --no-figures exclude each other",
        ("--figures", "drawn"): "drawn is no directory",
    }.items():
        code, out, err = simulate("report", *options)
        assert (code, out) == (2, "")
        assert line in err
        assert err.count("\n") == 1
    assert not Path("report.html").exists()
