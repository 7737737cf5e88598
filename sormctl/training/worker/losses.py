"""Losses: tensors in, tensors out. Every loss is a sum, so parts of a batch add up to the whole.

Shapes: B sequences (a row is one, a pair two), T tokens each, N targets, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, logsigmoid

from sormctl.training.token_rows import Row


@dataclass(frozen=True, slots=True)
class Batch:
    """Sequences side by side, and for each target its sequence, its position, and itself.

    Packed sequences stand one after another, so B is 1; `borders` is where each of them begins, and
    T; the longest has `longest` tokens.
    """

    ids: Tensor  # (B, T)
    sequences: Tensor  # (N,)
    positions: Tensor  # (N,)
    targets: Tensor  # (N,) classes or token ids as integers, shares as floats
    borders: Tensor | None = None  # (packed sequences + 1,)
    longest: int = 0

    @property
    def inputs(self) -> dict[str, Any]:
        """What the model gets. Positions restart at each of the packed sequences."""
        plain = {"input_ids": self.ids, "use_cache": False}
        if self.borders is None:
            return plain
        # lengths 2 and 3: borders (0, 2, 5), starts (0, 0, 2, 2, 2), position ids (0, 1, 0, 1, 2)
        starts = self.borders[:-1].repeat_interleave(self.borders.diff())  # (T,)
        restarting = torch.arange(self.ids.shape[1], device=self.ids.device) - starts  # (T,)
        borders = {"cu_seq_lens_q": self.borders, "max_length_q": self.longest}
        return {**plain, "position_ids": restarting.unsqueeze(0), **borders}  # (1, T)

    def to(self, device: torch.device) -> Batch:
        """The same on `device`."""
        tensors = (self.ids, self.sequences, self.positions, self.targets)
        ids, sequences, positions, targets = (x.to(device, non_blocking=True) for x in tensors)
        borders = None if self.borders is None else self.borders.to(device, non_blocking=True)
        return Batch(ids, sequences, positions, targets, borders, self.longest)


class LossAndLogits(NamedTuple):
    """A batch's summed loss, and a reward model's logits (N, C) at the targets."""

    loss: Tensor
    logits: Tensor | None


class Loss(Protocol):
    """What a kind of model learns by."""

    def __call__(self, model: Any, batch: Batch) -> LossAndLogits: ...


def collate(rows: Sequence[Row], pad: int, packed: bool = False) -> Batch:
    """Rows as one batch, padded or `packed`; the rival of a row stands behind it."""
    sequences = [sequence for row in rows for sequence in row.sequences]
    return _pack(sequences) if packed else _pad(sequences, pad)


def _pack(sequences: Sequence[Row]) -> Batch:
    """One after another; a model needs the attention of `packing.py` to tell them apart."""
    lengths = torch.tensor([len(x.ids) for x in sequences])
    borders = torch.cat((torch.zeros(1, dtype=torch.long), lengths.cumsum(0)))
    starts = borders.tolist()[:-1]
    positions = [
        at + start for x, start in zip(sequences, starts, strict=True) for at in x.positions
    ]
    return Batch(
        ids=torch.tensor([token for x in sequences for token in x.ids]).unsqueeze(0),  # (1, T)
        sequences=torch.zeros(len(positions), dtype=torch.long),  # all in the one line
        positions=torch.tensor(positions),
        targets=torch.tensor([target for x in sequences for target in x.targets]),
        borders=borders,
        longest=int(lengths.max()),
    )


def _pad(sequences: Sequence[Row], pad: int) -> Batch:
    """Padded on the right to the longest.

    No attention mask is needed: a causal model never looks at what stands to the right, and
    without one the fast attention kernels stay in use.
    """
    ids = torch.full((len(sequences), max(len(x.ids) for x in sequences)), pad)  # (B, T)
    for i, x in enumerate(sequences):
        ids[i, : len(x.ids)] = torch.tensor(x.ids)
    return Batch(
        ids=ids,
        sequences=torch.tensor([i for i, x in enumerate(sequences) for _ in x.positions]),
        positions=torch.tensor([position for x in sequences for position in x.positions]),
        targets=torch.tensor([target for x in sequences for target in x.targets]),
    )


def language_model_loss(model: Any, batch: Batch) -> LossAndLogits:
    """Summed cross entropy of the target tokens; `language_loss.py` has taught it to the model."""
    return LossAndLogits(model(**batch.inputs, batch=batch), None)


def reward_model_loss(model: Any, batch: Batch) -> LossAndLogits:
    """Summed cross entropy of the step labels, at the last token of each step (3.1 step 2)."""
    logits = _judgements(model, batch)  # (N, C)
    return LossAndLogits(target_loss(logits, batch), logits)


def contrastive_loss(model: Any, batch: Batch) -> LossAndLogits:
    """Summed -log sigmoid(r_good - r_bad) of pairs, at the last token of each (appendix F).

    The targets stand in pairs, the good one first. The reward r is logit(correct) -
    logit(incorrect), so P(correct) = sigmoid(r), and the model is read as any other. Rewards ln 3
    and 0 give the good one a chance of 3/4, so the pair adds ln 4/3.
    """
    logits = _judgements(model, batch).float()  # (N, 2)
    rewards = logits[:, 1] - logits[:, 0]  # (N,)
    margins = rewards[0::2] - rewards[1::2]  # (N / 2,), good minus bad
    return LossAndLogits(-logsigmoid(margins).sum(), logits)


def _judgements(model: Any, batch: Batch) -> Tensor:
    """The logits (N, C) at the positions of the targets."""
    logits = model(**batch.inputs).logits  # (B, T, C)
    judged: Tensor = logits[batch.sequences, batch.positions]
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
