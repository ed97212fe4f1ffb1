"""The floors of the house: each imports only what is below it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def imports(path: Path) -> set[str]:
    """The modules that a file names in its imports, wherever in the file they stand."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize(
    ("floor", "above"),
    [
        ("simulate", ("theorems", "figures", "tests", "benchmarks")),
        ("theorems", ("simulate.cli", "figures", "tests", "benchmarks")),
        ("figures", ("simulate.cli", "tests", "benchmarks")),
    ],
)
def test_no_floor_imports_what_is_above_it(floor: str, above: tuple[str, ...]) -> None:
    """Only the command line may reach up; it is the door."""
    door = ROOT / "simulate" / "cli"
    files = [path for path in (ROOT / floor).rglob("*.py") if not path.is_relative_to(door)]
    assert files
    for path in files:
        for name in imports(path):
            assert not any(name == one or name.startswith(f"{one}.") for one in above), (path, name)


def test_importing_theorems_loads_no_command_line() -> None:
    """Whoever writes statements does not get the door with them."""
    code = "import sys, theorems; print(sorted(m for m in sys.modules if m.startswith('simulate.cli')))"
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_public_names_are_there_and_quick_to_import() -> None:
    """`import simulate` loads nothing heavy, and every public name of it exists."""
    code = (
        "import sys, simulate; assert 'torch' not in sys.modules;"
        "print([n for n in simulate.__all__ if getattr(simulate, n, None) is None])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
