"""Block summaries merged strictly in block order, whatever the order in which they arrive."""

from __future__ import annotations

from collections.abc import Iterator

from simulate.engine.plan import Plan
from simulate.engine.summary import Summary
from simulate.errors import RunFailed
from simulate.statistics import confidence_sequence


class Merge:
    """The summaries of a plan's cells while its blocks come in. A block that comes early waits.

    Attributes:
        summaries: for each cell, the merge of its first blocks, as far as they are there without a gap.
        precise: for each cell, whether the plan's precision was reached; blocks beyond are left out.
        trials: trials of all blocks that have come.

    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._cells = plan.cells
        self._blocks = [plan.blocks(cell) for cell in self._cells]
        self._next = [0] * len(self._blocks)
        self._waiting: list[dict[int, Summary]] = [{} for _ in self._blocks]
        self._columns: list[dict[str, str] | None] = [None for _ in self._blocks]
        self.summaries = [Summary() for _ in self._blocks]
        self.precise = [False for _ in self._blocks]
        self.trials = 0

    def add(self, cell: int, block: int, summary: Summary) -> None:
        """Take in a block; the same block a second time changes nothing.

        Raises:
            RunFailed: the plan has no such block, or it has other trials or columns.

        """
        if not (0 <= cell < len(self._blocks) and 0 <= block < self._plan.blocks(self._cells[cell])):
            raise RunFailed(f"block {block} of cell {cell} is not in the plan")
        expected = len(self._plan.trials_of(self._cells[cell], block))
        if summary.trials != expected:
            raise RunFailed(f"block {block} of cell {cell} has {summary.trials} trials, not {expected}")
        if self._has(cell, block) or block >= self._blocks[cell]:
            return
        # Compared at once and not only when it is merged: what does not fit must not get to the disk.
        columns = self._columns[cell] = self._columns[cell] or summary.columns
        if columns != summary.columns:
            raise RunFailed(
                f"{self._plan.experiment.name}: block {block} of cell {cell} has columns {summary.columns}, "
                f"the blocks before it {columns}: the trial has changed, start again in another directory"
            )
        self.trials += summary.trials
        waiting = self._waiting[cell]
        waiting[block] = summary
        while self._next[cell] in waiting:
            self.summaries[cell] = self.summaries[cell].merge(waiting.pop(self._next[cell]))
            self._next[cell] += 1
            if self._is_precise(self.summaries[cell]):
                # The first prefix that suffices, whoever computed more: the answer depends on the plan alone.
                self.precise[cell] = True
                self._blocks[cell] = self._next[cell]
                waiting.clear()

    def _is_precise(self, summary: Summary) -> bool:
        wanted = self._plan.precision
        if wanted is None:
            return False
        for name in self._plan.experiment.targets:
            count = summary.counts[name]
            shared = count.size if wanted.simultaneous else 1
            each = 1 - (1 - wanted.confidence) / shared
            low, high = confidence_sequence(count, summary.trials, each)
            if float((high - low).max()) > 2 * wanted.half_width:
                return False
        return True

    def missing(self) -> Iterator[tuple[int, int]]:
        """The blocks (cell, block) that have not come when they are reached, in order."""
        for cell in range(len(self._blocks)):
            block = self._next[cell]
            while block < self._blocks[cell]:  # which shrinks when the precision is reached
                if not self._has(cell, block):
                    yield cell, block
                block += 1

    @property
    def complete(self) -> bool:
        """Whether every block is there."""
        return self._next == self._blocks

    def _has(self, cell: int, block: int) -> bool:
        return block < self._next[cell] or block in self._waiting[cell]
