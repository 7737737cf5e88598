"""How rows go through the model: which of them a process takes, how many at once, and as what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from accelerate import Accelerator

from sormctl.training.token_rows import Row, process_parts
from sormctl.training.worker.losses import Batch, collate


@dataclass(frozen=True, slots=True)
class Passes:
    """At most `max_tokens` at once; rows are `packed` into one line, or padded with `pad`."""

    accelerator: Accelerator
    pad: int
    packed: bool
    max_tokens: int

    def parts(self, rows: Sequence[Row]) -> list[tuple[list[Row], bool]]:
        """This process's parts of the rows, and whether each counts."""
        number, processes = self.accelerator.process_index, self.accelerator.num_processes
        sizes, order = [row.size for row in rows], range(len(rows))
        parts = process_parts(sizes, order, number, processes, self.max_tokens, self.packed)
        return [([rows[i] for i in part], counts) for part, counts in parts]

    def batch(self, rows: Sequence[Row]) -> Batch:
        """The rows of one pass, where the model is."""
        return collate(rows, self.pad, self.packed).to(self.accelerator.device)
