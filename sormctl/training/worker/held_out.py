"""How well a model does on rows that it is not trained on, and when that no longer improves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import starmap
from typing import Any, NamedTuple

import torch
from accelerate.utils import gather_object

from sormctl.engines.encoding import p_correct
from sormctl.evaluation.metrics import auc
from sormctl.thresholds import THRESHOLD
from sormctl.training.config import Objective, TrainConfig
from sormctl.training.events import HELD_OUT_LOSS
from sormctl.training.token_rows import Row
from sormctl.training.worker.losses import Loss
from sormctl.training.worker.metrics_file import Figures
from sormctl.training.worker.passes import Passes


class ScoredTarget(NamedTuple):
    """What a reward model says at one target, and what is so."""

    score: float
    correct: bool
    last: bool  # whether it is at the end of its solution


@dataclass(slots=True)
class BestSoFar:
    """The best evaluation so far: the one of the lowest loss. It travels in every checkpoint."""

    patience: int
    loss: float = math.inf
    step: int = 0
    worse: int = 0  # evaluations since

    def add(self, step: int, loss: float) -> bool:
        """Takes an evaluation, and says whether it is the best."""
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

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Takes up what accelerate kept."""
        self.loss, self.step, self.worse = state["loss"], int(state["step"]), int(state["worse"])


@dataclass(frozen=True, slots=True)
class HeldOutRows:
    """Rows that are not trained on."""

    rows: Sequence[Row]
    config: TrainConfig
    loss: Loss
    passes: Passes

    @torch.no_grad()
    def measure(self, model: Any) -> Figures:
        """The mean loss over the targets, and what a reward model gets right.

        Every process calls it and gets the same. It draws nothing at random, so the training goes
        on as if it had not been.
        """
        # 1. this process's parts: their summed loss, and a judgement for each of their targets
        modes = {module: module.training for module in model.modules()}
        model.eval()
        accelerator = self.passes.accelerator
        total = torch.zeros((), device=accelerator.device)
        judged: list[ScoredTarget] = []
        for part, counts in self.passes.parts(sorted(self.rows, key=lambda row: row.size)):
            loss, logits = self.loss(model, self.passes.batch(part))  # (), (N, C)
            if not counts:  # it only kept step with the other processes
                continue
            total += loss
            if logits is not None:
                scores = p_correct(logits.float().softmax(-1)).tolist()  # (N,)
                judged += starmap(ScoredTarget, zip(scores, *_truth(part), strict=True))
        for module, learns in modes.items():
            module.training = learns
        # 2. those of all processes
        targets = sum(len(row.targets) for row in self.rows)
        mean = accelerator.reduce(total, "sum").item() / targets
        judged = gather_object(judged)
        # 3. as figures
        in_pairs = self.config.objective is Objective.contrastive
        shares = _pair_accuracy(judged) if in_pairs else _shares(judged)
        return {HELD_OUT_LOSS: round(mean, 6), **shares}


def _truth(part: Sequence[Row]) -> tuple[list[bool], list[bool]]:
    """Per target (N,) whether it says correct, and whether it is at the end of its solution.

    A share of successes says correct from one half on, and a neutral step is correct. A pair is two
    targets, as `collate` puts them: the good solution's, then its rival's.
    """
    sequences = [sequence for row in part for sequence in row.sequences]
    correct = [target >= 0.5 for sequence in sequences for target in sequence.targets]
    return correct, [at == len(x.ids) - 1 for x in sequences for at in x.positions]


def _pair_accuracy(judged: Sequence[ScoredTarget]) -> Figures:
    """How often the good one of a pair scores above the bad one behind it: that is what is learned.

    Nothing keeps the scores on their sides of 1/2.
    """
    scores = [judgement.score for judgement in judged]
    above = [good > bad for good, bad in zip(scores[0::2], scores[1::2], strict=True)]
    return {"held_out_pair_accuracy": round(sum(above) / len(above), 4)}


def _shares(judged: Sequence[ScoredTarget]) -> Figures:
    """Step accuracy, AUC and final accuracy, as far as they can be told."""
    right = [(x.score >= THRESHOLD) == x.correct for x in judged]
    final = [hit for hit, x in zip(right, judged, strict=True) if x.last]
    area = auc([x.score for x in judged], [int(x.correct) for x in judged])
    found = {
        "held_out_step_accuracy": sum(right) / len(right) if right else math.nan,
        "held_out_auc": area,
        "held_out_final_accuracy": sum(final) / len(final) if final else math.nan,
    }
    return {name: round(value, 4) for name, value in found.items() if not math.isnan(value)}
