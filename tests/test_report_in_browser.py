"""The report as a reader meets it: in Chromium, offline, with mouse, keyboard and screen reader, on a phone, on paper.

Debian's chromium is driven by Playwright. Where CHROMIUM names the browser these tests must run; elsewhere they skip if
there is none.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from test_report import drawn

from figures.report import load, page
from figures.report.rows import anchor
from theorems.ledger import HERE, shipped
from theorems.registry import registry
from theorems.statement import Statement

_REQUIRED = os.environ.get("CHROMIUM")
if _REQUIRED is None:
    pytest.importorskip("playwright", reason="Playwright is not installed")
_CHROMIUM = _REQUIRED or shutil.which("chromium")
if _CHROMIUM is None:
    pytest.skip("no chromium: apt-get install chromium, or CHROMIUM=PATH", allow_module_level=True)

from playwright.sync_api import Browser, Page, expect, sync_playwright  # noqa: E402

_OPTIONS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
expect.set_options(timeout=120_000)  # a busy machine is no failure
_REFUTED = "001.theorem-3.fixed-step"
"""A refuted statement with several corrections."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=_CHROMIUM, args=_OPTIONS, chromium_sandbox=False)
        yield started
        started.close()


def written(place: Path, statements: dict[str, Statement]) -> str:
    """The address of the page of some statements, with two figures, as a file."""
    file = place / "report.html"
    text = page(statements, shipped(), load(drawn(place / "drawn", "apple", "pear")))
    file.write_text(text, encoding="utf-8")
    return file.as_uri()


@pytest.fixture(scope="module")
def some() -> dict[str, Statement]:
    """Statements of two documents: a browser lays out a few dozen rows sooner than hundreds."""
    return {
        name: one
        for name, one in registry().items()
        if one.source.document == "004" or name.startswith(("001.theorem-3", "001.chi-square"))
    }


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, some: dict[str, Statement]) -> str:
    """Their page."""
    return written(tmp_path_factory.mktemp("report"), some)


class Visit:
    """The page, opened; what it asked for and complained about is kept."""

    def __init__(self, browser: Browser, address: str, **options: Any) -> None:
        self.context = browser.new_context(offline=True, reduced_motion="reduce", **options)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(120_000)
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(address)

    def shown(self) -> list[str]:
        """Ids of the statements whose rows are shown, in order."""
        found: list[str] = self.page.evaluate(
            "[...document.querySelectorAll('#table > tbody')].filter(one => one.offsetHeight).map(one => one.id)"
        )
        return found

    def opener(self, name: str) -> Any:
        """The button that opens a row."""
        return self.page.locator(f"[id='{anchor(name)}'] .opener")

    def fits(self) -> bool:
        """Whether the page is no wider than its window."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    """The page on a desk. At the end of every test: no request left it, and the console is empty."""
    found = Visit(browser, address)
    yield found
    assert [one for one in found.requests if not one.startswith("data:")] == [address]
    assert found.complaints == []
    found.context.close()


def ids(statements: dict[str, Statement], **wanted: str) -> list[str]:
    """Anchors of the statements with a kind, a verdict, an evidence, a document, in the registry's order."""
    verdicts = {name: shipped().entries[name].verdict for name in statements}
    return [
        anchor(name)
        for name, one in statements.items()
        if wanted.get("kind", one.kind) == one.kind
        and wanted.get("verdict", verdicts[name].status) == verdicts[name].status
        and wanted.get("evidence", verdicts[name].evidence) == verdicts[name].evidence
        and wanted.get("document", one.source.document) == one.source.document
    ]


def test_rows_are_filtered(visit: Visit, some: dict[str, Statement]) -> None:
    """Source, verdict, kind, evidence, flaw and text narrow the table, alone and together; the count is told."""
    form = visit.page.locator("#filters")
    status = visit.page.get_by_role("status")
    every = ids(some)
    assert visit.shown() == every
    for name, value, wanted in (
        ("Verdict", "refuted", ids(some, verdict="refuted")),
        ("Kind", "existence", ids(some, verdict="refuted", kind="existence")),
        (
            "Source",
            "001: Lucchi 2024, Lecture 11",
            ids(some, verdict="refuted", kind="existence", document="001"),
        ),
    ):
        form.get_by_label(name, exact=True).select_option(label=value)
        assert visit.shown() == wanted != []
        expect(status).to_have_text(f"{len(wanted)} of {len(every)} statements shown.")
    form.get_by_role("button", name="Clear").click()
    expect(status).to_have_text(f"{len(every)} of {len(every)} statements shown.")
    form.get_by_label("Evidence").select_option("sampled")
    assert visit.shown() == ids(some, evidence="sampled") != []
    form.get_by_role("button", name="Clear").click()
    form.get_by_label("Text").fill("√(k LOG(2/γ)) gaussians")
    assert anchor("001.chi-square") in visit.shown()
    assert len(visit.shown()) < len(every) / 2
    form.get_by_label("Text").fill("unspeakable")
    assert visit.shown() == []
    expect(form.get_by_role("button", name="Open all shown")).to_be_disabled()
    link = visit.page.locator(".matrix a[data-flaw=constant]").first
    number = int(link.inner_text())
    link.click()
    assert len(visit.shown()) == number > 0
    assert set(visit.shown()) < set(ids(some, verdict="refuted"))


def test_rows_are_sorted(visit: Visit, some: dict[str, Statement]) -> None:
    """Header buttons sort both ways and say so: numbers as numbers, what has none last, the gravest verdict first."""
    page = visit.page
    every = list(some)
    ratios = {
        anchor(name): one.verdict.tightness.ratio
        for name, one in shipped().entries.items()
        if name in some and one.verdict.tightness and abs(one.verdict.tightness.ratio) < float("inf")
    }
    header = page.get_by_role("columnheader", name="Tightness")
    button = header.get_by_role("button")
    for direction, backwards in (("ascending", False), ("descending", True)):
        button.click()
        assert header.get_attribute("aria-sort") == direction
        assert page.locator("[aria-sort]").count() == 1
        numbers = [ratios.get(one) for one in visit.shown()]
        numbered = [one for one in numbers if one is not None]
        assert numbered == sorted(numbered, reverse=backwards)
        assert len(numbered) > 20
        assert numbers[len(numbered) :] == [None] * (len(every) - len(numbered))
        expect(page.get_by_role("status")).to_contain_text(f"sorted by tightness, {direction}.")
    page.get_by_role("columnheader", name="Verdict", exact=True).first.get_by_role("button").click()
    verdicts = page.eval_on_selector_all("#table > tbody", "all => all.map(one => one.dataset.flaw)")
    order = ["false", "constant", "missing-hypothesis", "convention", "typo", ""]
    assert verdicts == sorted(verdicts, key=order.index)
    page.get_by_role("columnheader", name="Source").get_by_role("button").click()
    assert visit.shown() == ids(some)


def test_a_row_opens_to_its_counterexample(visit: Visit) -> None:
    """A click shows claim, reading, both sides and what is true instead; its link opens that row, filtered or not."""
    page = visit.page
    stored = json.loads((HERE / "counterexamples" / f"{_REFUTED}.json").read_text())
    more = page.locator(f"[id='{anchor(_REFUTED)}-more']")
    expect(more).to_be_hidden()
    page.locator("#filters").get_by_label("Verdict").select_option("refuted")
    visit.opener(_REFUTED).click()
    expect(more).to_be_visible()
    expect(visit.opener(_REFUTED)).to_have_attribute("aria-expanded", "true")
    for words in (
        "As printed",
        "Read as",
        "Hypotheses",
        "Counterexample",
        "True instead",
        f"simulate replay {_REFUTED}",
    ):
        expect(more).to_contain_text(words)
    assert more.locator(".sides dd").all_inner_texts()[1:] == [str(stored["smaller"]), str(stored["larger"])]
    assert more.locator("math").first.bounding_box() is not None
    corrected = more.locator("dd a").first
    target = (corrected.get_attribute("href") or "")[1:]
    assert target not in visit.shown()
    corrected.click()
    assert target in visit.shown()
    row = page.locator(f"[id='{target}']")
    expect(row.locator(".more")).to_be_visible()
    expect(row.locator(".opener")).to_be_focused()
    visit.opener(_REFUTED).click()
    expect(more).to_be_hidden()


def test_the_keyboard_suffices(visit: Visit, some: dict[str, Statement]) -> None:
    """Skip link, filters, sort buttons and rows are reached and worked by keys alone, and focus is seen."""
    page = visit.page
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the verdicts")).to_be_focused()
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Text")).to_be_focused()
    page.keyboard.type("max pooling")
    expect(page.get_by_role("status")).not_to_contain_text(f"{len(some)} of")
    first = visit.page.locator("#table > tbody:not([hidden]) .opener").first
    for _ in range(16):
        page.keyboard.press("Tab")
        ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert ring == "solid"
        if page.evaluate("document.activeElement.textContent") == "Verdict":
            page.keyboard.press("Space")
        if page.evaluate("document.activeElement.classList.contains('opener')"):
            break
    expect(page.get_by_role("columnheader", name="Verdict", exact=True).first).to_have_attribute(
        "aria-sort", "ascending"
    )
    expect(first).to_be_focused()
    page.keyboard.press("Enter")
    expect(first).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#table > tbody:not([hidden]) .more").first).to_be_visible()


def test_a_screen_reader_finds_its_way(visit: Visit) -> None:
    """Landmarks, a named table, no heading level skipped, alternative text at figures, formulas as mathematics."""
    page = visit.page
    for role in ("banner", "navigation", "main", "search", "contentinfo"):
        assert page.get_by_role(role).count() == 1
    assert page.locator("html").get_attribute("lang") == "en"
    expect(page.get_by_role("table", name="Every statement and its verdict")).to_be_visible()
    levels = page.eval_on_selector_all("h1, h2, h3, h4, h5", "all => all.map(one => Number(one.tagName[1]))")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    expect(page.get_by_role("img", name='"apple" rises')).to_be_visible()
    assert page.get_by_role("img").evaluate_all("all => all.every(one => one.naturalWidth === 48)")
    visit.opener(_REFUTED).click()
    assert page.locator(f"[id='{anchor(_REFUTED)}-more']").get_by_role("math").count() > 3


@pytest.mark.parametrize("which", ["some", pytest.param("all", marks=pytest.mark.slow)])
def test_a_phone_shows_everything_without_scrolling_sideways(
    browser: Browser, tmp_path: Path, some: dict[str, Statement], which: str
) -> None:
    """At 320 pixels, dark, with every row open, the page is as wide as the screen, and still a table to a reader."""
    statements = some if which == "some" else registry()
    address = written(tmp_path, statements)
    visit = Visit(
        browser, address, viewport={"width": 320, "height": 640}, color_scheme="dark", has_touch=True
    )
    page = visit.page
    assert visit.fits()
    page.get_by_role("button", name="Open all shown").tap()
    assert page.locator(".more:visible").count() == len(statements)
    assert visit.fits()
    cut = page.evaluate(
        "[...document.querySelectorAll('main *')].filter(one => one.getBoundingClientRect().right > innerWidth + 1"
        " && !one.closest('.claim') && !one.closest('thead')).map(one => one.outerHTML.slice(0, 80))"
    )
    assert cut == []
    header = page.get_by_role("columnheader", name="Kind")
    header.get_by_role("button").tap()
    expect(header).to_have_attribute("aria-sort", "ascending")
    row = page.locator(f"[id='{anchor(_REFUTED)}']")
    expect(row.get_by_role("rowheader")).to_be_visible()
    expect(row.locator("tr.head").get_by_role("cell")).to_have_count(5)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"
    assert visit.complaints == []
    visit.context.close()


def test_paper_has_what_was_filtered_and_opened(
    visit: Visit, tmp_path: Path, some: dict[str, Statement]
) -> None:
    """Printed: controls are gone, opened rows are there, columns fit on A4, and the PDF has pages."""
    page = visit.page
    page.locator("#filters").get_by_label("What is wrong").select_option(label="Typo")
    name = next(one for one in some if anchor(one) in visit.shown())
    visit.opener(name).click()
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 688, "height": 980})  # 182 mm between the margins of A4
    for gone in ("#filters", "nav", ".skip", "#count"):
        expect(page.locator(gone)).to_be_hidden()
    expect(page.locator(f"[id='{anchor(name)}-more'] .counterexample")).to_be_visible()
    assert page.locator(".more:visible").count() == 1
    assert visit.fits()
    wide = page.evaluate(
        "[...document.querySelectorAll('main *')].filter(one => one.getBoundingClientRect().right > innerWidth + 1)"
        ".map(one => one.outerHTML.slice(0, 80))"
    )
    assert wide == []
    for selector, rule, value in (
        ("thead", "display", "table-header-group"),
        (".case", "breakInside", "avoid"),
        ("figure", "breakInside", "avoid"),
        ("tr.head", "breakInside", "avoid"),
    ):
        assert page.locator(selector).first.evaluate(f"one => getComputedStyle(one).{rule}") == value
    printed = page.pdf(path=tmp_path / "report.pdf", format="A4", prefer_css_page_size=True)
    assert printed.startswith(b"%PDF")
    assert printed.count(b"/Type /Page\n") > 3


def test_without_javascript_nothing_is_lost(browser: Browser, tmp_path: Path) -> None:
    """Rows open as details, no control is shown that does nothing, and every statement is there."""
    few = {name: one for name, one in registry().items() if name.startswith(_REFUTED)}
    visit = Visit(browser, written(tmp_path, few), java_script_enabled=False)
    page = visit.page
    expect(page.locator("#filters")).to_be_hidden()
    assert page.locator("#table button").count() == 0
    more = page.locator(f"[id='{anchor(_REFUTED)}-more']")
    expect(more.locator(".counterexample")).to_be_hidden()
    more.locator("summary").click()
    expect(more.locator(".counterexample")).to_be_visible()
    assert page.locator(".more summary").count() == len(few)
    assert visit.complaints == []
    visit.context.close()


def test_the_policy_of_the_page_forbids_what_it_must(browser: Browser, tmp_path: Path) -> None:
    """The control of the tests above: an image, a script or a request put into the page is refused, and noticed."""
    visit = Visit(browser, written(tmp_path, {_REFUTED: registry()[_REFUTED]}))
    for intruder in (
        "document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/image.png'}))",
        "document.body.append(Object.assign(document.createElement('script'), {text: 'document.title = 1'}))",
        "fetch('http://127.0.0.1:9/').catch(() => 0)",
    ):
        before = len(visit.complaints)
        visit.page.evaluate(intruder)
        visit.page.wait_for_function("() => true")
        assert any("Content Security Policy" in one for one in visit.complaints[before:]), intruder
    assert visit.page.title() != "1"
    visit.context.close()
