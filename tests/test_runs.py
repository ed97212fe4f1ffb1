"""Runs: the same plan gives the same bytes; nothing finished is lost, nothing damaged is used."""

from __future__ import annotations

import errno
import functools
import itertools
import json
import math
import os
import random
import shutil
import signal
import sys
import threading
import time
import warnings
import weakref
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from kill_and_resume import SMALL_BLOCKS, Launcher, launcher

from simulate import tables
from simulate.engine import (
    Experiment,
    Plan,
    Precision,
    RunDirectory,
    Summary,
    block_summary,
    describe,
    grid,
    observable,
    plan_from_json,
    read_plan,
    report,
    resume,
    run,
    trial_columns,
    write_atomically,
)
from simulate.engine import plan as plan_module
from simulate.engine import store as store_module
from simulate.engine.merge import Merge
from simulate.errors import BadInput, RunFailed
from simulate.experiments import GRAD_NORM, INIT_FLIP, GradNorm, InitFlip, document
from simulate.statistics import Moments, Sketch
from simulate.streams import Stream, Workspace

needs_fork = pytest.mark.skipif(sys.platform != "linux", reason="forks children and watches them in /proc")


@dataclass(frozen=True)
class Walk:
    """A random walk: the parameters of a user's own experiment."""

    length: int = 8
    drift: float = 0.0
    thresholds: tuple[float, ...] = observable(default=(0.0,))

    @property
    def numbers_per_trial(self) -> int:
        """How many numbers a trial draws."""
        return self.length


def walk(parameters: Walk, stream: Stream, batch: int) -> dict[str, torch.Tensor]:
    """Where the walk ends, whether above the thresholds, and its steps (a buffer of the stream)."""
    steps = stream.normals("steps", parameters.length)
    assert steps.shape[0] == batch
    steps += parameters.drift
    end = steps.sum(dim=1)
    above = torch.stack([end > threshold for threshold in parameters.thresholds], dim=1)
    return {"above": above, "end": end, "rounded": end.round().long(), "steps": steps}


WALK = Experiment("walk", walk, Walk)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Micro-batches of 32 trials of a walk, blocks of 128; 64 and 64 for a network of width 64."""
    monkeypatch.setattr(plan_module, "_MICRO_NUMBERS", 1 << 8)
    monkeypatch.setattr(plan_module, "_BLOCK_NUMBERS", 1 << 10)


def summaries(plan: Plan, **options: Any) -> list[dict[str, Any]]:
    """What a run found, in full precision."""
    return [cell.summary.to_json() for cell in run(plan, **options).cells]


def saved(plan: Plan, out: Path, **options: Any) -> tuple[str, str]:
    """The texts of results.json and results.csv of a run."""
    data = document(run(plan, out, **options))
    return json.dumps(data), tables.to_csv(data)


# ------------------------------------------------------------------------------------------ determinism


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("trials", [1, 31, 1009])
def test_threads_change_nothing(trials: int, tmp_path: Path) -> None:
    """One thread, two and five give the same results to the byte, at trial counts that no batch divides."""
    plan = Plan(INIT_FLIP, grid(InitFlip, width=[5, 64], dim=8, steps=(0.5, 2.0)), trials, seed=3)
    one, two, five = (saved(plan, tmp_path / str(n), threads=n) for n in (1, 2, 5))
    assert one == two == five
    assert all(cell["trials"] == trials for cell in json.loads(one[0])["results"])


@pytest.mark.usefixtures("small_blocks")
def test_disk_and_memory_agree(tmp_path: Path) -> None:
    """A run in memory, on disk, and read back from disk gives the same bits."""
    plan = Plan(WALK, (Walk(),), 1009)
    memory, disk, read = summaries(plan), summaries(plan, out=tmp_path), summaries(plan, out=tmp_path)
    assert memory == disk == read


@pytest.mark.usefixtures("small_blocks")
def test_more_trials_extend_a_run() -> None:
    """The first trials of a longer run are those of a shorter one, in whole blocks and one by one."""
    short, long = Plan(WALK, (Walk(),), 300), Plan(WALK, (Walk(),), 5000)
    cell = short.cells[0]
    assert cell == long.cells[0]
    assert short.blocks(cell) == 3
    for block in range(2):
        pieces = [block_summary(plan, cell, block, Workspace()).to_json() for plan in (short, long)]
        assert pieces[0] == pieces[1]
    few, many = trial_columns(short, 0, 0, 300), trial_columns(long, 0, 0, 5000)
    assert all(np.array_equal(few[name], many[name][:300]) for name in few)


@pytest.mark.usefixtures("small_blocks")
def test_another_grid_point_changes_no_other() -> None:
    """A cell's numbers are the same to the bit alone, first or last in a grid."""
    widths = [64, 7, 128]
    alone = [summaries(Plan(GRAD_NORM, grid(GradNorm, width=w, dim=9), 501, seed=1))[0] for w in widths]
    together = summaries(Plan(GRAD_NORM, grid(GradNorm, width=widths, dim=9), 501, seed=1))
    backwards = summaries(Plan(GRAD_NORM, grid(GradNorm, width=widths[::-1], dim=9), 501, seed=1))
    assert alone == together == backwards[::-1]


LONGER = {
    "step": {"steps": (0.5, 1.0, 2.0, 40.0)},
    "radius": {"radii": (0.25, 3.0)},
    "random": {"directions": ("gradient", "random")},
    "everything": {"steps": (0.5, 2.0), "radii": (1.0,), "directions": ("gradient", "random")},
}


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("engine", ["conditional", "dense"])
@pytest.mark.parametrize("more", LONGER.values(), ids=LONGER)
def test_another_step_changes_no_other_number(
    more: dict[str, Any], engine: str, activation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Adding a step, a radius or the random direction changes no bit of any other number."""
    monkeypatch.setattr(plan_module, "_MICRO_NUMBERS", 1 << 13)
    monkeypatch.setattr(plan_module, "_BLOCK_NUMBERS", 1 << 14)
    base = InitFlip(width=16, dim=9, activation=activation, engine=engine, steps=(0.5, 2.0))
    plans = [Plan(INIT_FLIP, (point,), 1500, seed=5) for point in (base, replace(base, **more))]
    short, long = (document(run(plan))["results"][0] for plan in plans)
    rows = {(row["direction"], row["step"], row["radius"]): row for row in long["flip"]}
    assert len(rows) > len(short["flip"])
    for row in short["flip"]:
        assert rows[row["direction"], row["step"], row["radius"]] == row
    for name in ("zero_gradient", "output", "gradient_norm"):
        assert long[name] == short[name]


@pytest.mark.usefixtures("small_blocks")
def test_the_sign_direction_changes_no_draw() -> None:
    """Adding the sign step, which makes batches smaller, changes no count, and averages by rounding only."""
    base = InitFlip(width=16, dim=9, steps=(0.5, 2.0))
    points = (base, replace(base, directions=("gradient", "sign")))
    short, long = (document(run(Plan(INIT_FLIP, (point,), 1500)))["results"][0] for point in points)
    for name in ("probability", "differ", "low", "high"):
        assert [row[name] for row in long["flip"][:2]] == [row[name] for row in short["flip"]]
    assert long["zero_gradient"] == short["zero_gradient"]
    assert long["gradient_norm"]["mean"] == pytest.approx(short["gradient_norm"]["mean"], rel=1e-12)


@pytest.mark.usefixtures("small_blocks")
def test_trials_drawn_again_are_those_of_the_run() -> None:
    """The columns of single trials, drawn in pieces at odd places, summarise to what the run counted."""
    plan = Plan(WALK, (Walk(), Walk(length=11, thresholds=(0.0, 1.0))), 1009)
    result = run(plan, threads=2)
    for cell, found in enumerate(result.cells):
        cuts = [0, 1, 130, 131, 700, 1009]
        pieces = [trial_columns(plan, cell, a, b - a) for a, b in itertools.pairwise(cuts)]
        columns = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
        again = Summary.of(columns)
        assert np.array_equal(found.summary.counts["above"], again.counts["above"])
        assert found.summary.sketches == again.sketches
        for name, moments in found.summary.moments.items():
            assert np.array_equal(moments.minimum, again.moments[name].minimum)
            assert np.array_equal(moments.maximum, again.moments[name].maximum)
            np.testing.assert_allclose(moments.mean, again.moments[name].mean, rtol=1e-12, atol=1e-12)


def test_trials_drawn_again_round_as_in_the_run() -> None:
    """A sum so long that torch shares it among threads is drawn again to the bit, whatever their number."""

    def trial(parameters: Walk, stream: Stream, batch: int) -> dict[str, torch.Tensor]:
        return {"sum": stream.normals("x", parameters.length).sum(dim=1)}

    plan = Plan(Experiment("long-sum", trial, Walk), (Walk(length=1 << 20),), 3)
    assert plan.cells[0].micro == 1
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        again = Summary.of(trial_columns(plan, 0, 0, 3))
        assert torch.get_num_threads() == 2
        assert run(plan, threads=2).cells[0].summary == again
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


@pytest.mark.usefixtures("small_blocks")
def test_trials_drawn_again_have_the_same_company() -> None:
    """A trial drawn again stands where it stood in its batch, for rounding can depend on the place."""

    def trial(parameters: Walk, stream: Stream, batch: int) -> dict[str, torch.Tensor]:
        return {"first": torch.full((batch,), stream.first), "place": torch.arange(batch)}

    plan = Plan(Experiment("places", trial, Walk), (Walk(),), 1009)
    columns = trial_columns(plan, 0, 130, 70)
    assert columns["place"].tolist() == [number % 32 for number in range(130, 200)]
    assert (columns["first"] + columns["place"]).tolist() == list(range(130, 200))


@pytest.mark.parametrize("request_", [(0, -1, 5), (0, 0, 0), (1, 0, 5), (-1, 0, 5)])
def test_trials_that_do_not_exist(request_: tuple[int, int, int]) -> None:
    """Asking for trials or cells that are not there is refused, not answered with something else."""
    with pytest.raises(BadInput, match="there are no trials"):
        trial_columns(Plan(WALK, (Walk(),), 10), *request_)


def test_the_seed_and_every_parameter_choose_the_numbers() -> None:
    """Another seed or parameter gives other numbers, an observable the same ones."""

    def ends(point: Walk, seed: int = 0) -> bytes:
        return trial_columns(Plan(WALK, (point,), 10, seed), 0, 0, 10)["end"].tobytes()

    assert ends(Walk()) == ends(Walk(thresholds=(1.0, 2.0)))
    assert len({ends(Walk()), ends(Walk(), 1), ends(Walk(drift=1e-300)), ends(Walk(), 1 << 80)}) == 4


# ------------------------------------------------------------------------------------------------ merge

SMALL = Plan(Experiment("walk", walk, Walk), (Walk(1 << 24), Walk(1 << 23)), 12)


def piece(cell: int, block: int) -> Summary:
    """A summary that a block of `SMALL` could have."""
    trials = len(SMALL.trials_of(SMALL.cells[cell], block))
    values = np.random.default_rng([cell, block]).normal(size=(trials, 2))
    return Summary.of({"x": values, "y": values[:, 0], "up": values > 0})


@functools.cache
def pieces() -> dict[tuple[int, int], Summary]:
    """All blocks of `SMALL`."""
    cells = enumerate(SMALL.cells)
    return {(c, b): piece(c, b) for c, cell in cells for b in range(SMALL.blocks(cell))}


@given(st.data())
def test_blocks_merge_in_order_whatever_the_order_of_arrival(data: st.DataObject) -> None:
    """Any order of arrival, with repetitions, gives the bits of the merge in order."""
    assert len(pieces()) == 12 + 6
    order = data.draw(st.permutations(sorted(pieces())))
    order += data.draw(st.lists(st.sampled_from(order), max_size=5))
    merged, come = Merge(SMALL), set[tuple[int, int]]()
    for address in order:
        assert merged.complete is (len(come) == len(pieces()))
        assert list(merged.missing()) == sorted(set(pieces()) - come)
        merged.add(*address, pieces()[address])
        come.add(address)
        assert merged.trials == sum(pieces()[a].trials for a in come)
    assert merged.complete
    assert not list(merged.missing())
    for cell in range(2):
        ordered = [summary for address, summary in sorted(pieces().items()) if address[0] == cell]
        assert merged.summaries[cell] == functools.reduce(Summary.merge, ordered)


@given(st.permutations(sorted(pieces())), st.integers(0, len(pieces())))
def test_missing_blocks_are_named_once_while_others_come(order: list[tuple[int, int]], known: int) -> None:
    """What is missing, read off while it is computed, is each missing block once and no other."""
    merged = Merge(SMALL)
    for address in order[:known]:
        merged.add(*address, pieces()[address])
    named = []
    for address in merged.missing():
        named.append(address)
        merged.add(*address, pieces()[address])
    assert named == sorted(order[known:])
    assert merged.complete


@pytest.mark.usefixtures("small_blocks")
def test_a_wanted_precision_stops_at_the_same_block_however_computed(tmp_path: Path) -> None:
    """A run that stops when it is precise enough has the same bits on any number of threads, and read back."""
    wide = Experiment("walk", walk, Walk, ("above",))
    plan = Plan(wide, (Walk(), Walk(drift=0.5)), 100_000, precision=Precision(0.06))
    results = [run(plan, tmp_path / str(n), threads=n) for n in (1, 2, 5)] + [run(plan, tmp_path / "5")]
    for result in results:
        for cell, first in zip(result.cells, results[0].cells, strict=True):
            assert cell.precise
            assert 128 < cell.summary.trials < 10_000
            assert cell.summary == first.summary


def test_blocks_that_do_not_fit_are_refused() -> None:
    """A block that the plan has not, with other trials or other columns, is an error and not a number."""
    merged = Merge(SMALL)
    with pytest.raises(RunFailed, match="not in the plan"):
        merged.add(0, 12, piece(0, 0))
    with pytest.raises(RunFailed, match="has 2 trials, not 1"):
        merged.add(0, 0, piece(1, 0))
    merged.add(0, 3, piece(0, 3))
    with pytest.raises(RunFailed, match="the trial has changed"):
        merged.add(0, 5, Summary.of({"x": np.zeros((1, 2))}))
    with pytest.raises(RunFailed, match="cannot be merged"):
        piece(0, 0).merge(Summary.of({"x": np.zeros((1, 3)), "y": np.zeros(1), "up": np.zeros((1, 2)) > 0}))


@pytest.mark.usefixtures("small_blocks")
def test_memory_is_flat_in_the_number_of_trials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A run of 400 blocks, computed or read back, holds a handful of summaries at any time."""
    made, lock = Summary.__init__, threading.RLock()
    alive = most = 0

    def gone() -> None:
        nonlocal alive
        with lock:
            alive -= 1

    def counted(self: Summary, *arguments: Any, **keywords: Any) -> None:
        nonlocal alive, most
        made(self, *arguments, **keywords)
        with lock:
            weakref.finalize(self, gone)
            alive += 1
            most = max(most, alive)

    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    monkeypatch.setattr(Summary, "__init__", counted)

    plan = Plan(WALK, (Walk(),), 128 * 400)
    assert plan.blocks(plan.cells[0]) == 400
    for _ in range(2):
        run(plan, tmp_path, threads=2)
    # Each of two threads holds three at most (merging two into one), and so does the merge of all; besides,
    # two blocks for each thread can be finished and wait to be merged.
    assert 3 <= most <= 40
    assert alive <= 3


# ----------------------------------------------------------------------------------------- runs on disk

PLAN = Plan(WALK, (Walk(), Walk(length=5)), 1009)


@pytest.fixture
def finished(small_blocks: None, tmp_path: Path) -> Path:
    """A directory with a finished run of `PLAN`."""
    run(PLAN, tmp_path / "run")
    return tmp_path / "run"


class Watching:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.total = self.before = self.computed = 0
        self.notes: list[str] = []

    def start(self, total: int, done: int) -> None:
        """See `Progress`."""
        self.total, self.before = total, done

    def advance(self, trials: int) -> None:
        """See `Progress`."""
        self.computed += trials

    def note(self, line: str) -> None:
        """See `Progress`."""
        assert "\n" not in line
        self.notes.append(line)


def continued(path: Path, plan: Plan = PLAN) -> Watching:
    """Continue a run, which must then have the results of an uninterrupted one."""
    watching = Watching()
    found = summaries(plan, out=path, progress=watching)
    assert found == summaries(plan)
    assert watching.total in (0, plan.trials * len(plan.points))
    assert watching.before + watching.computed == watching.total
    return watching


def lines(path: Path) -> list[bytes]:
    """The lines of a run's blocks."""
    return (path / "blocks.jsonl").read_bytes().splitlines(keepends=True)


def test_a_finished_run_is_not_computed_again(finished: Path) -> None:
    """The same plan into the same directory computes nothing, says nothing and writes no block."""
    before = lines(finished)
    watching = continued(finished)
    assert (watching.total, watching.notes) == (0, [])
    assert lines(finished) == before


@pytest.mark.parametrize("cut", [1, 2, 40, 500])
def test_a_torn_last_line_is_computed_again(finished: Path, cut: int) -> None:
    """A last line without its end is dropped with a note, its block computed again, the others kept."""
    whole = lines(finished)
    (finished / "blocks.jsonl").write_bytes(b"".join(whole)[:-cut])
    watching = continued(finished)
    assert len(watching.notes) == 1
    assert "the last line was cut off" in watching.notes[0]
    assert watching.computed <= 192
    assert sorted(lines(finished)) == sorted(whole)
    assert continued(finished).notes == []


def test_a_file_that_is_one_torn_line(finished: Path) -> None:
    """A first line that never ended, longer than what is read at a time, leaves an empty file."""
    (finished / "blocks.jsonl").write_bytes(b"x" * 200_000)
    assert continued(finished).before == 0


def test_zeros_after_a_power_failure(finished: Path) -> None:
    """A tail of zero bytes, which a power failure can leave, is dropped like a torn line."""
    with open(finished / "blocks.jsonl", "ab") as file:
        file.write(b"\0" * 100_000)
    watching = continued(finished)
    assert (watching.computed, len(watching.notes)) == (0, 1)


DAMAGE = {
    "a flipped digit": lambda line: line[:-40] + bytes([line[-40] ^ 1]) + line[-39:],
    "an empty line": lambda line: b"\n",
    "half a line": lambda line: line[: len(line) // 2] + b"\n",
    "no JSON": lambda line: b"hello\n",
    "no text": lambda line: b"\xff\xfe\0\n",
    "other JSON": lambda line: b"[1, 2]\n",
    "a wrong check sum": lambda line: line.replace(b'{"crc":', b'{"crc":1', 1),
    "no check sum": lambda line: b'{"body":{}}\n',
    "another plan's block": lambda line: line.replace(PLAN.digest.encode(), b"00000000", 1),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_line_is_computed_again(finished: Path, damage: Any) -> None:
    """A line that is not what was written is left out with a note, its block alone computed again."""
    whole = lines(finished)
    broken = damage(whole[3])
    assert broken != whole[3]
    (finished / "blocks.jsonl").write_bytes(b"".join([*whole[:3], broken, *whole[4:]]))
    watching = continued(finished)
    assert len(watching.notes) == 1
    assert "line 4 is damaged" in watching.notes[0]
    assert 0 < watching.computed <= 192
    assert continued(finished).computed == 0


def test_many_damaged_lines_make_one_note(finished: Path) -> None:
    """However many lines are damaged, one line says so."""
    whole = lines(finished)
    (finished / "blocks.jsonl").write_bytes(b"".join(b"?" + line for line in whole[1:]) + whole[0])
    watching = continued(finished)
    assert len(watching.notes) == 1
    assert f"{len(whole) - 1} lines (1, …) are damaged" in watching.notes[0]


def test_a_check_sum_alone_decides(finished: Path) -> None:
    """Every single flipped bit of a line is noticed."""
    line = lines(finished)[0]
    rng = random.Random(1)
    for place in rng.sample(range(len(line) - 1), 60):
        broken = line[:place] + bytes([line[place] ^ (1 << rng.randrange(8))]) + line[place + 1 :]
        with pytest.raises(ValueError):
            store_module._body(broken, PLAN.digest)
    assert store_module._body(line, PLAN.digest)["plan"] == PLAN.digest


def test_duplicate_lines_count_once(finished: Path) -> None:
    """A block that was written twice is one block."""
    whole = lines(finished)
    (finished / "blocks.jsonl").write_bytes(b"".join([*whole[:5], *whole[:5], *whole[3:], *whole]))
    watching = continued(finished)
    assert (watching.computed, watching.notes) == (0, [])


@pytest.mark.parametrize("how", ["empty", "missing"])
def test_an_empty_blocks_file_is_a_run_that_begins(finished: Path, how: str) -> None:
    """Without a block there is everything to compute, and nothing to complain about."""
    (finished / "blocks.jsonl").write_bytes(b"")
    if how == "missing":
        (finished / "blocks.jsonl").unlink()
    watching = continued(finished)
    assert (watching.before, watching.notes) == (0, [])


@pytest.mark.usefixtures("small_blocks")
@given(st.integers(0, 2**32), st.integers(1, 6))
def test_random_damage_never_changes_a_result(tmp_path_factory: Any, seed: int, wounds: int) -> None:
    """Bytes changed, cut and inserted at random places cost blocks, never a digit of the result."""
    path = tmp_path_factory.mktemp("run") / "run"
    plan = Plan(WALK, (Walk(),), 500)
    expected = summaries(plan, out=path)
    data = bytearray((path / "blocks.jsonl").read_bytes())
    rng = random.Random(seed)
    for _ in range(wounds):
        a = rng.randrange(len(data))
        b = min(len(data), a + rng.choice([1, 10, 3000]))
        data[a:b] = rng.choice([b"", rng.randbytes(b - a), b"\n", bytes(data[a:b]) * 2])
    (path / "blocks.jsonl").write_bytes(bytes(data))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert summaries(plan, out=path) == expected
    shutil.rmtree(path)


def test_notes_become_warnings_in_python(finished: Path) -> None:
    """Without a progress to tell, what was left out is a Python warning and not silence."""
    with open(finished / "blocks.jsonl", "ab") as file:
        file.write(b"hello\n")
    with pytest.warns(UserWarning, match="damaged and left out"):
        run(PLAN, finished)


MANIFESTS = {
    "empty": "",
    "cut": '{"plan": {"experiment": "wal',
    "number": "3",
    "list": '["plan", "versions"]',
    "no plan": '{"versions": {}, "sessions": []}',
    "odd plan": '{"plan": 1, "versions": {}, "sessions": []}',
    "deep": "[" * 100_000,
}


@pytest.mark.parametrize("text", MANIFESTS.values(), ids=MANIFESTS)
def test_a_damaged_manifest_is_written_anew(finished: Path, text: str) -> None:
    """Blocks say whose they are: with their plan given again, a broken manifest loses none of them."""
    (finished / "manifest.json").write_text(text)
    with pytest.raises(BadInput, match="finished blocks are kept"):
        resume(finished)
    watching = continued(finished)
    assert watching.computed == 0
    assert ["is written anew" in note for note in watching.notes] == [True]
    assert resume(finished).plan == PLAN


def test_a_missing_manifest_is_written_anew(finished: Path) -> None:
    """The same when the manifest is gone."""
    (finished / "manifest.json").unlink()
    with pytest.raises(BadInput, match="holds no run"):
        resume(finished)
    assert continued(finished).computed == 0


@pytest.mark.parametrize("text", [None, "", '{"plan": {}}'])
def test_a_damaged_manifest_of_another_plan(finished: Path, text: str | None) -> None:
    """Blocks of another plan are not taken over when the manifest does not tell."""
    before = lines(finished)
    (finished / "manifest.json").unlink()
    if text is not None:
        (finished / "manifest.json").write_text(text)
    with pytest.raises(BadInput, match="no block of this plan"):
        run(replace(PLAN, seed=1), finished)
    assert lines(finished) == before


@pytest.mark.parametrize(
    "other",
    [
        replace(PLAN, seed=1),
        replace(PLAN, trials=1010),
        replace(PLAN, dtype="float64"),
        replace(PLAN, points=PLAN.points[:1]),
        replace(PLAN, points=PLAN.points[::-1]),
        replace(PLAN, points=(replace(PLAN.points[0], thresholds=(1.0,)), PLAN.points[1])),
        replace(PLAN, experiment=Experiment("other", walk, Walk)),
    ],
    ids=["seed", "trials", "dtype", "cells", "order", "observable", "experiment"],
)
def test_another_plan_is_refused(finished: Path, other: Plan) -> None:
    """A directory with the run of any other plan is refused and left as it was."""
    before = {file.name: file.read_bytes() for file in finished.iterdir()}
    with pytest.raises(BadInput, match="another plan: choose another --out"):
        run(other, finished)
    assert {file.name: file.read_bytes() for file in finished.iterdir()} == before


def test_other_batch_shapes_or_generators_are_refused(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks of another shape or generator have other trials under the same number: they are not mixed."""
    for module, name, value, what in (
        (plan_module, "_BLOCK_NUMBERS", 1 << 11, "batches"),
        (plan_module, "_MICRO_NUMBERS", 1 << 7, "batches"),
        (store_module, "GENERATOR", "another", "generator"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, value)
            with pytest.raises(BadInput, match=rf"another version \({what}"):
                run(PLAN, finished)


def test_another_torch_is_mentioned(finished: Path) -> None:
    """A run begun with another torch is continued, and its user told what that may mean."""
    manifest = json.loads((finished / "manifest.json").read_text())
    manifest["versions"]["torch"] = "0.1"
    (finished / "manifest.json").write_text(json.dumps(manifest))
    assert ["begun with torch 0.1" in note for note in continued(finished).notes] == [True]


def test_a_directory_of_something_else_is_refused(tmp_path: Path) -> None:
    """A directory that holds no run is refused and stays as it was, even if it has a manifest of its own."""
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(BadInput, match="not empty and holds no run"):
        run(PLAN, tmp_path)
    (tmp_path / "manifest.json").write_text('{"name": "my web application"}')
    with pytest.raises(BadInput, match="not the manifest of a run"):
        run(PLAN, tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["manifest.json", "thesis.tex"]


def test_remains_of_a_crash_are_swept(finished: Path) -> None:
    """Old temporary files go, young ones stay (another process may be about to rename them)."""
    old, young = finished / ".tmp-results.json-1", finished / ".tmp-results.json-2"
    old.write_text("{")
    young.write_text("{")
    hour_ago = time.time() - 3600
    os.utime(old, (hour_ago, hour_ago))
    continued(finished)
    assert not old.exists()
    assert young.exists()


@pytest.mark.usefixtures("small_blocks")
def test_a_crash_before_the_manifest_leaves_a_usable_directory(tmp_path: Path) -> None:
    """A directory with an empty blocks file and a temporary file, as a crash leaves it, becomes a run."""
    (tmp_path / "blocks.jsonl").touch()
    (tmp_path / ".tmp-manifest.json-1").write_text("{")
    assert continued(tmp_path).before == 0


def test_a_directory_has_one_writer(finished: Path) -> None:
    """While one writer has a run open a second is refused; when it has gone the next may come."""
    with RunDirectory(finished, PLAN), pytest.raises(BadInput, match="another process is writing"):
        run(PLAN, finished)
    with pytest.raises(ZeroDivisionError), RunDirectory(finished, PLAN):
        _ = 1 / 0
    continued(finished)


def test_a_refused_directory_is_let_go(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error while a directory is opened leaves no lock and no open file behind."""
    with monkeypatch.context() as patch:
        patch.setattr(RunDirectory, "_cut_torn_tail", lambda self: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(PLAN, finished)
    continued(finished)


def test_a_file_system_without_locks_is_mentioned(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where locks are not supported the run goes on, and its user is told."""
    fcntl = pytest.importorskip("fcntl")

    def no_locks(*arguments: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    assert ["cannot be locked" in note for note in continued(finished).notes] == [True]


@pytest.mark.parametrize("place", ["file/run", "file"])
def test_a_place_that_cannot_be_written(tmp_path: Path, place: str) -> None:
    """A directory below a regular file, or a file instead of a directory, is one clear error."""
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match=r"cannot write a run into .*(Not a directory|File exists)"):
        run(PLAN, tmp_path / place)


@pytest.mark.usefixtures("small_blocks")
def test_a_full_disk_keeps_what_was_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk fills up the run ends with one line that says how to go on, and whole blocks on disk."""
    real, calls = os.fsync, itertools.count()

    def full(descriptor: int) -> None:
        if next(calls) > 6:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(RunFailed) as caught:
            run(PLAN, tmp_path / "my run")
    assert "No space left on device; finished blocks are kept: make room" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(f"continue with: simulate resume '{tmp_path / 'my run'}'")
    assert all(line.endswith(b"\n") for line in lines(tmp_path / "my run"))
    watching = continued(tmp_path / "my run")
    assert watching.before > 0
    assert watching.notes == []


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails leaves the old file, no temporary one, and an error of one line."""
    target = write_atomically(tmp_path / "results.json", "old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunFailed, match=r"cannot write .*results\.json: No space left on device"):
        write_atomically(target, "new")
    assert [file.name for file in tmp_path.iterdir()] == ["results.json"]
    assert target.read_text() == "old"


def test_a_written_file_has_the_usual_permissions(tmp_path: Path) -> None:
    """A result can be read by those who may read what a user writes, no more and no fewer."""
    (tmp_path / "plain").touch()
    written = write_atomically(tmp_path / "results.json", "x")
    assert written.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_the_manifest_tells_how_it_was_computed(finished: Path) -> None:
    """The manifest names plan, generator, versions and machine, and gains a session when the run goes on."""
    whole = lines(finished)
    (finished / "blocks.jsonl").write_bytes(b"".join(whole[:4]))
    before = json.loads((finished / "manifest.json").read_text())
    continued(finished)
    after = json.loads((finished / "manifest.json").read_text())
    assert before["plan"] == PLAN.to_json()
    assert before["versions"]["torch"] == torch.__version__
    assert {"generator", "batches", "commit", "machine", "created"} <= before.keys()
    assert [session["blocks"] for session in after["sessions"]] == [len(whole), len(whole) - 4]
    assert after | {"sessions": 0} == before | {"sessions": 0}


# ------------------------------------------------------------------------------- killed and interrupted

FLIPS = ("--dim", "32", "--step", "0.5", "--step", "2", "--direction", "gradient", "--direction", "random")
COMMAND = ("init-flip", "--width", "64", "--width", "96", "--trials", "12001", *FLIPS)


@pytest.fixture(scope="module")
def launch() -> Launcher:
    """A process from which commands with small blocks are forked."""
    return launcher()


@pytest.fixture(scope="module")
def expected(launch: Launcher, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of an uninterrupted run of `COMMAND`."""
    path = tmp_path_factory.mktemp("uninterrupted")
    # Where nothing is compiled yet the first run takes long, and tells of its progress.
    launch(*COMMAND, "--trials", "10", cwd=path)
    answer = launch(*COMMAND, "--out", "run", cwd=path)
    assert (answer["code"], answer["stderr"]) == (0, "")
    return path / "run"


def same_results(path: Path, expected: Path) -> None:
    """Both directories hold the same results, to the byte."""
    for name in ("results.json", "results.csv"):
        assert (path / name).read_bytes() == (expected / name).read_bytes()


@needs_fork
@pytest.mark.parametrize("kills", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_kills_change_nothing(launch: Launcher, expected: Path, tmp_path: Path, kills: int) -> None:
    """After many SIGKILLs at random moments, and resumes, the results are the same to the byte."""
    total = len(lines(expected))
    whole = (expected / "blocks.jsonl").stat().st_size
    blocks = tmp_path / "run" / "blocks.jsonl"
    assert total > 200
    rng = random.Random(11)
    seen = []
    for attempt in range(kills):
        size = blocks.stat().st_size if blocks.exists() else 0
        target = size + rng.randrange(4 * whole // (5 * kills))
        command = COMMAND if attempt % 2 == 0 else ("resume", "run")
        answer = launch(
            *command,
            *(("--out", "run") if attempt % 2 == 0 else ()),
            cwd=tmp_path,
            watch=blocks,
            signals=[[target, rng.uniform(0, 0.004), signal.SIGKILL]],
        )
        assert (answer["code"], answer["sent"]) == (-signal.SIGKILL, 1)
        seen.append(len(lines(tmp_path / "run")))
    # The kills fell into the run: later and later, after some blocks and before others.
    assert sum(0 < blocks_then < total for blocks_then in seen) >= kills - 2
    assert len(set(seen)) >= kills // 2
    assert not (tmp_path / "run" / "results.json").exists()
    answer = launch("resume", "run", cwd=tmp_path)
    assert answer["code"] == 0
    assert "trials were already there" in answer["stderr"]
    same_results(tmp_path / "run", expected)
    addresses = [json.loads(line)["body"] for line in lines(tmp_path / "run")]
    assert len({(body["cell"], body["block"]) for body in addresses}) == total


@needs_fork
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_finishes_the_blocks_in_progress(
    launch: Launcher, expected: Path, tmp_path: Path, number: int, code: int
) -> None:
    """Ctrl-C and SIGTERM save what is being computed and say how to go on; that gives the same bytes."""
    size = (expected / "blocks.jsonl").stat().st_size
    blocks = tmp_path / "a run" / "blocks.jsonl"
    answer = launch(
        *COMMAND, "--out", "a run", cwd=tmp_path, watch=blocks, signals=[[size // 3, 0.0, number]]
    )
    done = len(lines(blocks.parent))
    assert answer["code"] == code
    assert answer["stdout"] == ""
    assert (
        answer["stderr"]
        == f"simulate: stopped, {done} blocks finished; continue with: simulate resume 'a run'\n"
    )
    assert 0 < done < len(lines(expected))
    assert blocks.read_bytes().endswith(b"\n")
    assert launch("resume", "a run", cwd=tmp_path)["code"] == 0
    same_results(blocks.parent, expected)


@needs_fork
@pytest.mark.parametrize(("second", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_second_signal_stops_at_once(launch: Launcher, tmp_path: Path, second: int, code: int) -> None:
    """The first Ctrl-C waits for a block of minutes, a second signal does not."""
    answer = launch(
        *("init-flip", "--width", "64", "--trials", "100000000", *FLIPS, "--out", "run"),
        cwd=tmp_path,
        watch=tmp_path,
        signals=[[None, 0.3, signal.SIGINT], [0, 0.5, second]],
        shapes={"_MICRO_NUMBERS": 1 << 18, "_BLOCK_NUMBERS": 1 << 40, "_LARGEST_BLOCK": 1 << 40},
    )
    assert (answer["code"], answer["sent"]) == (code, 2)
    assert answer["stderr"] == "simulate: stopped at once; finished blocks are kept\n"


@needs_fork
def test_a_disk_that_fills_up_under_the_command(launch: Launcher, expected: Path, tmp_path: Path) -> None:
    """A file that may not grow on in the middle of a line: one line, exit code 4, and nothing is lost."""
    limit = (expected / "blocks.jsonl").stat().st_size // 2
    answer = launch(*COMMAND, "--out", "run", cwd=tmp_path, file_limit=limit)
    assert (answer["code"], answer["stdout"]) == (4, "")
    assert answer["stderr"].count("\n") == 1
    assert "finished blocks are kept: make room, then continue with: simulate resume run" in answer["stderr"]
    kept = len(lines(tmp_path / "run"))
    assert (tmp_path / "run" / "blocks.jsonl").read_bytes().endswith(b"\n")
    assert 0 < kept < len(lines(expected))
    assert launch("resume", "run", cwd=tmp_path)["code"] == 0
    assert len(lines(tmp_path / "run")) == len(lines(expected))
    same_results(tmp_path / "run", expected)


@needs_fork
def test_two_processes_on_one_directory(
    launch: Launcher, expected: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one process writes a run, a second one is refused with one line, and may come later."""
    for name, value in SMALL_BLOCKS.items():
        monkeypatch.setattr(plan_module, name, value)
    with RunDirectory(tmp_path / "run", read_plan(expected)):
        for command in ((*COMMAND, "--out", "run"), ("resume", "run")):
            answer = launch(*command, cwd=tmp_path)
            assert (answer["code"], answer["stdout"]) == (2, "")
            assert answer["stderr"] == "simulate: another process is writing the run in run\n"
    assert lines(tmp_path / "run") == []
    assert launch("resume", "run", cwd=tmp_path)["code"] == 0
    same_results(tmp_path / "run", expected)


# ------------------------------------------------------------------------ an experiment of the user's own


@pytest.mark.usefixtures("small_blocks")
def test_an_experiment_of_ones_own(tmp_path: Path) -> None:
    """A user's trial runs with and without a directory, and goes on from its manifest alone."""
    plan = Plan(WALK, grid(Walk, length=[4, 9], drift=0.25, thresholds=(0.0, 1.0)), 700, seed=2)
    result = run(plan, tmp_path / "run")
    assert result.directory == tmp_path / "run"
    for cell in result.cells:
        mean = cell.summary.moments["end"].mean
        assert abs(mean - 0.25 * cell.parameters.length) < 5 * math.sqrt(cell.parameters.length / 700)
        assert cell.summary.counts["above"].shape == (2,)
        assert cell.summary.moments["steps"].shape == (cell.parameters.length,)
    whole = lines(tmp_path / "run")
    (tmp_path / "run" / "blocks.jsonl").write_bytes(b"".join(whole[::2]))
    again = resume(tmp_path / "run")
    assert again.plan == plan
    assert [cell.summary for cell in again.cells] == [cell.summary for cell in result.cells]
    assert plan_from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_a_run_begun_by_a_script_needs_its_experiment(finished: Path) -> None:
    """A trial that cannot be imported is a clear error, and can be given instead."""
    local = Experiment("walk", lambda parameters, stream, batch: walk(parameters, stream, batch), Walk)
    path = finished.with_name("local")
    run(replace(PLAN, experiment=local), path)
    with pytest.raises(BadInput, match="is found only in the module 'test_runs' at top level"):
        resume(path)
    assert resume(path, local).plan.experiment is local
    with pytest.raises(BadInput, match="this is a plan of walk"):
        resume(path, WALK)


@pytest.mark.parametrize(
    ("source", "message"),
    [("import nothing_like_it", "No module named"), ("1 / 0", "ZeroDivisionError"), ("x = (", "SyntaxError")],
)
def test_a_module_that_cannot_be_imported(
    finished: Path, monkeypatch: pytest.MonkeyPatch, source: str, message: str
) -> None:
    """Whatever a user's module does when it is imported, resuming gives one clear error."""
    name = f"users_module_{abs(hash(source))}"
    (finished.parent / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(finished.parent)
    data = PLAN.to_json() | {"trial": f"{name}:trial"}
    with pytest.raises(BadInput, match=f"cannot be imported here: .*{message}"):
        plan_from_json(data)


def raises(parameters: Walk, stream: Stream, batch: int) -> Any:
    """A trial with a mistake."""
    raise KeyError("a mistake\nwith a second line")


BAD_TRIALS = {
    "raises": (raises, r"a trial raised KeyError: .*a mistake.*\(.*test_runs\.py:\d+\)"),
    "exits": (lambda p, s, b: sys.exit(0), "a trial raised SystemExit"),
    "nothing": (lambda p, s, b: None, "must return named columns, a dict of tensors, got None"),
    "no columns": (lambda p, s, b: {}, "must return named columns"),
    "a tensor": (lambda p, s, b: torch.zeros(b), "must return named columns"),
    "ragged": (
        lambda p, s, b: {"x": torch.zeros(b), "y": torch.zeros(b - 1)},
        r"column 'y' has shape \(31,\)",
    ),
    "too long": (lambda p, s, b: {"x": torch.zeros(b + 1)}, r"column 'x' has shape \(33,\)"),
    "too short": (lambda p, s, b: {"x": torch.zeros(1)}, r"column 'x' has shape \(1,\)"),
    "transposed": (lambda p, s, b: {"x": torch.zeros(3, b)}, r"column 'x' has shape \(3, 32\)"),
    "a number": (lambda p, s, b: {"x": 1.0}, r"column 'x' has shape \(\)"),
    "empty": (lambda p, s, b: {"x": torch.zeros(b, 0)}, r"column 'x' has shape \(32, 0\)"),
    "complex": (
        lambda p, s, b: {"x": torch.zeros(b) + 1j},
        "must hold booleans or real numbers, got complex64",
    ),
    "text": (lambda p, s, b: {"x": ["a"] * b}, "must hold booleans or real numbers"),
    "a ragged list": (lambda p, s, b: {"x": [[1.0], [1.0, 2.0]]}, "is no array"),
    "names change": (
        lambda p, s, b: {"x" if s.first == 0 else "y": torch.zeros(b)},
        "the columns of the trial change from batch to batch",
    ),
    "a column more": (
        lambda p, s, b: {"x": torch.zeros(b)} | ({"y": torch.zeros(b)} if s.first else {}),
        "the columns of the trial change",
    ),
    "types change": (
        lambda p, s, b: {"x": torch.zeros(b, dtype=torch.bool if s.first else torch.float32)},
        "the columns of the trial change",
    ),
    "columns change in the next block": (
        lambda p, s, b: {"x": torch.zeros(b, 1 if s.first < 128 else 2)},
        "the trial has changed",
    ),
}


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(("trial", "message"), BAD_TRIALS.values(), ids=BAD_TRIALS)
def test_a_bad_trial_fails_its_run(trial: Any, message: str, tmp_path: Path) -> None:
    """A trial that raises or returns no columns ends the run with one line that names the experiment."""
    plan = Plan(Experiment("my-model", trial, Walk), (Walk(),), 1000)
    with pytest.raises(RunFailed, match=message) as caught:
        run(plan, tmp_path / "run", threads=2)
    assert str(caught.value).startswith("my-model: ")
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("small_blocks")
def test_a_late_failure_keeps_finished_blocks(tmp_path: Path) -> None:
    """When one block fails the others in progress are finished and kept, and used later."""
    wrong = threading.Event()

    def trial(parameters: Walk, stream: Stream, batch: int) -> dict[str, torch.Tensor]:
        if stream.first == 640 and wrong.is_set():
            raise ValueError("not yet")
        return {"x": stream.normals("x")}

    plan = Plan(Experiment("my-model", trial, Walk), (Walk(),), 1000)
    whole = summaries(plan)
    wrong.set()
    with pytest.raises(RunFailed, match="my-model: a trial raised ValueError: not yet"):
        run(plan, tmp_path / "run", threads=2)
    assert 5 <= len(lines(tmp_path / "run")) < 8
    wrong.clear()
    watching = Watching()
    assert summaries(plan, out=tmp_path / "run", progress=watching) == whole
    assert watching.before >= 5 * 128


@pytest.mark.usefixtures("small_blocks")
def test_a_trial_that_changed_is_not_mixed_with_what_it_was(tmp_path: Path) -> None:
    """A run continued with a trial that now has other columns fails, and writes none of its blocks."""
    columns = ["x"]

    def trial(parameters: Walk, stream: Stream, batch: int) -> dict[str, torch.Tensor]:
        return {name: stream.normals(name) for name in columns}

    plan = Plan(Experiment("my-model", trial, Walk), (Walk(),), 1000)
    run(plan, tmp_path / "run")
    kept = lines(tmp_path / "run")[3:]
    (tmp_path / "run" / "blocks.jsonl").write_bytes(b"".join(kept))
    columns.append("y")
    with pytest.raises(RunFailed, match="the trial has changed, start again in another directory"):
        run(plan, tmp_path / "run")
    assert lines(tmp_path / "run") == kept


@pytest.mark.usefixtures("small_blocks")
def test_numbers_that_are_not_finite_are_counted() -> None:
    """NaN and infinities of a column stay visible in its summary, its description and its table."""

    def trial(parameters: Walk, stream: Stream, batch: int) -> dict[str, torch.Tensor]:
        x = stream.normals("x")
        number = torch.arange(stream.first, stream.first + batch)
        x[number % 10 == 0] = math.nan
        x[number % 10 == 1] = math.inf
        return {"x": x, "all": x * math.nan}

    result = run(Plan(Experiment("my-model", trial, Walk), (Walk(),), 1000))
    summary = result.cells[0].summary
    assert (int(summary.moments["x"].nonfinite), int(summary.moments["x"].count)) == (200, 800)
    assert summary.sketches["x"].nan == 100
    found = describe(summary)["columns"]
    assert found["x"]["nonfinite"] == 200
    assert (found["x"]["low"], found["x"]["high"]) == (-math.inf, math.inf)
    assert found["all"]["nonfinite"] == 1000
    assert math.isnan(found["all"]["mean"])
    assert "quantiles" not in found["all"]
    data = {"experiment": "my-model", "results": [report(cell, 0.95) for cell in result.cells]}
    assert [row["nonfinite"] for row in tables.rows(data)] == [200, 1000]


@pytest.mark.usefixtures("small_blocks")
def test_columns_may_come_in_any_form() -> None:
    """Lists, numpy arrays, half precision and tensors with a gradient are columns like any other."""

    def trial(parameters: Walk, stream: Stream, batch: int) -> dict[str, Any]:
        x = stream.normals("x")
        with torch.enable_grad():
            slope = x.clone().requires_grad_() * 2
        return {
            "tensor": x,
            "list": x.tolist(),
            "numpy": x.numpy(),
            "slope": slope,
            "half": x.bfloat16(),
            "whole": x.round().to(torch.int16),
            "bool": [value > 0 for value in x.tolist()],
        }

    summary = run(Plan(Experiment("my-model", trial, Walk), (Walk(),), 500)).cells[0].summary
    mean = summary.moments["tensor"].mean
    assert summary.moments["list"] == summary.moments["numpy"] == summary.moments["tensor"]
    assert float(summary.moments["slope"].mean) == pytest.approx(2 * float(mean), rel=1e-12)
    assert abs(summary.moments["half"].mean - mean) < 0.01
    assert abs(summary.moments["whole"].mean - mean) < 0.1
    assert 150 < summary.counts["bool"] < 350


def test_a_description_has_the_statistics_of_its_columns() -> None:
    """The general report gives each column's mean or share, and wider intervals when all hold at once."""
    rng = np.random.default_rng(1)
    columns = {
        "x": rng.normal(3, 2, 400),
        "y": rng.normal(size=(400, 2, 3)),
        "up": rng.random((400, 2)) < 0.25,
    }
    summary = Summary.of(columns)
    found, all_at_once = describe(summary, 0.9), describe(summary, 0.9, simultaneous=True)
    assert json.loads(json.dumps(found)) == found
    assert found["trials"] == 400
    x, y, up = (found["columns"][name] for name in ("x", "y", "up"))
    assert x["mean"] == pytest.approx(columns["x"].mean())
    assert x["std"] == pytest.approx(columns["x"].std(ddof=1))
    assert x["std_low"] < x["std"] < x["std_high"]
    assert [q["probability"] for q in x["quantiles"]] == [0.05, 0.5, 0.95]
    assert all(q["low"] <= q["value"] <= q["high"] for q in x["quantiles"])
    assert np.allclose(y["mean"], columns["y"].mean(axis=0))
    assert up["count"] == columns["up"].sum(axis=0).tolist()
    assert np.allclose(up["probability"], columns["up"].mean(axis=0))
    for name in ("x", "y", "up"):
        wide, narrow = all_at_once["columns"][name], found["columns"][name]
        assert np.all(np.array(wide["low"]) < narrow["low"])
        assert np.all(np.array(wide["high"]) > narrow["high"])


def test_a_description_of_one_trial() -> None:
    """One trial has a mean and no interval."""
    found = describe(Summary.of({"x": np.ones(1), "up": np.ones(1, bool)}))["columns"]
    assert (found["x"]["mean"], found["x"]["low"], found["x"]["high"]) == (1.0, -math.inf, math.inf)
    assert found["up"]["probability"] == 1.0


# ------------------------------------------------------------------------------------------------ plans


@given(
    st.integers(1, 2**62),
    st.integers(0, 2**70),
    st.sampled_from(["float32", "float64"]),
    st.lists(
        st.tuples(st.integers(1, 10**6), st.floats(allow_nan=False)), min_size=1, max_size=4, unique=True
    ),
)
def test_a_plan_survives_json(trials: int, seed: int, dtype: str, cells: list[tuple[int, float]]) -> None:
    """A plan read back from a file is the same plan: its parameters, digest and addresses of numbers."""
    plan = Plan(WALK, tuple(Walk(*cell, thresholds=(1.0, cell[1])) for cell in cells), trials, seed, dtype)
    again = plan_from_json(json.loads(json.dumps(plan.to_json())))
    assert (again, again.digest, again.cells) == (plan, plan.digest, plan.cells)


@given(st.integers(1, 10**7), st.integers(1, 2**40))
def test_blocks_cut_the_trials(numbers: int, trials: int) -> None:
    """Blocks are whole micro-batches and cover every trial once, whatever the sizes."""
    plan = Plan(WALK, (Walk(numbers),), trials)
    cell = plan.cells[0]
    last = plan.blocks(cell) - 1
    assert cell.block % cell.micro == 0
    assert plan.trials_of(cell, 0).start == 0
    assert plan.trials_of(cell, last).stop == trials
    assert len(plan.trials_of(cell, last)) > 0
    if last:
        assert len(plan.trials_of(cell, 0)) == cell.block
        assert plan.trials_of(cell, last - 1).stop == plan.trials_of(cell, last).start


class Odd:
    """No dataclass."""


@dataclass(frozen=True)
class Taken:
    """A record with a name that the engine needs."""

    experiment: int = 1


@dataclass(frozen=True)
class Holder:
    """A record of anything."""

    value: Any = None


HOLDER = Experiment("holder", walk, Holder)

BAD_PLANS = {
    "no trials": (lambda: replace(PLAN, trials=0), "trials must be at least 1, got 0"),
    "fewer": (lambda: replace(PLAN, trials=-5), "trials must be at least 1, got -5"),
    "half a trial": (lambda: replace(PLAN, trials=1.5), "trials must be a whole number, got 1.5"),
    "too many": (lambda: replace(PLAN, trials=1 << 63), "fewer than 2"),
    "seed": (lambda: replace(PLAN, seed=-1), "seed must be at least 0, got -1"),
    "word": (lambda: replace(PLAN, seed="x"), "seed must be a whole number, got 'x'"),
    "dtype": (lambda: replace(PLAN, dtype="float16"), "dtype is one of float32, float64"),
    "device": (lambda: replace(PLAN, device="cudda"), "device of a plan is one of cpu, cuda, mps"),
    "apple": (lambda: replace(PLAN, device="mps", dtype="float64"), "no float64"),
    "no cell": (lambda: replace(PLAN, points=()), "at least one cell"),
    "record": (lambda: replace(PLAN, points=(InitFlip(),)), "walk takes Walk, got InitFlip"),
    "twice": (
        lambda: replace(PLAN, points=(Walk(), Walk(thresholds=(1.0,)))),
        "draw the same random numbers",
    ),
    "list": (
        lambda: Plan(HOLDER, (Holder([1]),), 1),
        r"parameter value must be a number.*got \[1\] \(builtins",
    ),
    "numpy": (lambda: Plan(HOLDER, (Holder(np.int64(1)),), 1), r"parameter value must be.*numpy\.int64"),
    "inside": (lambda: Plan(HOLDER, (Holder((1, {})),), 1), "parameter value must be"),
    "nan": (lambda: Plan(HOLDER, (Holder(math.nan),), 1), "parameter value is not a number"),
    "class": (lambda: Experiment("x", walk, Odd), "must be a dataclass"),
    "name": (lambda: Experiment("x", walk, Taken), "cannot be called 'experiment'"),
    "trial": (lambda: Experiment("x", functools.partial(walk), Walk), "must be a function made by def"),
    "no plan": (lambda: plan_from_json({}), "not a plan that can be run here"),
    "no data": (lambda: plan_from_json([]), "not a plan that can be run here"),  # type: ignore[arg-type]
    "cells": (lambda: plan_from_json(PLAN.to_json() | {"cells": 3}), "not a plan that can be run here"),
    "field": (lambda: plan_from_json(PLAN.to_json() | {"cells": [{"x": 3}]}), "not a plan that can be run"),
    "address": (lambda: plan_from_json(PLAN.to_json() | {"trial": ""}), "cannot be imported here"),
    "threads": (lambda: run(PLAN, threads=0), "at least 1 thread"),
}


@pytest.mark.parametrize(("make", "message"), BAD_PLANS.values(), ids=BAD_PLANS)
def test_a_plan_that_makes_no_sense(make: Any, message: str) -> None:
    """A plan that cannot be run, or not be read back, is refused with one line when it is made."""
    with pytest.raises(BadInput, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_a_device_that_is_not_here_is_bad_input(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan for a GPU is refused on a machine without one before anything is computed."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BadInput, match="finds no such device here"):
        run(replace(PLAN, device="cuda"))


def test_a_grid_takes_lists_ranges_and_arrays() -> None:
    """Lists, ranges and numpy arrays span a grid of plain numbers, the first axis slowest."""
    points = grid(Walk, length=[3, 4], drift=np.array([0.0, 0.5]), thresholds=(1.0, 2.0))
    assert [(p.length, p.drift) for p in points] == [(3, 0.0), (3, 0.5), (4, 0.0), (4, 0.5)]
    assert [p.length for p in grid(Walk, length=range(2, 4))] == [2, 3]
    assert Plan(WALK, points, 10).to_json()["cells"][0] == {
        "length": 3,
        "drift": 0.0,
        "thresholds": [1.0, 2.0],
    }


@given(
    st.lists(st.floats(width=32), min_size=1, max_size=30), st.lists(st.booleans(), min_size=1, max_size=30)
)
def test_a_summary_survives_json(values: list[float], answers: list[bool]) -> None:
    """A summary read back from a line of the file has every bit, infinities and NaN included."""
    size = min(len(values), len(answers))
    x, up = np.array(values[:size]), np.array(answers[:size])
    summary = Summary.of(
        {"x": x, "pair": np.stack([x, -x], axis=1), "up": up, "ups": np.stack([up, ~up], axis=1)}
    )
    again = Summary.from_json(json.loads(json.dumps(summary.to_json())))
    assert again.to_json() == summary.to_json()
    assert isinstance(again.moments["x"], Moments)
    assert isinstance(again.sketches["x"], Sketch)
    assert again.columns == summary.columns
    assert again.trials == summary.trials
