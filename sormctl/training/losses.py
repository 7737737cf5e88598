"""Losses: tensors in, a tensor out. Every loss is a sum, so parts of a batch add up to the whole.

Shapes: B rows, T slots, N targets, C columns, V tokens in the vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from sormctl.training.data import Row


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows side by side: `ids` (B, T), and for each target (N,) its row, its position, itself."""

    ids: Tensor
    rows: Tensor
    positions: Tensor
    targets: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same on `device`."""
        tensors = (self.ids, self.rows, self.positions, self.targets)
        return Batch(*(tensor.to(device, non_blocking=True) for tensor in tensors))


def collate(rows: Sequence[Row], pad: int) -> Batch:
    """Rows padded on the right to the longest.

    No attention mask is needed: a causal model never looks at what stands to the right, and
    without one the fast attention kernels stay in use.
    """
    ids = torch.full((len(rows), max(len(row.ids) for row in rows)), pad)
    for i, row in enumerate(rows):
        ids[i, : len(row.ids)] = torch.tensor(row.ids)
    return Batch(
        ids=ids,
        rows=torch.tensor([i for i, row in enumerate(rows) for _ in row.positions]),
        positions=torch.tensor([position for row in rows for position in row.positions]),
        targets=torch.tensor([target for row in rows for target in row.targets]),
    )


def language_model_loss(model: Any, batch: Batch) -> Tensor:
    """Summed cross entropy of the target tokens. Logits are computed only where one is needed."""
    columns = torch.unique(batch.positions)  # sorted; (C,)
    logits = model(input_ids=batch.ids, use_cache=False, logits_to_keep=columns).logits  # (B, C, V)
    return target_loss(logits[batch.rows, torch.searchsorted(columns, batch.positions)], batch)


def reward_model_loss(model: Any, batch: Batch) -> Tensor:
    """Summed cross entropy of the step labels, at the last token of each step (3.1 step 2)."""
    logits = model(input_ids=batch.ids, use_cache=False).logits  # (B, T, 2)
    return target_loss(logits[batch.rows, batch.positions], batch)


def target_loss(logits: Tensor, batch: Batch) -> Tensor:
    """Summed cross entropy of `batch.targets` under `logits` (N, classes), in float32.

    Two targets, two classes: logits (0, 0) say ln 2; logits (0, ln 3) give class 1 probability 3/4,
    so target 1 adds ln 4/3. Their sum is ln 8/3 = 0.9808.
    """
    return cross_entropy(logits.float(), batch.targets, reduction="sum")
