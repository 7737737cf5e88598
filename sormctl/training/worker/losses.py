"""Losses: tensors in, tensors out. Every loss is a sum, so parts of a batch add up to the whole.

Shapes: B rows, T slots, N targets, C columns, V tokens in the vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, logsigmoid

from sormctl.training.data import Row


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows side by side: `ids` (B, T), and for each target (N,) its row, its position, itself.

    Packed rows stand one after another, so B is 1; `borders` is where each begins, and T.
    """

    ids: Tensor
    rows: Tensor
    positions: Tensor
    targets: Tensor
    borders: Tensor | None = None
    longest: int = 0

    @property
    def inputs(self) -> dict[str, Any]:
        """What the model gets. Positions restart at each of the packed rows."""
        plain = {"input_ids": self.ids, "use_cache": False}
        if self.borders is None:
            return plain
        starts = self.borders[:-1].repeat_interleave(self.borders.diff())
        restarting = torch.arange(self.ids.shape[1], device=self.ids.device) - starts
        borders = {"cu_seq_lens_q": self.borders, "max_length_q": self.longest}
        return {**plain, "position_ids": restarting.unsqueeze(0), **borders}

    def to(self, device: torch.device) -> Batch:
        """The same on `device`."""
        tensors = (self.ids, self.rows, self.positions, self.targets)
        ids, rows, positions, targets = (x.to(device, non_blocking=True) for x in tensors)
        borders = None if self.borders is None else self.borders.to(device, non_blocking=True)
        return Batch(ids, rows, positions, targets, borders, self.longest)


class Judged(NamedTuple):
    """A batch's summed loss, and the logits (N, C) that it was computed of, one row a target."""

    loss: Tensor
    logits: Tensor


def collate(rows: Sequence[Row], pad: int, packed: bool = False) -> Batch:
    """Rows as one batch, padded or `packed`; the rival of a row stands behind it."""
    sequences = [sequence for row in rows for sequence in row.sequences]
    return _pack(sequences) if packed else _pad(sequences, pad)


def _pack(rows: Sequence[Row]) -> Batch:
    """Rows one after another; a model needs the attention of `packing.py` to tell them apart."""
    lengths = torch.tensor([len(row.ids) for row in rows])
    borders = torch.cat((torch.zeros(1, dtype=torch.long), lengths.cumsum(0)))
    starts = borders.tolist()
    positions = [x + start for row, start in zip(rows, starts, strict=False) for x in row.positions]
    return Batch(
        ids=torch.tensor([token for row in rows for token in row.ids]).unsqueeze(0),
        rows=torch.zeros(len(positions), dtype=torch.long),
        positions=torch.tensor(positions),
        targets=torch.tensor([target for row in rows for target in row.targets]),
        borders=borders,
        longest=int(lengths.max()),
    )


def _pad(rows: Sequence[Row], pad: int) -> Batch:
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


def language_model_loss(model: Any, batch: Batch) -> Judged:
    """Summed cross entropy of the target tokens. Logits are computed only where one is needed."""
    columns = torch.unique(batch.positions)  # sorted; (C,)
    logits = model(**batch.inputs, logits_to_keep=columns).logits  # (B, C, V)
    logits = logits[batch.rows, torch.searchsorted(columns, batch.positions)]  # (N, V)
    return Judged(target_loss(logits, batch), logits)


def reward_model_loss(model: Any, batch: Batch) -> Judged:
    """Summed cross entropy of the step labels, at the last token of each step (3.1 step 2)."""
    logits = _judgements(model, batch)
    return Judged(target_loss(logits, batch), logits)


def contrastive_loss(model: Any, batch: Batch) -> Judged:
    """Summed -log sigmoid(r_good - r_bad) of pairs, at the last token of each (appendix F).

    The targets stand in pairs, the good one first. The reward r is logit(correct) -
    logit(incorrect), so P(correct) = sigmoid(r), and the model is read as any other. Rewards ln 3
    and 0 give the good one a chance of 3/4, so the pair adds ln 4/3.
    """
    logits = _judgements(model, batch).float()  # (N, 2)
    rewards = logits[:, 1] - logits[:, 0]
    return Judged(-logsigmoid(rewards[0::2] - rewards[1::2]).sum(), logits)


def _judgements(model: Any, batch: Batch) -> Tensor:
    """The logits (N, C) at the positions of the targets."""
    logits = model(**batch.inputs).logits  # (B, T, C)
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
