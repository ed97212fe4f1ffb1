"""The command that times the engines: what it lists, and that its baselines simulate the same experiment."""

from __future__ import annotations

import json

import pytest
import torch
from scipy import stats
from typer.testing import CliRunner

from simulate import INIT_FLIP, InitFlip, Plan, run
from simulate.bench import baselines, document
from simulate.cli import app


def test_the_document_lists_every_way() -> None:
    """Every way is there with its time, and ratios are given for one thread only."""
    data = document(64, 16, rounds=1, at_least=0.01)
    ways = {way["name"]: way for way in data["ways"]}
    assert {
        "conditional engine",
        "dense engine",
        "conditional, torch form",
        "dense torch at its best",
    } <= set(ways)
    assert all(way["seconds"] > 0 for way in ways.values())
    assert all((way["ratio"] is None) == (way["threads"] != 1) for way in ways.values())
    assert all(rate > 0 for rate in data["bounds"].values())


def test_no_matrix_is_formed_that_does_not_fit() -> None:
    """At 4 GB of weights only the ways without the matrix are timed, and no ratio is claimed."""
    data = document(1_000, 1_000_000, rounds=1, at_least=0.01)
    assert {way["threads"] for way in data["ways"]} >= {1}
    assert all("dense" not in way["name"] and way["ratio"] is None for way in data["ways"])


@pytest.mark.parametrize("name", ["best", "batched", "functional", "module"])
def test_baselines_flip_as_often_as_the_engine(name: str) -> None:
    """4,000 trials at (64, 32) against 40,000 of the engine: level 1e-6, resolving 0.06."""
    torch.manual_seed(5)
    trials = 4000
    engine = run(Plan(INIT_FLIP, (InitFlip(64, 32, steps=(2.0,)),), 40_000)).cells[0].summary
    count = int(engine.counts["flip"].ravel()[0])

    def p_value(step: float) -> float:
        if name == "best":
            call = baselines.DenseAtItsBest(64, 32)
            flips = sum(int(call(step)) for _ in range(trials))
        elif name == "module":
            flips = sum(int(baselines.module_and_autograd(64, 32, step)) for _ in range(trials))
        else:
            function = baselines.dense_batched if name == "batched" else baselines.functional
            flips = int(function(64, 32, trials, step).sum())
        return float(stats.fisher_exact([[flips, trials - flips], [count, 40_000 - count]])[1])

    assert p_value(2.0) > 1e-6
    assert p_value(1.0) < 1e-6  # the step halved is told apart


def test_the_command_prints_json_and_markdown(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--json` is the document, `--markdown` a table of it; a width of 0 gets one line."""
    runner = CliRunner()
    made = document(32, 8, rounds=1, at_least=0.01)
    with monkeypatch.context() as patched:
        patched.setattr("simulate.bench.document", lambda *_, **__: made)
        assert json.loads(runner.invoke(app, ["bench", "--json"]).stdout) == made
        assert "| way | threads |" in runner.invoke(app, ["bench", "--markdown"]).stdout
        assert "conditional engine" in runner.invoke(app, ["bench"]).stdout
    wrong = runner.invoke(app, ["bench", "--width", "0"])
    assert wrong.exit_code == 2
    assert len(wrong.stderr.strip().splitlines()) == 1
