"""The conditional trial as a GPU kernel: one program a trial, its numbers drawn and used in registers.

The mathematics is that of `simulate.onestep.conditional`, the random numbers are those of the CPU. A network whose
neurons do not fit into the registers of one program is drawn twice, once for the sums over all neurons and once for the
outputs after the step: drawing is cheaper than keeping.
"""

from __future__ import annotations

import triton
import triton.language as tl

from simulate.fused.triton_functions import derivative, value
from simulate.streams.triton_numbers import FIRST, elements, normals

# Places of the streams' words in the address: u, z, and z′ of the random direction.
WORD_U, WORD_Z, WORD_FRESH = tl.constexpr(3), tl.constexpr(4), tl.constexpr(5)


@triton.jit
def _signs(element, positive, width):
    """The arranged signs of `simulate.onestep`, 0 beyond the width."""
    bits = element ^ (element >> 16)
    bits ^= bits >> 8
    bits ^= bits >> 4
    bits ^= bits >> 2
    bits ^= bits >> 1
    balanced = tl.where((bits & 1) == 0, 1.0, -1.0)
    majority = tl.where(2 * positive > width, 1.0, -1.0)
    sign = tl.where(element < 2 * tl.minimum(positive, width - positive), balanced, majority)
    return tl.where(element < width, sign, 0.0)


@triton.jit
def _within(x):
    """What a thread adds by itself: the four numbers of a counter."""
    return tl.sum(tl.sum(x, axis=2), axis=1)


@triton.jit
def _total(x):
    return tl.sum(_within(x), axis=0).to(tl.float64)


@triton.jit
def _add_four(p, q, r, s, p2, q2, r2, s2):
    return p + p2, q + q2, r + r2, s + s2


@triton.jit
def _four_totals(p, q, r, s):
    """Four sums over all neurons in one exchange between threads."""
    p, q, r, s = tl.reduce((_within(p), _within(q), _within(r), _within(s)), 0, _add_four)
    return p.to(tl.float64), q.to(tl.float64), r.to(tl.float64), s.to(tl.float64)


@triton.jit(do_not_specialize=["width"])  # a width of 1 would be a Python number
def trials(
    address,
    chi2,
    positives,
    frames,
    sizes,
    by_norm,
    before,
    after,
    norms,
    width,
    dim,
    MOVES: tl.constexpr,
    ALONG: tl.constexpr,
    RANDOM: tl.constexpr,
    CHUNKS: tl.constexpr,
    FIXED: tl.constexpr,
    NAME: tl.constexpr,
    COUNTERS: tl.constexpr,
    RESIDENT: tl.constexpr,
):
    """One program, one trial: f(x), ‖∇f‖ and f at every move; the first ALONG go along the gradient.

    `address` holds key, first trial and stream words as int64; chi2, frames, sizes and the results are float64.
    RANDOM is whether there is a random direction; its frame is that of `simulate.fused.kernel.trials`.
    """
    row = tl.program_id(0).to(tl.int64)
    trial = tl.load(address + FIRST) + row
    positive = tl.load(positives + row).to(tl.int32)
    k, d = width.to(tl.float64), dim.to(tl.float64)
    root_k, root_d = tl.sqrt(k), tl.sqrt(d)
    place = tl.arange(0, COUNTERS)
    output = tl.zeros([], tl.float64)
    squares = tl.zeros([], tl.float64)
    on_u = tl.zeros([], tl.float64)
    on_z = tl.zeros([], tl.float64)
    on_fresh = tl.zeros([], tl.float64)
    if RESIDENT:
        u = normals(address, WORD_U, trial, place)
        z = normals(address, WORD_Z, trial, place)
        a = _signs(elements(place, COUNTERS), positive, width)
        v = a * derivative(NAME, u)
        output, squares, on_u, on_z = _four_totals(a * value(NAME, u), v * v, v * u, v * z)
        fresh = z
        if RANDOM:
            fresh = normals(address, WORD_FRESH, trial, place)
            on_fresh = _total(v * fresh)
    else:
        for chunk in range(CHUNKS):
            counter = chunk * COUNTERS + place
            u = normals(address, WORD_U, trial, counter)
            z = normals(address, WORD_Z, trial, counter)
            a = _signs(elements(counter, COUNTERS), positive, width)
            v = a * derivative(NAME, u)
            p, q, r, s = _four_totals(a * value(NAME, u), v * v, v * u, v * z)
            output += p
            squares += q
            on_u += r
            on_z += s
            if RANDOM:
                on_fresh += _total(v * normals(address, WORD_FRESH, trial, counter))
    x2 = tl.load(chi2 + row)
    alive = squares >= 1.1754943508222875e-38
    inverse = tl.where(alive, 1.0 / tl.where(alive, squares, 1.0), 0.0)
    along_x = tl.where(alive, on_u / (root_k * root_d), 0.0)
    across_x = tl.where(alive, tl.sqrt(squares * x2) / (root_k * root_d), 0.0)
    norm = tl.sqrt(along_x * along_x + across_x * across_x)
    output = output / root_k
    tl.store(before + row, output)
    tl.store(norms + row, norm)
    safe = tl.where(norm > 0, norm, 1.0)
    pull = tl.sqrt(x2 * inverse) - on_z * inverse
    weight_u = (along_x / safe / root_d).to(tl.float32)
    weight_z = (across_x / safe / root_d).to(tl.float32)
    weight_v = (across_x / safe * pull / root_d).to(tl.float32)
    random_u, random_z, random_v, random_fresh = weight_u, weight_z, weight_v, weight_v
    if RANDOM:
        frame = frames + 3 * row
        on_x, on_g, rest = tl.load(frame), tl.load(frame + 1), tl.load(frame + 2)
        random_u, random_z = (on_x / root_d).to(tl.float32), (on_g / root_d).to(tl.float32)
        random_v = ((on_g * pull - rest * on_fresh * inverse) / root_d).to(tl.float32)
        random_fresh = (rest / root_d).to(tl.float32)
    heading = tl.where(output > 0, -1.0, tl.where(output < 0, 1.0, 0.0)).to(tl.float64)
    forwards = heading * 0.0 + 1.0
    if FIXED:
        heading = forwards
    for move in range(MOVES):
        size = tl.load(sizes + move)
        scaled = tl.where(tl.load(by_norm + move) != 0, size * norm, tl.where(norm > 0, size, 0.0))
        turn, by_u, by_z, by_v = heading, weight_u, weight_z, weight_v
        if move >= ALONG:
            turn, by_u, by_z, by_v = forwards, random_u, random_z, random_v
        length = (turn * scaled).to(tl.float32)
        total = tl.zeros([], tl.float64)
        if RESIDENT:
            w = by_u * u + by_z * z + by_v * v
            if RANDOM:
                w += tl.where(move >= ALONG, random_fresh, 0.0) * fresh
            total = _total(a * value(NAME, u + length * w))
        else:
            for chunk in range(CHUNKS):
                counter = chunk * COUNTERS + place
                u2 = normals(address, WORD_U, trial, counter)
                z2 = normals(address, WORD_Z, trial, counter)
                a2 = _signs(elements(counter, COUNTERS), positive, width)
                v2 = a2 * derivative(NAME, u2)
                w2 = by_u * u2 + by_z * z2 + by_v * v2
                if RANDOM:
                    fresh2 = normals(address, WORD_FRESH, trial, counter)
                    w2 += tl.where(move >= ALONG, random_fresh, 0.0) * fresh2
                total += _total(a2 * value(NAME, u2 + length * w2))
        tl.store(after + row * MOVES + move, total / root_k)
