"""The random numbers: the generator, its addresses, and the laws of what is made from it."""

from __future__ import annotations

import hashlib
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.stats import norm

from simulate.errors import BadInput
from simulate.streams import Stream, Workspace, philox_words, stable_key, stale

FALSE_ALARM = 1e-6
"""Two-sided false-alarm rate of each comparison in this file."""


def zscore(mean: float, expected: float, variance: float, count: int) -> float:
    """How many standard errors a mean is away, for a known variance of one observation."""
    return (mean - expected) / math.sqrt(variance / count)


LIMIT = float(norm.isf(FALSE_ALARM / 2))

# The vectors published with Random123 (kat_vectors, philox4x32 with 10 rounds).
KNOWN_ANSWERS = [
    ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_known_answers(counter: list[int], key: list[int], answer: list[int]) -> None:
    """The compiled generator gives the published words of Philox4x32-10."""
    words = philox_words(np.array(counter, np.uint32), np.array(key, np.uint32))
    assert words.tolist() == answer


def plain_philox(counter: list[int], key: list[int]) -> list[int]:
    """The generator in plain Python integers, from the paper's description."""
    (c0, c1, c2, c3), (k0, k1) = counter, key
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & 0xFFFFFFFF, (p0 >> 32) ^ c3 ^ k1, p0 & 0xFFFFFFFF
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return [c0, c1, c2, c3]


words32 = st.integers(0, 2**32 - 1)


@given(st.lists(words32, min_size=4, max_size=4), st.lists(words32, min_size=2, max_size=2))
def test_generator_equals_plain_integers(counter: list[int], key: list[int]) -> None:
    """At every counter and key the compiled generator equals plain integer arithmetic."""
    words = philox_words(np.array(counter, np.uint32), np.array(key, np.uint32))
    assert words.tolist() == plain_philox(counter, key)


def test_an_address_is_the_documented_counter() -> None:
    """A sign is the documented bit of the documented counter word: addresses are part of the interface."""
    stream = Stream((7, 9), first=2**40 + 5, batch=1)
    name = int.from_bytes(hashlib.blake2b(b"a", digest_size=4).digest(), "little")
    words = plain_philox([3, name, (2**40 + 5) & 0xFFFFFFFF, 2**8], [7, 9])
    expected = [1 - 2 * (words[w] >> bit & 1) for w in range(4) for bit in range(32)]
    assert stream.signs("a", 128, offset=3 * 128)[0].tolist() == expected


@given(
    kind=st.sampled_from(["normals32", "normals64", "signs", "uniforms"]),
    total=st.integers(1, 900),
    data=st.data(),
)
def test_any_slice_equals_the_slice_of_the_whole(kind: str, total: int, data: st.DataObject) -> None:
    """Any run of elements and any rows, drawn alone, are the same bits as inside the whole."""
    low = data.draw(st.integers(0, total - 1))
    high = data.draw(st.integers(low + 1, total))
    first = data.draw(st.integers(0, 3))

    def draw(stream: Stream, count: int, offset: int) -> torch.Tensor:
        if kind.startswith("normals"):
            dtype = torch.float32 if kind == "normals32" else torch.float64
            return stream.normals("n", count, dtype=dtype, offset=offset).clone()
        return getattr(stream, kind)("n", count, offset=offset).clone()

    whole = draw(Stream((1, 2), 0, 5), total, 0)
    part = draw(Stream((1, 2), first, 2), high - low, low)
    assert torch.equal(part, whole[first : first + 2, low:high])


def test_chi_square_rows_stand_alone() -> None:
    """A chi-square number depends on its trial alone, although rejection uses a varying number of words."""
    whole = Stream((1, 2), 0, 500).chi_square("c", 3).clone()
    alone = [Stream((1, 2), row, 1).chi_square("c", 3).item() for row in range(0, 500, 37)]
    assert alone == whole[::37].tolist()


def test_names_keys_and_trials_separate_streams() -> None:
    """Different names, keys and trials share no number; the same address always gives the same ones."""

    def draw(key: tuple[int, int], first: int, name: str) -> set[float]:
        return set(Stream(key, first, 4).normals(name, 1000, dtype=torch.float64).flatten().tolist())

    base = draw((1, 2), 0, "u")
    assert base == draw((1, 2), 0, "u")
    for other in (draw((1, 3), 0, "u"), draw((2, 2), 0, "u"), draw((1, 2), 4, "u"), draw((1, 2), 0, "z")):
        assert not base & other


def test_stable_key_is_the_same_in_every_process() -> None:
    """A cell's key does not depend on hash randomisation or parameter order, and all seed digits count."""
    cell = {"width": 3, "activation": "relu"}
    code = f"from simulate.streams import stable_key; print(stable_key(5, {cell!r}))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert answer.strip() == str(stable_key(5, cell))
    assert stable_key(5, dict(reversed(cell.items()))) == stable_key(5, cell)
    assert len({stable_key(seed, cell) for seed in (5, 5 + 2**32, 5 + 2**64, 6)}) == 4


def test_a_workspace_is_used_again() -> None:
    """Successive batches of one shape share memory; another shape gets its own."""
    workspace = Workspace()
    first = Stream((1, 2), 0, 8, workspace=workspace).normals("u", 10)
    again = Stream((1, 2), 8, 8, workspace=workspace).normals("u", 10)
    other = Stream((1, 2), 8, 8, workspace=workspace).normals("u", 11)
    assert first.data_ptr() == again.data_ptr() != other.data_ptr()


def test_no_call_overwrites_what_another_returned() -> None:
    """Slices and kinds have memory of their own, and keep their values."""
    stream = Stream((1, 2), 0, 3)
    calls = [
        lambda: stream.normals("u", 4),
        lambda: stream.normals("u", 4, offset=4),
        lambda: stream.normals("v", 4, dtype=torch.float64),
        lambda: stream.uniforms("w", 4),
        lambda: stream.signs("a", 4),
        lambda: stream.chi_square("c", 3),
        lambda: stream.in_float64().normals("u", 4),
    ]
    kept = [call() for call in calls]
    alone = [call().clone() for call in calls]
    for one, two in zip(kept, alone, strict=True):
        assert torch.equal(one, two)
    assert len({one.data_ptr() for one in kept}) == len(kept)


def test_a_name_stands_for_one_kind_of_number() -> None:
    """Two kinds of number by one name would come from the same words: that is refused."""
    for second in (
        lambda s: s.uniforms("u", 4),
        lambda s: s.signs("u", 4),
        lambda s: s.chi_square("u", 4),
        lambda s: s.normals("u", 4, dtype=torch.float64),
    ):
        stream = Stream((1, 2), 0, 3)
        stream.normals("u", 4)
        with pytest.raises(BadInput, match="already stands for float32 normals"):
            second(stream)


def test_the_same_numbers_in_float64() -> None:
    """A stream in float64 that is drawn in float32 hands out the float32 numbers, converted exactly."""
    stream = Stream((1, 2), 0, 3)
    exact = stream.in_float64().normals("u", 300)
    assert exact.dtype == torch.float64
    assert torch.equal(exact, stream.normals("u", 300).double())


@pytest.mark.parametrize(
    "call",
    [
        lambda: Stream((1, 2), 0, 0),
        lambda: Stream((1, 2), -1, 1),
        lambda: Stream((1, 2)).normals("u", 3, dtype=torch.float16),
        lambda: Stream((1, 2)).chi_square("c", 0),
        lambda: Stream((1, 2)).signs("a", 3, offset=-1),
        lambda: stable_key(-1, {}),
    ],
)
def test_bad_requests(call) -> None:  # type: ignore[no-untyped-def]
    """Requests that make no sense are refused by name."""
    with pytest.raises(BadInput):
        call()


def test_colliding_names_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two names with one hash would share numbers: that is an error, not a silent dependence."""
    monkeypatch.setattr("simulate.streams.stream._name_hash", lambda name: 1)
    stream = Stream((1, 2))
    stream.normals("u", 3)
    with pytest.raises(BadInput, match="collide"):
        stream.normals("v", 3)


def normal_statistics(dtype: torch.dtype, draws: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Sums of the first eight powers, counts beyond 1 … 6 (both signs together), and the largest |z|."""
    powers, tails, largest = np.zeros(8), np.zeros(6, dtype=np.int64), 0.0
    rows, columns = 250, 40_000
    workspace = Workspace()
    for first in range(0, draws // columns, rows):
        stream = Stream((3, 4), first, rows, workspace=workspace)
        z = stream.normals("u", columns, dtype=dtype).numpy().ravel()
        power = np.ones_like(z)
        for i in range(8):
            power *= z
            powers[i] += power.sum(dtype=np.float64)
        size = np.abs(z)
        size = size[size > 1]
        tails += [np.count_nonzero(size > t) for t in range(1, 7)]
        largest = max(largest, float(size.max()))
    return powers, tails, largest


def check_normal_statistics(dtype: torch.dtype, draws: int) -> None:
    """Moments one to eight with their exact variances, and binomial counts in the tails."""
    powers, tails, largest = normal_statistics(dtype, draws)
    double_factorial = [1, 0, 1, 0, 3, 0, 15, 0, 105, 0, 945, 0, 10395, 0, 135135, 0, 2027025]
    for order in range(1, 9):
        mean, square = double_factorial[order], double_factorial[2 * order]
        assert abs(zscore(powers[order - 1] / draws, mean, square - mean**2, draws)) < LIMIT, order
    for threshold, count in enumerate(tails, start=1):
        tail = stats.binom(draws, 2 * norm.sf(threshold))
        assert tail.sf(count - 1) > FALSE_ALARM, threshold
        assert tail.cdf(count) > FALSE_ALARM, threshold
    assert largest < 6.8 if dtype == torch.float32 else largest < 9.5


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_normals_moments_and_tails(dtype: torch.dtype) -> None:
    """10^7 normals have the first eight moments and the tails of N(0, 1) (10^9 in the slow suite)."""
    check_normal_statistics(dtype, 10_000_000)


@pytest.mark.slow
def test_normals_moments_and_tails_to_a_billion() -> None:
    """10^9 float32 normals have the first eight moments and the tails of N(0, 1) out to |z| = 6."""
    check_normal_statistics(torch.float32, 1_000_000_000)


def test_the_normal_checks_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: normals that are 0.2 % too wide, or cut off at 3.99, fail the same checks."""
    whole = Stream.normals

    def wide(self: Stream, *a, **k) -> torch.Tensor:  # type: ignore[no-untyped-def]
        return whole(self, *a, **k) * 1.002

    def cut(self: Stream, *a, **k) -> torch.Tensor:  # type: ignore[no-untyped-def]
        return whole(self, *a, **k).clamp(-3.99, 3.99)

    for wrong in (wide, cut):
        monkeypatch.setattr(Stream, "normals", wrong)
        with pytest.raises(AssertionError):
            check_normal_statistics(torch.float32, 10_000_000)


def test_float32_normals_are_the_float64_formula_rounded() -> None:
    """Each float32 normal is Box-Muller of its two words to within float32 rounding, for every word tried."""
    name = "u"
    z = Stream((3, 4), 0, 1).normals(name, 256)[0].double().numpy()
    word = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest(), "little")
    words = np.array([plain_philox([i, word, 0, 0], [3, 4]) for i in range(64)], dtype=np.uint64)
    expected = np.empty(256)
    for pair in (0, 2):
        radius = np.sqrt(-2 * np.log((words[:, pair] + 0.5) / 2.0**32))
        top, rest = words[:, pair + 1] >> 30, words[:, pair + 1] & (2**30 - 1)
        signed = rest.astype(np.float64) - np.where(rest >= 2**29, 2.0**30, 0)
        angle = (signed + 0.5) * math.pi / 2**31 + top * math.pi / 2
        expected[64 * pair : 64 * (pair + 1)] = radius * np.cos(angle)
        expected[64 * (pair + 1) : 64 * (pair + 2)] = radius * np.sin(angle)
    # Near the largest angles a float32 angle is wrong by 2^-25, so a normal by |z| 2^-24 and a little.
    assert np.abs(z - expected).max() < 8 * 2.0**-24


def test_normals_are_independent_of_neighbours_and_other_names() -> None:
    """Products with the next element, the next trial, another name, and of squares have mean zero."""
    z = Stream((5, 6), 0, 1001).normals("u", 4000).clone().double()
    other = Stream((5, 6), 0, 1001).normals("v", 4000).clone().double()
    square = (z**2 - 1) / math.sqrt(2)
    pairs = {
        "next element": z[:1000, :-1] * z[:1000, 1:],
        "next trial": z[:1000] * z[1:1001],
        "another name": z[:1000] * other[:1000],
        "squares of neighbours": square[:1000, :-1] * square[:1000, 1:],
        "squares across a pair": square[:1000, :3840].unflatten(1, (15, 4, 64))[:, :, 0]
        * square[:1000, :3840].unflatten(1, (15, 4, 64))[:, :, 1],
    }
    for name, product in pairs.items():
        assert abs(zscore(product.mean().item(), 0, 1, product.numel())) < LIMIT, name


def test_signs_are_fair_bits() -> None:
    """Each of the 128 bit positions of a counter is fair, and neighbouring signs are uncorrelated."""
    signs = Stream((5, 6), 0, 20_000).signs("a", 256)
    n = signs.shape[0]
    assert set(signs.unique().tolist()) == {-1.0, 1.0}
    bonferroni = float(norm.isf(FALSE_ALARM / 2 / 256))
    assert signs.mean(0).abs().max().item() * math.sqrt(n) < bonferroni
    assert (signs[:, 1:] * signs[:, :-1]).mean(0).abs().max().item() * math.sqrt(n) < bonferroni


@pytest.mark.parametrize("degrees", [1, 2, 3, 7, 1023, 10**6])
def test_chi_square_law(degrees: int) -> None:
    """χ² numbers have the mean, variance and distribution of their law at every degree of freedom."""
    n = 200_000
    x = Stream((5, 6), 0, n).chi_square("c", degrees).numpy()
    law = stats.chi2(degrees)
    assert abs(zscore(x.mean(), degrees, 2 * degrees, n)) < LIMIT
    fourth = 12 * degrees * (degrees + 4)  # the fourth central moment
    assert abs(zscore(np.mean((x - degrees) ** 2), 2 * degrees, fourth - 4 * degrees**2, n)) < LIMIT
    for p in (1e-3, 0.1, 0.5, 0.9, 0.999):
        assert stats.binomtest(int((x <= law.ppf(p)).sum()), n, p).pvalue > FALSE_ALARM


def test_uniforms_law() -> None:
    """Uniforms lie in (0, 1] and fill 100 equal bins evenly."""
    u = Stream((5, 6), 0, 1000).uniforms("w", 1000).numpy().ravel()
    assert u.min() > 0
    assert u.max() <= 1
    counts = np.histogram(u, bins=100, range=(0, 1))[0]
    assert stats.chisquare(counts).pvalue > FALSE_ALARM


def test_compiled_code_goes_with_its_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of one file drops the compiled code of every module; no change drops none."""
    folders = tmp_path / "a", tmp_path / "b"
    kept = [folder / "__pycache__" / "x.nbi" for folder in folders]
    for folder, code in zip(folders, kept, strict=True):
        (folder / "__pycache__").mkdir(parents=True)
        (folder / "x.py").write_text("one")
        code.write_text("compiled")
    monkeypatch.setattr(stale, "_FOLDERS", folders)
    stale.drop_stale_code()  # there was no stamp: nothing is known about what lies there
    assert not any(code.exists() for code in kept)
    for code in kept:
        code.write_text("compiled")
    stale.drop_stale_code()
    assert all(code.exists() for code in kept)
    (folders[1] / "x.py").write_text("two, longer")
    stale.drop_stale_code()
    assert not any(code.exists() for code in kept)
