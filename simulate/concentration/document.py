"""A comparison of bounds with exact tails as JSON data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simulate.concentration.comparison import (
    DEFAULT_GAMMAS,
    DEFAULT_KS,
    cases,
    compare,
    condition_that_rescues,
)
from simulate.concentration.exact import log_of
from simulate.concentration.sampling import LEAST_EXPECTED, MOST_NUMBERS, check_by_sampling
from simulate.errors import BadInput
from simulate.streams import Stream, stable_key
from simulate.tails import ROUNDING


def document(
    law: str,
    ks: Sequence[int] = DEFAULT_KS,
    gammas: Sequence[float | str] = DEFAULT_GAMMAS,
    *,
    trials: int = 100_000,
    seed: int = 0,
) -> dict[str, Any]:
    """What `--json` prints: every row of the grid, the check by sampling, and where the bound fails.

    Args:
        law: a name, see `cases`.
        ks: numbers of terms.
        gammas: failure probabilities; as text they may be below the smallest float64.
        trials: sums drawn for the check at each k; 0 for none. A k that would take more than 10⁷ random
            numbers is not sampled, and listed under `not_sampled`.
        seed: of the check.

    Raises:
        BadInput: an unknown law, a k or γ outside its range, none of them, or too few trials.

    """
    chosen = cases(law)
    log_gammas = [log_of(gamma) for gamma in dict.fromkeys(gammas)]
    ks = list(dict.fromkeys(ks))
    if not ks or not log_gammas:
        raise BadInput("give at least one k and one γ")
    if trials < 0 or 0 < trials < 2 * LEAST_EXPECTED:
        raise BadInput(f"trials must be 0 (no check) or at least {2 * LEAST_EXPECTED}, got {trials}")
    rows = [row for case in chosen for row in compare(case.law, case.bound, ks, log_gammas, case.label)]
    sampled = [k for k in ks if trials > 0 and k * trials <= MOST_NUMBERS]
    levels = []
    for label, one, bound in chosen:
        for k in sampled:
            key = stable_key(seed, {"experiment": "concentration", "family": label, "k": k})
            levels += check_by_sampling(one, k, trials, Stream(key), bound.side, label)
    where = [row for row in (row.to_json() for row in rows) if not row["holds"]]
    boundary = [entry.to_json() for entry in condition_that_rescues(ks)] if law == "chi2" else None
    return {
        "experiment": "concentration",
        "law": law,
        "bound": chosen[0].bound.to_json(),
        "families": [
            {"family": label, "variance": one.variance, "scale": one.scale} for label, one, _ in chosen
        ],
        "rounding": ROUNDING,
        "results": [row.to_json() for row in rows],
        "sampling": [level.to_json() for level in levels],
        "not_sampled": [k for k in ks if k not in sampled],
        "fails": {
            "count": len(where),
            "of": len(rows),
            "where": [{key: row[key] for key in ("family", "k", "gamma", "log10_gamma")} for row in where],
            "boundary": boundary,
        },
    }
