"""The event-driven trial as a GPU kernel: a few networks a program, their neurons drawn and used in registers.

What is computed, from which counters, and in which type, is as in `simulate.events.kernel`: neurons are equal to those
of the CPU to the bit, and sums over them are in float64. Of more proposals than a program has counters at a time
the first ones stay, and the others are drawn again for each move.

Blocks have the shape (trials,) or (trials, proposals).
"""

from __future__ import annotations

import triton
import triton.language as tl

from simulate.fused.triton_functions import exp32
from simulate.streams.triton_numbers import FIRST, normal_pair32, normal_pair64, uniform64, words
from simulate.streams.triton_rejection import binomial

# Places of the streams' words in the address.
NEURONS, SIDE, ABOVE, BELOW = tl.constexpr(3), tl.constexpr(4), tl.constexpr(5), tl.constexpr(6)

# Places of the numbers of the law, all float64; the coefficients of the far sums come last.
WIDTH, DIM, ON_RIGHT, ON_LEFT = tl.constexpr(0), tl.constexpr(1), tl.constexpr(2), tl.constexpr(3)
SLOPE, OFFSET, RAYLEIGH = tl.constexpr(4), tl.constexpr(5), tl.constexpr(6)
VARIANCES, SQUARE, ENVELOPE, COEFFICIENTS = (
    tl.constexpr(7),
    tl.constexpr(9),
    tl.constexpr(10),
    tl.constexpr(11),
)


@triton.jit
def _rejected(x):
    """1 − e^{−x} to relative precision, x ≥ 0."""
    p = tl.fma(x, -1 / 5040, 1 / 720)
    p = tl.fma(x, -p, 1 / 120)
    p = tl.fma(x, -p, 1 / 24)
    p = tl.fma(x, -p, 1 / 6)
    p = tl.fma(x, -p, 1 / 2)
    return tl.where(x < 0.25, tl.fma(x * x, -p, x), 1.0 - exp32(-x))


@triton.jit
def _neurons(address, law, trial, counter, proposed):
    """Size, across, pull and sign of neurons in float32, and which have u > 0; rejected ones pull nothing."""
    w0, w1, w2, w3 = words(address, NEURONS, trial, counter)
    slope, offset = tl.load(law + SLOPE).to(tl.float32), tl.load(law + OFFSET).to(tl.float32)
    above, below = tl.load(law + ON_RIGHT).to(tl.float32), tl.load(law + ON_LEFT).to(tl.float32)
    across, other = normal_pair32(w0, w1)
    radius = tl.sqrt_rn(across * across + other * other).to(tl.uint32, bitcast=True)
    radius |= across.to(tl.uint32, bitcast=True) & 0x80000000
    longer = (w2 & 255) < tl.load(law + RAYLEIGH).to(tl.uint32)
    across = tl.where(longer, radius.to(tl.float32, bitcast=True), across)
    level = ((w2 >> 8).to(tl.float32) + 0.5) * 5.960464477539063e-08
    size = tl.fma(slope, tl.abs(across), offset) * level
    chance = ((w3 >> 2).to(tl.float32) + 0.5) * 9.313225746154785e-10
    kept = (counter < proposed) & (chance > _rejected(0.5 * size * size))
    positive = kept & ((w3 & 1) != 0)
    sign = tl.where(kept, tl.where((w3 & 2) != 0, 1.0, -1.0), 0.0)
    return size, across, sign * tl.where(positive, above, -below), sign, positive


@triton.jit
def _sums(size, across, pull, sign, positive):
    """Over each trial's neurons Σ pull·size, Σ pull·across, and how many there are and have u > 0, in float64."""
    pull = pull.to(tl.float64)
    v_u = tl.sum(pull * size.to(tl.float64), axis=1)
    v_z = tl.sum(pull * across.to(tl.float64), axis=1)
    count = tl.sum((sign != 0).to(tl.int32), axis=1)
    return v_u, v_z, count.to(tl.float64), tl.sum(positive.to(tl.int32), axis=1).to(tl.float64)


@triton.jit
def _turned(size, across, pull, sign, growth, shift, pull_weight):
    """Σ a·|y| over the neurons that change sides."""
    along = across.to(tl.float64) + pull_weight[:, None] * pull.to(tl.float64)
    y = growth[:, None] * size.to(tl.float64) + shift[:, None] * along
    return -tl.sum(sign.to(tl.float64) * tl.minimum(y, 0.0), axis=1)


@triton.jit
def _ratio(x, z, nu, coefficients, TERMS: tl.constexpr):
    """The density of the scaled far sums over that of N(0, I)."""
    total = x * 0.0 + 1.0
    at_x, next_x = x * 0.0 + 1.0, x
    for i in range(TERMS):
        at_z, next_z = z * 0.0 + 1.0, z
        for j in range(TERMS - i):
            weight = x * 0.0
            for m in range(1, i + j):
                weight = (weight + tl.load(coefficients + (i * TERMS + j) * TERMS + i + j - m)) * nu
            total += weight * at_x * at_z
            # Hermite's polynomials two degrees on.
            at_z = z * next_z - (2 * j + 1) * at_z
            next_z = z * at_z - (2 * j + 2) * next_z
        at_x = x * next_x - (2 * i + 1) * at_x
        next_x = x * at_x - (2 * i + 2) * next_x
    return total


@triton.jit
def _far(address, place, law, trial, count, waiting, TERMS: tl.constexpr):
    """Σ X and Σ Z over `count` neurons outside the region, for each trial that waits."""
    square, envelope = tl.load(law + SQUARE), tl.load(law + ENVELOPE)
    sum_x, sum_z = count * 0.0, count * 0.0
    waiting = waiting & (count > 0)
    nu = 1.0 / tl.maximum(count, 1.0)
    attempt = 0
    while tl.max(waiting.to(tl.int32), axis=0) > 0:
        counter = (trial * 0).to(tl.int32) + 2 * attempt
        w0, w1, w2, w3 = words(address, place, trial, counter)
        x, z = normal_pair64(w0, w1, w2, w3)
        w0, w1, w2, w3 = words(address, place, trial, counter + 1)
        level = uniform64(w0, w1) * envelope
        accepted = waiting & (tl.maximum(tl.abs(x), tl.abs(z)) <= square) & (level <= 2.0 - envelope)
        doubtful = waiting & (accepted == 0)
        if tl.max(doubtful.to(tl.int32), axis=0) > 0:
            accepted |= doubtful & (level <= _ratio(x, z, nu, law + COEFFICIENTS, TERMS))
        sum_x = tl.where(accepted, x * tl.sqrt(count * tl.load(law + VARIANCES)), sum_x)
        sum_z = tl.where(accepted, z * tl.sqrt(count * tl.load(law + VARIANCES + 1)), sum_z)
        waiting = waiting & (accepted == 0)
        attempt += 1
    return sum_x, sum_z


@triton.jit
def trials(
    address,
    law,
    chi2,
    proposals,
    sizes,
    before,
    after,
    norms,
    batch,
    STEPS: tl.constexpr,
    MOVES: tl.constexpr,
    TERMS: tl.constexpr,
    EVEN: tl.constexpr,
    RIGHT: tl.constexpr,
    LEFT: tl.constexpr,
    FIXED: tl.constexpr,
    SPLIT: tl.constexpr,
    TRIALS: tl.constexpr,
    COUNTERS: tl.constexpr,
):
    """f(x), ‖∇f‖ and f at every move along the gradient, for `TRIALS` networks a program.

    `address` holds key, first trial and stream words as int64; law, chi2, sizes and the results are float64, proposals
    int64. The first STEPS moves are multiples of ‖∇f‖. EVEN is whether the sides of the kink need not be told apart,
    RIGHT and LEFT whether σ has a slope there, SPLIT whether there may be more proposals than COUNTERS.
    """
    row = tl.program_id(0).to(tl.int64) * TRIALS + tl.arange(0, TRIALS)
    there = row < batch
    trial = tl.load(address + FIRST) + row
    column = trial[:, None]
    proposed = tl.load(proposals + row, mask=there, other=0).to(tl.int32)
    largest = tl.max(proposed, axis=0)
    proposed = proposed[:, None]
    place = tl.arange(0, COUNTERS)[None, :] + tl.zeros([TRIALS, 1], tl.int32)
    k, d = tl.load(law + WIDTH), tl.load(law + DIM)
    s_right, s_left = tl.load(law + ON_RIGHT), tl.load(law + ON_LEFT)
    size, across, pull, sign, positive = _neurons(address, law, column, place, proposed)
    v_u, v_z, drawn, above = _sums(size, across, pull, sign, positive)
    if SPLIT:
        start = COUNTERS
        while start < largest:
            size2, across2, pull2, sign2, positive2 = _neurons(address, law, column, start + place, proposed)
            p, q, r, s = _sums(size2, across2, pull2, sign2, positive2)
            v_u += p
            v_z += q
            drawn += r
            above += s
            start += COUNTERS
    rest = k - drawn
    plus = rest
    if EVEN == 0:
        plus = binomial(address, SIDE, trial, rest, tl.full([TRIALS], 0.5, tl.float64), there)
    if RIGHT:
        x, z = _far(address, ABOVE, law, trial, plus, there, TERMS)
        v_u += s_right * x
        v_z += s_right * z
    if LEFT:
        x, z = _far(address, BELOW, law, trial, rest - plus, there, TERMS)
        v_u += s_left * x
        v_z += s_left * z
    above += plus
    root_k, root_d = tl.sqrt(k), tl.sqrt(d)
    output = v_u / root_k
    v = tl.sqrt(s_right * s_right * above + s_left * s_left * (k - above))
    root_chi = tl.sqrt(tl.load(chi2 + row, mask=there, other=1.0))
    along, aside = v_u / (root_k * root_d), v * root_chi / (root_k * root_d)
    norm = tl.sqrt(along * along + aside * aside)
    tl.store(before + row, output, mask=there)
    tl.store(norms + row, norm, mask=there)
    heading = tl.where(output > 0, -1.0, tl.where(output < 0, 1.0, 0.0)).to(tl.float64)
    if FIXED:
        heading = heading * 0.0 + 1.0
    safe = tl.where(norm > 0, norm, 1.0) * root_d
    safe_v = tl.where(v > 0, v, 1.0)
    pull_weight = (root_chi - v_z / safe_v) / safe_v
    for move in range(MOVES):
        length = heading * tl.load(sizes + move)
        if move < STEPS:
            length *= norm
        growth = 1.0 + length * along / safe
        shift = length * aside / safe
        over = _turned(size, across, pull, sign, growth, shift, pull_weight)
        if SPLIT:
            start = COUNTERS
            while start < largest:
                size2, across2, pull2, sign2, _ = _neurons(address, law, column, start + place, proposed)
                over += _turned(size2, across2, pull2, sign2, growth, shift, pull_weight)
                start += COUNTERS
        # All neurons as if none had changed sides: what z adds to v·y comes to nothing.
        moved = (v_u * growth + shift * v * root_chi + (s_right - s_left) * over) / root_k
        moved = tl.where((norm > 0) & (length != 0), moved, output)
        tl.store(after + row * MOVES + move, moved, mask=there)
