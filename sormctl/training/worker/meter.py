"""The course of a run: what its steps and evaluations gave, for the file, the user and trackers."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import msgspec
import torch
from accelerate import Accelerator
from torch import Tensor

from sormctl.errors import ModelError
from sormctl.training.config import TrainConfig
from sormctl.training.events import HELD_OUT_LOSS, Evaluated, Event, Step
from sormctl.training.token_rows import Row
from sormctl.training.worker.metrics_file import Figures, append_metrics, truncate_metrics

LOG_EVERY = 10
_LOSS = "loss"


class Meter:
    """Logs the mean loss and the speed since the last log.

    Every process has one; the first writes the file and reports. What it has counted since the last
    log travels in every checkpoint, so that a log is of the same steps after a resume.
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
        self._kept: dict[str, float] = {}
        self.begin(0)

    def say(self, event: Event) -> None:
        """Reports an event, from the first process."""
        if self._report:
            self._report(event)

    def resume(self, step: int) -> None:
        """Forgets what was logged after `step`, from which the run goes on."""
        self.begin(step)
        self._last = int(self._kept.get("last", step))
        if self._report:
            truncate_metrics(self._config.metrics, step)
            self._loss += self._kept.get("loss", 0.0)
            self._padded = int(self._kept.get("padded", 0))
            self._unpadded = int(self._kept.get("unpadded", 0))

    def state_dict(self) -> dict[str, float]:
        """What accelerate keeps, of the first process; `check` comes before."""
        counted = {"padded": self._padded, "unpadded": self._unpadded}
        return {"last": self._last, "loss": self._total, **counted}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Takes what accelerate kept; see `resume`."""
        self._kept = state

    def begin(self, step: int) -> None:
        """Starts counting, after `step`."""
        self._last = step
        self._start = time.monotonic()
        self._tokens = self._padded = self._unpadded = 0
        self._total = 0.0  # the loss by all processes, when last looked at
        self._loss: Tensor = torch.zeros((), device=self._accelerator.device)

    def passed(self, rows: Sequence[Row], padded: int) -> None:
        """Counts a pass of this process: its rows, and the tokens that they took with padding."""
        self._padded += padded
        self._unpadded += sum(row.tokens for row in rows)

    def add(self, step: int, tokens: int, loss: Tensor, lr: float) -> None:
        """Counts one step of all processes, and logs if a log is due."""
        self._loss += loss
        self._tokens += tokens
        if step % LOG_EVERY == 0 or step == 1 or step == self._num_steps:
            mean = self.check(step)
            speed = self._tokens / (time.monotonic() - self._start)
            figures: Figures = {
                "loss": round(mean, 6),
                "lr": lr,
                "tokens_per_second": round(speed),
                "useful_tokens": round(self._unpadded / self._padded, 4),
            }
            self._log(Step, step, figures)
            self.begin(step)

    def check(self, step: int) -> float:
        """The mean loss since the last log, by all processes; ModelError if it is no number."""
        self._total = float(self._accelerator.reduce(self._loss, "sum").item())
        _check_finite(_LOSS, self._total, step)
        return self._total / max(1, step - self._last)

    def evaluated(self, step: int, figures: Figures, seconds: float) -> None:
        """Logs an evaluation, whose time is not that of the steps; ModelError as in `check`."""
        _check_finite("held-out loss", figures[HELD_OUT_LOSS], step)
        self._start += seconds
        self._log(Evaluated, step, figures)

    def _log(self, kind: type[Step | Evaluated], step: int, figures: Figures) -> None:
        self._accelerator.log(figures, step)
        if self._report is None:
            return
        epoch = round(step * self._config.epochs / self._num_steps, 4)
        entry = {"step": step, "epoch": epoch, **figures}
        append_metrics(self._config.metrics, entry)
        self._report(msgspec.convert({"steps": self._num_steps, **entry}, kind))


def _check_finite(name: str, loss: float, step: int) -> None:
    """ModelError if it is no number; that of the first step is of weights as they were."""
    if not math.isfinite(loss):
        first = step == 1 and name == _LOSS
        remedy = "the model's own weights give no numbers; is it whole?" if first else "lower --lr"
        raise ModelError(f"the {name} is {loss} at step {step}; {remedy}")
