"""How well a model does on rows that it is not trained on, and when that no longer improves."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from sormctl.engines.encoding import p_correct
from sormctl.errors import ModelError
from sormctl.evaluation.metrics import auc
from sormctl.evaluation.steps import THRESHOLD
from sormctl.training.config import HELD_OUT_LOSS, REWARD_MODEL, Objective, TrainConfig
from sormctl.training.data import Row, process_parts
from sormctl.training.worker.losses import Batch, Judged, collate


@dataclass(slots=True)
class Best:
    """The best evaluation so far: the one of the lowest loss. It travels in every checkpoint."""

    patience: int
    loss: float = math.inf
    step: int = 0
    worse: int = 0  # evaluations since

    def add(self, step: int, loss: float) -> bool:
        """Takes an evaluation, and says whether it is the best; ModelError if it is no number."""
        if not math.isfinite(loss):
            raise ModelError(f"the held-out loss is {loss} at step {step}; lower --lr")
        if loss < self.loss:
            self.loss, self.step, self.worse = loss, step, 0
            return True
        self.worse += 1
        return False

    @property
    def exhausted(self) -> bool:
        """Whether as many evaluations as `patience` were no better."""
        return self.worse >= self.patience

    def state_dict(self) -> dict[str, float]:
        """What accelerate keeps."""
        return {"loss": self.loss, "step": self.step, "worse": self.worse}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes up what accelerate kept."""
        self.loss, self.step, self.worse = state["loss"], state["step"], state["worse"]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Rows that are not trained on."""

    rows: Sequence[Row]
    config: TrainConfig
    accelerator: Accelerator
    loss: Callable[[Any, Batch], Judged]
    pad: int
    packed: bool

    @torch.no_grad()
    def measure(self, model: Any) -> dict[str, float]:
        """The mean loss over the targets, and what a reward model gets right.

        Every process calls it and gets the same. It draws nothing at random, so the training goes
        on as if it had not been.
        """
        model.eval()
        total = torch.zeros((), device=self.accelerator.device)
        judged: list[tuple[float, bool, bool]] = []
        for part, counts in self._parts():
            batch = collate(part, self.pad, self.packed).to(self.accelerator.device)
            loss, logits = self.loss(model, batch)
            if not counts:
                continue
            total += loss
            if self.config.kind == REWARD_MODEL:
                scores = p_correct(logits.float().softmax(-1)).tolist()
                judged += zip(scores, *_truth(part), strict=True)
        model.train()
        targets = sum(len(row.targets) for row in self.rows)
        mean = self.accelerator.reduce(total, "sum").item() / targets
        judged = gather_object(judged)
        in_pairs = self.config.objective is Objective.contrastive
        found = _pair_accuracy(judged) if in_pairs else _shares(judged)
        return {HELD_OUT_LOSS: round(mean, 6), **found}

    def _parts(self) -> list[tuple[list[Row], bool]]:
        """This process's parts of the rows, and whether each counts."""
        sizes = [row.size for row in self.rows]
        order = sorted(range(len(sizes)), key=sizes.__getitem__)
        number, processes = self.accelerator.process_index, self.accelerator.num_processes
        most = self.config.max_batch_tokens
        parts = process_parts(sizes, order, number, processes, most, self.packed)
        return [([self.rows[i] for i in part], counts) for part, counts in parts]


def _truth(part: Sequence[Row]) -> tuple[list[bool], list[bool]]:
    """For each target whether it says correct, and whether it is at the end of its solution.

    A share of successes says correct from one half on, and a neutral step is correct.
    """
    sequences = [sequence for row in part for sequence in row.sequences]
    labels = [target >= 0.5 for row in sequences for target in row.targets]
    return labels, [at == len(row.ids) - 1 for row in sequences for at in row.positions]


def _pair_accuracy(judged: Sequence[tuple[float, bool, bool]]) -> dict[str, float]:
    """How often the good one of a pair scores above the bad one behind it: that is what is learned.

    Nothing keeps the scores on their sides of 1/2.
    """
    scores = [score for score, _, _ in judged]
    above = [good > bad for good, bad in zip(scores[0::2], scores[1::2], strict=True)]
    return {"held_out_pair_accuracy": round(sum(above) / len(above), 4)}


def _shares(judged: Sequence[tuple[float, bool, bool]]) -> dict[str, float]:
    """Step accuracy, AUC and final accuracy, as far as they can be told."""
    right = [(score >= THRESHOLD) == label for score, label, _ in judged]
    final = [hit for hit, (_, _, last) in zip(right, judged, strict=True) if last]
    area = auc([score for score, _, _ in judged], [int(label) for _, label, _ in judged])
    found = {
        "held_out_step_accuracy": sum(right) / len(right) if right else math.nan,
        "held_out_auc": area,
        "held_out_final_accuracy": sum(final) / len(final) if final else math.nan,
    }
    return {name: round(value, 4) for name, value in found.items() if not math.isnan(value)}
