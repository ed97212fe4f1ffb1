"""A file of one's own: what a new user writes is checked, and every mistake is one line with its place."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from command import Simulate

from simulate.errors import BadInput
from theorems.userfile import load, load_all

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


TRUE = """
from theorems import Domain, Integers, Sides, Universal

SQUARE = Universal(id="square", domain=Domain(n=Integers(1, 5)), conclusion=lambda n: Sides(n, n * n))
"""
FALSE = TRUE.replace("Sides(n, n * n)", "Sides(n * n, n)")


# ------------------------------------------------------------------------------------------- as a new user


def test_the_readme_file_does_what_it_says(tmp_path: Path) -> None:
    """The README's file of at most 25 lines, run in an empty directory, prints to the letter what is shown."""
    (file,) = re.findall(r"```python\n# my_paper\.py\n(.*?)```", README, re.DOTALL)
    assert len(file.splitlines()) + 1 <= 25
    shown = re.search(
        r"```console\n\$ simulate (verify my_paper\.py[^\n]*?)( \|\| [^\n]*)?\n(.*?)```", README, re.DOTALL
    )
    assert shown is not None
    (tmp_path / "my_paper.py").write_text(f"# my_paper.py\n{file}")
    command = [sys.executable, "-m", "simulate.cli", *shown[1].split()]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    wanted = [line.rstrip() for line in shown[3].strip().splitlines()]
    printed = [line.rstrip() for line in done.stdout.strip().splitlines()]
    assert [*printed, "exit code 1"] == wanted
    assert done.stderr == ""
    assert not list(tmp_path.glob("__pycache__"))


# ------------------------------------------------------------------------------------------- exit codes


ENDS = {
    "holds": (TRUE, 0),
    "refuted": (FALSE, 1),
    "broken": (TRUE.replace("n * n)", "n / (n - n))"), 4),
    "NaN": (TRUE.replace("n * n)", "float('nan'))"), 4),
    "no sides": (TRUE.replace("Sides(n, n * n)", "n"), 4),
    "vacuous": (TRUE.replace("Integers(1, 5))", 'Integers(1, 5), where={"no n": lambda n: False})'), 3),
}


@pytest.mark.parametrize(("source", "code"), ENDS.values(), ids=ENDS)
def test_exit_codes(simulate: Simulate, source: str, code: int) -> None:
    """0 holds, 1 refuted, 3 nothing found out, 4 a bug; the statement is named in the table."""
    Path("paper.py").write_text(source)
    answer = simulate("verify", "paper.py")
    assert answer.code == code
    assert "square" in answer.out
    assert "Traceback" not in answer.err


def test_a_bug_is_reported_by_name(simulate: Simulate) -> None:
    """A statement with a bug says which one, what happened and where; the others are still checked."""
    Path("paper.py").write_text(
        TRUE + TRUE.replace("square", "bug").replace("SQUARE", "BUG").replace("n * n)", "1 / (n - n))")
    )
    code, out, _ = simulate("verify", "paper.py", "--json")
    square, bug = json.loads(out)["statements"]
    assert code == 4
    assert (square["verdict"], bug["verdict"]) == ("holds", "broken")
    assert bug["note"] == "ZeroDivisionError: division by zero at n = 1"


# ---------------------------------------------------------------------------------------- bad files


BAD = {
    "syntax": ("x = 1\ndef f(:\n", "paper.py, line 2: SyntaxError: invalid syntax"),
    "indentation": ("x = 1\n  y = 2\n", "paper.py, line 2: IndentationError: unexpected indent"),
    "null byte": ("x = 1\0\n", "paper.py"),
    "import": (
        "import os\n\nimport thereisnosuchmodule\n",
        "paper.py, line 3: ModuleNotFoundError: No module named",
    ),
    "name": ("import os\nx = y\n", "paper.py, line 2: NameError: name 'y' is not defined"),
    "deep": ("def f():\n    raise ValueError('bad')\n\n\nf()\n", "paper.py, line 2: ValueError: bad"),
    "exit": ("import sys\nsys.exit(0)\n", "paper.py, line 2: the file ends the program"),
    "nothing": ("x = 1\ny = 2\n", "paper.py, line 2: the file ends and has assigned no statement to a name"),
    "empty": ("", "paper.py, line 1: the file ends and has assigned no statement to a name"),
    "missing field": (
        "from theorems import Universal\nU = Universal(id='u')\n",
        "paper.py, line 2: TypeError: ",
    ),
    "same id": (TRUE + TRUE.replace("SQUARE", "AGAIN"), "paper.py: two statements have the id square"),
    "no id": (TRUE.replace('"square"', '" "'), "paper.py: a statement's id is one line of text, got ' '"),
    "neighbour": ("import broken_neighbour\n", "broken_neighbour.py, line 1: SyntaxError: "),
}


@pytest.mark.parametrize(("source", "line"), BAD.values(), ids=BAD)
def test_a_bad_file_is_one_line(simulate: Simulate, source: str, line: str) -> None:
    """What cannot be loaded is one line with file and line number, exit code 2, and leaves no trace."""
    Path("broken_neighbour.py").write_text("def f(:\n")
    Path("paper.py").write_text(source)
    code, out, err = simulate("verify", "paper.py", "--out", "out")
    assert (code, out) == (2, "")
    assert err.startswith("simulate: ")
    assert line in err
    assert err.count("\n") == 1
    assert sorted(path.name for path in simulate.home.iterdir() if path.suffix == ".py") == [
        "broken_neighbour.py",
        "paper.py",
    ]
    assert not Path("out").exists()


def test_a_file_that_is_not_there(simulate: Simulate) -> None:
    """A missing file and a directory are one line, exit code 2."""
    code, out, err = simulate("verify", "paper.py")
    assert (code, out, err) == (2, "", "simulate: cannot read paper.py: No such file or directory\n")
    Path("dir.py").mkdir()
    code, out, err = simulate("verify", "dir.py")
    assert (code, out, err) == (2, "", "simulate: cannot read dir.py: Is a directory\n")


def test_two_files_share_no_id(simulate: Simulate) -> None:
    """The same id in two files is refused with both; the same file twice is one file."""
    Path("a.py").write_text(TRUE)
    Path("b.py").write_text(TRUE)
    code, _, err = simulate("verify", "a.py", "b.py")
    assert (code, err) == (2, "simulate: two statements have the id square: in a.py and in b.py\n")
    assert simulate("verify", "a.py", "a.py").code == 0


# -------------------------------------------------------------------------------------------- good files


def test_neighbours_can_be_imported(simulate: Simulate) -> None:
    """A file imports its neighbour from wherever the command is run, and statements of lists are found."""
    Path("sub").mkdir()
    Path("sub/a_neighbour_of_mine.py").write_text("TOP = 5\n")
    Path("sub/paper.py").write_text(
        "from a_neighbour_of_mine import TOP\n"
        + TRUE.replace("SQUARE = ", "MANY = [").replace("n * n))", "n * n))]").replace("1, 5", "1, TOP")
    )
    assert simulate("verify", "sub/paper.py").code == 0


def test_a_file_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    """The same text is run once; a changed text is another file."""
    path = tmp_path / "paper.py"
    path.write_text(TRUE)
    first = load(path)
    assert load(path) is first
    path.write_text(FALSE)
    assert load(path) is not first
    assert load_all([path]) == [(path, load(path)[0])]


def test_what_a_file_prints_is_not_a_verdict(simulate: Simulate) -> None:
    """Standard output holds the JSON document alone, whatever the file prints."""
    Path("paper.py").write_text("print('noise')\n" + TRUE)
    code, out, err = simulate("verify", "paper.py", "--json")
    assert code == 0
    assert json.loads(out)["complete"] is True
    assert err == "noise\n"


def test_a_refutation_is_written_and_replayed(simulate: Simulate) -> None:
    """--out keeps the counterexample; replay finds the file again, and believes a changed file, not its memory."""
    Path("paper.py").write_text(FALSE)
    code, out, _ = simulate("verify", "paper.py", "--out", "out")
    assert code == 1
    assert "square refuted: at n = 2" in out
    assert out.splitlines()[-1] == "files: out/verdicts.json, out/verdicts.csv"
    stored = "out/counterexamples/square.json"
    code, out, err = simulate("replay", stored)
    assert (code, err) == (0, "")
    assert out.endswith("the counterexample stands\n")
    Path("elsewhere.json").write_text(Path(stored).read_text())
    code, _, err = simulate("replay", "elsewhere.json")
    assert code == 2
    assert "no statement is called 'square'; give --statement FILE.py if it is your own" in err
    assert simulate("replay", "elsewhere.json", "--statement", "paper.py").code == 0
    Path("paper.py").write_text(TRUE)
    code, out, _ = simulate("replay", stored)
    assert code == 1
    assert out.endswith("the counterexample does not stand\n")


def test_an_id_of_any_kind_has_a_file(simulate: Simulate) -> None:
    """An id that is no file name is written and replayed all the same."""
    Path("paper.py").write_text(FALSE.replace('"square"', '"Lemma 3/4: ‖x‖"'))
    assert simulate("verify", "paper.py", "--out", "out").code == 1
    (stored,) = Path("out/counterexamples").iterdir()
    assert simulate("replay", stored).code == 0


def test_user_files_cannot_be_confused_with_bad_input() -> None:
    """A file without statements is bad input from Python too."""
    with pytest.raises(BadInput, match=r"cannot read nowhere\.py"):
        load("nowhere.py")
