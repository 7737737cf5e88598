"""The course of a run: what its steps and evaluations gave, for the file, the user and trackers."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from sormctl.errors import ModelError
from sormctl.training.checkpoints import truncate_metrics
from sormctl.training.config import TrainConfig
from sormctl.training.data import Row

Event = dict[str, Any]

LOG_EVERY = 10


class Meter:
    """Logs the mean loss and the speed since the last log.

    Every process has one; the first writes the file and reports.
    """

    def __init__(
        self,
        config: TrainConfig,
        accelerator: Accelerator,
        num_steps: int,
        report: Callable[[Event], None],
    ) -> None:
        self._config, self._accelerator, self._num_steps = config, accelerator, num_steps
        self._report = report if accelerator.is_main_process else None
        self.begin(0)

    def say(self, kind: str, **event: Any) -> None:
        """Reports an event."""
        if self._report:
            self._report({"event": kind, **event})

    def resume(self, step: int) -> None:
        """Forgets what was logged after `step`, from which the run goes on."""
        if self._report:
            truncate_metrics(self._config.metrics, step)
        self.begin(step)

    def begin(self, step: int) -> None:
        """Starts counting, after `step`."""
        self._last = step
        self._start = time.monotonic()
        self._tokens = self._slots = self._useful = 0
        self._loss = torch.zeros((), device=self._accelerator.device)

    def passed(self, rows: Sequence[Row], slots: int) -> None:
        """Counts a pass of this process: its rows, and the slots that they took with padding."""
        self._slots += slots
        self._useful += sum(row.tokens for row in rows)

    def add(self, step: int, tokens: int, loss: Tensor, lr: float) -> None:
        """Counts one step of all processes, and logs if a log is due."""
        self._loss += loss
        self._tokens += tokens
        if step % LOG_EVERY == 0 or step == 1 or step == self._num_steps:
            mean = self.check(step)
            speed = self._tokens / (time.monotonic() - self._start)
            self._log(
                "step",
                step,
                loss=round(mean, 6),
                lr=lr,
                tokens_per_second=round(speed),
                useful_tokens=round(self._useful / self._slots, 4),
            )
            self.begin(step)

    def check(self, step: int) -> float:
        """The mean loss since the last log, by all processes; ModelError if it is no number."""
        total = float(self._accelerator.reduce(self._loss, "sum").item())
        if not math.isfinite(total):
            raise ModelError(f"the loss is {total} at step {step}; lower --lr")
        return total / max(1, step - self._last)

    def evaluated(self, step: int, measured: dict[str, float], seconds: float) -> None:
        """Logs an evaluation, whose time is not that of the steps."""
        self._start += seconds
        self._log("held_out", step, **measured)

    def _log(self, kind: str, step: int, **values: float) -> None:
        self._accelerator.log(values, step)
        if self._report is None:
            return
        epoch = round(step * self._config.epochs / self._num_steps, 4)
        logged = {"step": step, "epoch": epoch, **values}
        with self._config.metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(logged) + "\n")
        self._report({"event": kind, "steps": self._num_steps, **logged})
