"""The ledger: the verdict of every statement that ships, with its evidence, as committed files.

    theorems/ledger.json               one line a statement: verdict, evidence, tightness, design, budget
    theorems/counterexamples/ID.json   what refutes a refuted one

`python -m theorems.ledger [ID …] [--budget …]` checks statements again and rewrites their entries. An id that
leaves the registry moves, with --retire, to the list of those that are never used again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulate.errors import BadInput, SimulateError
from theorems.budget import Budget
from theorems.statement import Broken, Statement
from theorems.verdicts import Counterexample, Tightness, Verdict

if TYPE_CHECKING:
    from theorems.verify import Checked

HERE = Path(__file__).parent
_FORMAT = 1
_PACKAGES = ("signflip", "torch", "numpy", "scipy", "hypothesis", "mpmath")


@dataclass(frozen=True)
class Entry:
    """What the ledger says about one statement.

    Attributes:
        verdict: with the counterexample, read from its file, if the statement is refuted.
        seconds: of the budget that it was found with.
        seed: of that budget.

    """

    verdict: Verdict
    seconds: float
    seed: int = 0

    def to_json(self) -> dict[str, Any]:
        """As JSON data; of a counterexample only the digest, which ties the entry to its file."""
        data = self.verdict.to_json()
        stored = data["counterexample"]
        return {
            **data,
            "counterexample": stored["digest"] if stored else None,
            "budget": {"seconds": self.seconds, "seed": self.seed},
        }


@dataclass(frozen=True)
class Ledger:
    """Entries by id, and the ids that are no longer used.

    Attributes:
        entries: in the order of the registry.
        retired: ids of statements that once shipped.
        written: the "date" of the last change of an entry, and the versions of what checked then; empty if not
            known.

    """

    entries: Mapping[str, Entry] = field(default_factory=dict)
    retired: tuple[str, ...] = ()
    written: Mapping[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """What ledger.json holds, without the counterexamples: one line a statement.

        A change of one verdict is a change of one line, and of the line that says when.
        """
        lines = [
            f" {json.dumps(name)}: {json.dumps(entry.to_json(), ensure_ascii=False, allow_nan=False)}"
            for name, entry in self.entries.items()
        ]
        written = f'"written": {json.dumps(dict(self.written))},\n' if self.written else ""
        head = f'{{"format": {_FORMAT},\n"retired": {json.dumps(list(self.retired))},\n{written}"statements": {{\n'
        return head + ",\n".join(lines) + "\n}}\n"

    def save(self, directory: Path = HERE) -> None:
        """Write the ledger and its counterexamples; files of statements that are no longer refuted go."""
        from simulate.engine import write_atomically

        places: dict[Path, Counterexample] = {}
        for name, entry in self.entries.items():
            if entry.verdict.counterexample is not None:
                places[counterexample_path(name, directory)] = entry.verdict.counterexample
        for place, counterexample in places.items():
            counterexample.save(place)
        write_atomically(directory / "ledger.json", self.text())
        for place in (directory / "counterexamples").glob("*.json"):
            if place not in places:
                place.unlink()

    @classmethod
    def load(cls, directory: Path = HERE) -> Ledger:
        """Read the ledger of a directory; an empty one where there is none.

        Raises:
            BadInput: it is damaged, or a counterexample's file is missing or another one.

        """
        path = directory / "ledger.json"
        if not path.exists():
            return cls()
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if data["format"] != _FORMAT:
                raise BadInput(f"{path} has format {data['format']}, this program reads {_FORMAT}")
            entries = {name: _entry(name, one, directory) for name, one in data["statements"].items()}
            written = {str(key): str(value) for key, value in data.get("written", {}).items()}
            return cls(entries, tuple(data["retired"]), written)
        except BadInput:
            raise
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadInput(f"{path} is damaged: {type(error).__name__}: {error}") from error


def counterexample_path(name: str, directory: Path = HERE) -> Path:
    """Where the counterexample to a statement is kept below a directory."""
    return directory / "counterexamples" / f"{file_stem(name)}.json"


def file_stem(name: str) -> str:
    """An id as a file name; what a file system might not like is replaced, and a digest keeps it apart."""
    if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", name):
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{re.sub(r'[^A-Za-z0-9-]+', '_', name)[:80]}-{digest}"


def _entry(name: str, data: Mapping[str, Any], directory: Path) -> Entry:
    counterexample = None
    if data["counterexample"] is not None:
        path = counterexample_path(name, directory)
        counterexample = Counterexample.load(path)
        if counterexample.to_json()["digest"] != data["counterexample"]:
            raise BadInput(f"{path} is not the counterexample that the ledger names")
    tightness = data["tightness"]
    verdict = Verdict(
        data["verdict"],
        data["evidence"]["kind"],
        data["evidence"]["amount"],
        Tightness(float(tightness["ratio"]), tightness["instance"]) if tightness else None,
        counterexample,
        data["design"] or {},
        data["note"],
    )
    return Entry(verdict, float(data["budget"]["seconds"]), int(data["budget"]["seed"]))


@cache
def shipped() -> Ledger:
    """The ledger that ships."""
    return Ledger.load()


def renewed(ledger: Ledger, checked: Iterable[Checked], ids: Iterable[str], retire: bool = False) -> Ledger:
    """The ledger after some statements were checked again.

    An entry stays as it is where the check says less: where it could only replay the stored counterexample,
    decided nothing because the time ran out or the budget is smaller than the entry's, or failed because the
    statement is broken.

    Args:
        ledger: so far.
        checked: the new verdicts.
        ids: of all statements that ship, in order.
        retire: ids of the ledger that no longer ship are retired; else they are an error.

    Raises:
        BadInput: an id no longer ships, or a retired one is used again.

    """
    entries, known = dict(ledger.entries), list(ids)
    for one in checked:
        name, verdict, budget = one.statement.id, one.verdict, one.budget
        before = entries.get(name)
        given_up = verdict.status == "undecided" and "cut short" in verdict.note
        less = before is not None and (
            verdict.evidence == "replayed"
            or given_up
            or (verdict.status == "undecided" and before.seconds > budget.seconds)
        )
        if verdict.status != "broken" and not less:
            entries[name] = Entry(verdict, budget.seconds, budget.seed)
    again = set(known) & set(ledger.retired)
    if again:
        raise BadInput(f"the id {min(again)} was retired and is never used again: choose another")
    gone = [name for name in entries if name not in known]
    if gone and not retire:
        raise BadInput(f"{gone[0]} is in the ledger and no longer ships: --retire if that is meant")
    return Ledger(
        {name: entries[name] for name in known if name in entries},
        tuple(sorted({*ledger.retired, *gone})),
        ledger.written,
    )


def _now() -> dict[str, str]:
    """The date, and the versions of what verdicts depend on."""
    found = {"date": datetime.now(UTC).date().isoformat(), "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def main(arguments: list[str] | None = None, directory: Path = HERE) -> int:
    """Check the named statements, or all, and rewrite their entries in the ledger."""
    from simulate.progress import for_this_terminal
    from theorems.registry import find, registry
    from theorems.verify import verify
    from theorems.workers import Subject

    parser = argparse.ArgumentParser(prog="python -m theorems.ledger", description=main.__doc__)
    parser.add_argument("ids", nargs="*", metavar="ID", help="default: every statement that ships")
    parser.add_argument("--budget", default="quick", help="quick, full, or seconds a statement")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=None)
    parser.add_argument("--missing", action="store_true", help="only statements that have no entry yet")
    parser.add_argument("--retire", action="store_true", help="ids that no longer ship are gone for good")
    given = parser.parse_args(arguments)
    try:
        every, ledger = registry(), Ledger.load(directory)
        # Patient: what is committed should not depend on how busy the machine was.
        budget = replace(Budget.parse(given.budget), seed=given.seed, patience=10.0)
        chosen: list[Statement] = [find(name, every) for name in given.ids] or list(every.values())
        if given.missing:
            chosen = [one for one in chosen if one.id not in ledger.entries]
        renewed(ledger, (), every, given.retire)  # refuse before an hour of checks, not after it
        progress = for_this_terminal("statements")
        try:
            checked = verify(
                [Subject(one) for one in chosen], budget, ledger, given.workers, progress=progress
            )
        finally:
            progress.stop()
        new = renewed(ledger, checked, every, given.retire)
        for name, entry in new.entries.items():
            old = ledger.entries.get(name)
            was = "new" if old is None else old.verdict.status
            if was != entry.verdict.status:
                print(f"{name}: {was} → {entry.verdict.status}")
        if new.entries != ledger.entries:
            new = replace(new, written=_now())
        new.save(directory)
        broken = [one for one in checked if one.verdict.status == "broken"]
        for failed in broken:
            print(f"{failed.statement.id} is broken: {failed.verdict.note}", file=sys.stderr)
    except SimulateError as error:
        print(f"theorems.ledger: {error}", file=sys.stderr)
        return error.exit_code
    return Broken.exit_code if broken else 0


if __name__ == "__main__":
    from theorems import ledger as _this  # the module of which everybody else holds the classes

    sys.exit(_this.main())
