"""Losses: tensors in, a tensor out. Every loss is a sum, so parts of a batch add up to the whole.

Shapes: B rows, T slots, N targets, C columns, V tokens in the vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, logsigmoid

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
    """Rows padded on the right to the longest; the rival of a row stands behind it.

    No attention mask is needed: a causal model never looks at what stands to the right, and
    without one the fast attention kernels stay in use.
    """
    rows = [sequence for row in rows for sequence in row.sequences]
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
    return target_loss(_judgements(model, batch), batch)


def contrastive_loss(model: Any, batch: Batch) -> Tensor:
    """Summed -log sigmoid(r_good - r_bad) of pairs, at the last token of each (appendix F).

    The targets stand in pairs, the good one first. The reward r is logit(correct) -
    logit(incorrect), so P(correct) = sigmoid(r), and the model is read as any other. Rewards ln 3
    and 0 give the good one a chance of 3/4, so the pair adds ln 4/3.
    """
    logits = _judgements(model, batch).float()  # (N, 2)
    rewards = logits[:, 1] - logits[:, 0]
    return -logsigmoid(rewards[0::2] - rewards[1::2]).sum()


def _judgements(model: Any, batch: Batch) -> Tensor:
    """The logits (N, C) at the positions of the targets."""
    logits = model(input_ids=batch.ids, use_cache=False).logits  # (B, T, C)
    judged: Tensor = logits[batch.rows, batch.positions]
    return judged


def target_loss(logits: Tensor, batch: Batch) -> Tensor:
    """Summed cross entropy of `batch.targets` under `logits` (N, C), in float32.

    A target is a class (integer), or P(class 1) of two classes (floating point).

    Two targets, two classes: logits (0, 0) say ln 2; logits (0, ln 3) give class 1 probability 3/4,
    so target 1 adds ln 4/3. Their sum is ln 8/3 = 0.9808.
    """
    targets = batch.targets
    if targets.is_floating_point():
        targets = torch.stack((1 - targets, targets), dim=-1)  # (N, 2)
    return cross_entropy(logits.float(), targets, reduction="sum")
