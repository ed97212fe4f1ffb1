"""`python -m benchmarks.planted`: which planted false lemmas the falsifier finds, as a Markdown table."""

from __future__ import annotations

import time
from statistics import median

from simulate.bench.timing import machine
from theorems import Budget
from theorems.planted import NAMED, PLANTED

SEEDS = range(5)


def main() -> None:
    """Hunt each lemma from five seeds within the quick budget, and print what was found."""
    print(f"Measured on {machine()}; quick budget, one core, processor seconds, five seeds.\n")
    print("| planted lemma | found | by | median seconds | counterexample of the first seed |")
    print("|---|---|---|---|---|")
    # The first hunt of a process imports torch's function transforms.
    PLANTED["kink"].false.check(Budget(0.2))
    for name, planted in PLANTED.items():
        verdicts, seconds = [], []
        for seed in SEEDS:
            began = time.process_time()
            verdicts.append(planted.false.check(Budget(1.0, patience=30.0, seed=seed)))
            seconds.append(time.process_time() - began)
        refuted = [one for one in verdicts if one.status == "refuted"]
        stages = sorted({one.amount.removeprefix("found by ") for one in refuted})
        words = (
            refuted[0].counterexample.words.split(": claimed")[0]
            if refuted and refuted[0].counterexample
            else ""
        )
        hidden = f"**{planted.hidden}**" if name in NAMED else planted.hidden
        print(
            f"| {hidden} | {len(refuted)} of {len(verdicts)} | {', '.join(stages)} | {median(seconds):.2f} | {words} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
