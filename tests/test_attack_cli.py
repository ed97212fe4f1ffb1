"""`simulate attack`: what it prints is what the attacks found, and bad input gets one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command import Simulate

from simulate import activations, attacks
from simulate.attack_study import METHODS, OnData, RandomNetworks, Request, document, one_thread
from simulate.matrices import LazyGaussian
from simulate.statistics import clopper_pearson
from simulate.user_networks import network_from_address

FACTORY = """
import torch
from torch import nn

def build():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))

def constant():
    return 7

def broken():
    raise OSError("no weights")
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A user's file with a network, and data that the network classifies correctly."""
    (tmp_path / "mine.py").write_text(FACTORY)
    network = network_from_address(f"{tmp_path}/mine.py:build")
    x = np.random.default_rng(0).uniform(0, 1, (12, 2, 2)).astype(np.float32)
    y = network(torch.from_numpy(x)).argmax(1).numpy()
    np.savez(tmp_path / "mine.npz", x=x, y=y)
    return tmp_path


def test_json_is_the_document(simulate: Simulate) -> None:
    """`--json` prints what `document` returns for the same request, but for the seconds."""
    answer = simulate(
        "attack", "--width", 12, "--dim", 6, "--trials", 20, "--radius", 1, "--steps", 4, "--json"
    )
    assert answer.code == 0, answer.err
    printed = json.loads(answer.out)
    expected = document(Request(radius=1.0, steps=4), RandomNetworks(12, 6, 20))
    for found in (printed, expected):
        assert all(second >= 0 for second in found.pop("seconds").values())
    assert printed == json.loads(json.dumps(expected))


def test_document_counts_what_the_attack_found(tmp_path: Path) -> None:
    """Success rate, interval and quantiles are those of the sizes in the file that `--out` writes."""
    out = tmp_path / "found.npz"
    found = document(Request("deepfool"), RandomNetworks(12, 6, 30, seed=3), out=out)
    (result,) = found["results"]
    with np.load(out) as arrays:
        success, size, x, y, delta = (arrays[name] for name in ("success", "size", "x", "y", "perturbation"))
    assert result["inputs"] == 30 == len(x)
    assert result["successes"] == success.sum()
    low, high = clopper_pearson(int(success.sum()), 30, 0.95)
    assert (result["success"]["low"], result["success"]["high"]) == (low, high)
    np.testing.assert_allclose(np.linalg.norm(delta, axis=1), size)
    ordered = np.sort(np.where(success, size, np.inf))
    middle = next(q for q in result["size"] if q["probability"] == 0.5)
    assert middle["value"] == ordered[14]
    assert middle["low"] <= middle["value"] <= middle["high"]
    assert set(np.unique(y)) <= {-1, 1}


def test_fast_gradient_value_searches_its_factor_or_takes_it() -> None:
    """Without a radius the shortest step along the gradient succeeds; with one that is the gradient's own factor."""
    networks = RandomNetworks(12, 6, 30, seed=3)
    (shortest,) = document(Request("fgv"), networks)["results"]
    (along,) = document(Request("gradient"), networks)["results"]
    assert shortest["size"] == along["size"]
    assert shortest["successes"] > 15
    (factor,) = document(Request("fgv", radius=1e-6), networks)["results"]
    assert factor["successes"] == 0


def test_failures_count_as_infinite() -> None:
    """At a radius that nothing reaches, no quantile of the size is known and the rate is 0 with its interval."""
    (result,) = document(Request(radius=1e-9, steps=1), RandomNetworks(8, 4, 10))["results"]
    assert result["success"] == {"probability": 0.0, "low": 0.0, "high": pytest.approx(0.3085, abs=1e-4)}
    assert {q["value"] for q in result["size"]} == {None}


def test_random_networks_do_not_depend_on_the_batch() -> None:
    """Trial i is the same network at the same input however the trials are cut into batches."""
    networks = RandomNetworks(10, 5, 7, seed=4)
    whole = [(one.x.clone(), one.network(one.x).clone()) for one in networks.batches()]
    parts = [(one.x.clone(), one.network(one.x).clone()) for one in networks.batches(3)]
    assert len(parts) == 3
    for index in (0, 1):
        torch.testing.assert_close(torch.cat([part[index] for part in parts]), whole[0][index])


def test_large_networks_are_lazy(simulate: Simulate) -> None:
    """Beyond four million weights the matrix is never formed, and the attack still succeeds."""
    answer = simulate(
        "attack", "--width", 20000, "--dim", 10000, "--radius", 3, "--steps", 3, "--trials", 2, "--json"
    )
    found = json.loads(answer.out)
    assert found["engine"] == "lazy"
    assert found["results"][0]["inputs"] == 2
    (subject,) = RandomNetworks(40, 30, 1, engine="lazy").batches()
    assert isinstance(subject.network.matrix, LazyGaussian)  # type: ignore[attr-defined]


def test_engines_agree_in_law() -> None:
    """One linear step of length r flips dense and lazy networks at rates whose 99.9 % intervals meet."""
    rates = []
    for engine in ("dense", "lazy"):
        found = document(
            Request("gradient", radius=0.7),
            RandomNetworks(24, 16, 300, engine=engine, seed=8),
            confidence=0.999,
        )
        rates.append(found["results"][0]["success"])
    assert rates[0]["low"] <= rates[1]["high"]
    assert rates[1]["low"] <= rates[0]["high"]
    # The control: a step of a tenth of the length has a rate that these intervals exclude.
    short = document(Request("gradient", radius=0.07), RandomNetworks(24, 16, 300, seed=8))["results"][0]
    assert short["success"]["probability"] < min(rate["low"] for rate in rates)


def test_trained_networks_are_attacked_on_unseen_inputs(simulate: Simulate) -> None:
    """On iris the table names the accuracy, the inputs attacked, the rate, the median and the zero gradients."""
    answer = simulate("attack", "--data", "iris", "--method", "deepfool", "--trials", 8, "--width", 16)
    assert answer.code == 0, answer.err
    for words in (
        "iris",
        "accuracy",
        "8 inputs attacked",
        "box [0, 1]",
        "success rate",
        "median of ℓ2 size",
        "zero gradients",
    ):
        assert words in answer.out


@pytest.mark.parametrize("method", METHODS)
def test_every_method_runs_on_a_users_network(method: str, own: Path) -> None:
    """Each method attacks a network of one's own at data of one's own, in the network's precision."""
    needs = METHODS[method]
    request = Request(
        method,
        target=1 if "target" in needs.needs else None,
        steps=3 if "steps" in needs.takes else None,
    )
    found = document(request, OnData(f"{own}/mine.npz", f"{own}/mine.py:build", box=(0.0, 1.0)))
    assert found["accuracy"] == {"inputs": 12, "correct": 12}
    assert len(found["results"]) == (3 if method == "iterated" else 1)
    assert found["norm"] == needs.norms[0]
    for result in found["results"]:
        assert 0 <= result["successes"] <= result["inputs"]


def test_targets_leave_their_own_class_out() -> None:
    """Inputs of the wanted class are not attacked: they would count as successes of size 0."""
    subject, _ = OnData("iris", width=8, epochs=5).prepare(target=0)
    assert not bool((subject.y == 0).any())


def test_threads_are_given_back() -> None:
    """The block that computes with one thread leaves torch as it was."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--method", "guess"], "method is one of"),
        (["--norm", "3"], "works in the norm 2 or inf or 1"),
        (["--method", "fgsm", "--norm", "2"], "works in the norm inf"),
        (["--radius", "0"], "radius must be positive"),
        (["--radius", "-1"], "radius must be positive"),
        (["--method", "deepfool", "--radius", "1"], "leave --radius out"),
        (["--method", "deepfool", "--restarts", "2"], "knows no --restarts"),
        (["--method", "fgsm", "--steps", "2"], "knows no --steps"),
        (["--method", "lbfgs", "--data", "iris"], "needs --target"),
        (["--method", "pixels"], "give --data"),
        (["--target", "1"], "leave --target out"),
        (["--objective", "best"], "objective is one of"),
        (["--steps", "0"], "steps must be at least 1"),
        (["--width", "0"], "width must be at least 1"),
        (["--dim", "1"], "dim must be at least 2"),
        (["--trials", "0"], "trials must be at least 1"),
        (["--confidence", "1"], "confidence must lie"),
        (["--activation", "relo"], "relo"),
        (["--engine", "steam"], "engine is one of"),
        (["--data", "mnist"], "data is one of"),
        (["--data", "iris", "--dim", "5"], "--dim is for networks"),
        (["--network", "a:b"], "go with --data"),
        (["--data", "iris", "--network", "nowhere.py:f"], "no file"),
        (["--data", "iris", "--network", "nowhere"], "not of the form"),
        (["--out", "found.txt"], ".npz file"),
        (["--out", "no/such/folder/found.npz"], "folder that exists"),
    ],
)
def test_bad_requests_get_one_line(arguments: list[str], words: str, simulate: Simulate) -> None:
    """Exit code 2 and one line that says what to change."""
    answer = simulate("attack", *arguments)
    assert answer.code == 2
    assert words in answer.err
    assert len(answer.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [("constant", "must return a torch.nn.Module"), ("broken", "no weights"), ("none", "no function")],
)
def test_bad_factories_get_one_line(name: str, words: str, own: Path, simulate: Simulate) -> None:
    """A factory that fails, is missing or returns no network is told apart."""
    answer = simulate("attack", "--data", f"{own}/mine.npz", "--network", f"{own}/mine.py:{name}")
    assert answer.code == 2
    assert words in answer.err


def test_a_network_for_other_data_is_refused(own: Path, simulate: Simulate) -> None:
    """A network of 4 inputs meets data of 13 features: one line."""
    answer = simulate("attack", "--data", "wine", "--network", f"{own}/mine.py:build")
    assert answer.code == 2
    assert "fails at the data" in answer.err


def test_activations_reach_the_network() -> None:
    """The activation asked for is the one that is attacked."""
    (subject,) = RandomNetworks(4, 3, 2, activation="tanh").batches()
    network: Any = subject.network
    assert network.activation is activations.get("tanh")
    assert attacks.pgd(network, subject.x, subject.y, radius=0.1).success.shape == (2,)
