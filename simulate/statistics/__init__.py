"""Intervals, tests and mergeable summaries: what turns trials into statements with stated error rates.

A number of trials fixed in advance: `clopper_pearson` and its neighbours. A look after every block:
`confidence_sequence` and `sequential_test`. Before the run: `Design`. What a block returns: counts, `Moments`
and a `Sketch`, which merge into the same bits whoever computed them.
"""

from simulate.statistics.design import (
    Design,
    mean_smallest_discrepancy,
    mean_trials_to_resolve,
    smallest_discrepancy,
    trials_to_resolve,
    two_sample_smallest_discrepancy,
    two_sample_trials_to_resolve,
)
from simulate.statistics.intervals import (
    clopper_pearson,
    dkw_band,
    mean_interval,
    normal_variance_interval,
    quantile_rank_interval,
    simultaneous_clopper_pearson,
    variance_interval,
)
from simulate.statistics.moments import Moments
from simulate.statistics.sequences import confidence_sequence, log_evidence, sequential_test
from simulate.statistics.sketch import Sketch

__all__ = [
    "Design",
    "Moments",
    "Sketch",
    "clopper_pearson",
    "confidence_sequence",
    "dkw_band",
    "log_evidence",
    "mean_interval",
    "mean_smallest_discrepancy",
    "mean_trials_to_resolve",
    "normal_variance_interval",
    "quantile_rank_interval",
    "sequential_test",
    "simultaneous_clopper_pearson",
    "smallest_discrepancy",
    "trials_to_resolve",
    "two_sample_smallest_discrepancy",
    "two_sample_trials_to_resolve",
    "variance_interval",
]
