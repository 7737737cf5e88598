"""What the user sees of a training run."""

from __future__ import annotations

import time
from typing import Any, Self

from sormctl.streams.progress import Display
from sormctl.training.config import HELD_OUT_LOSS


class TrainingProgress:
    """Steps, loss, learning rate, speed and the time left, as the workers report them."""

    def __init__(self, command: str, quiet: bool, log_format: str) -> None:
        self._display = Display(command, quiet, log_format)
        self._event: dict[str, Any] = {}
        self._shown = self._event
        self._begun = (0.0, 0)  # when the first step was heard of, and its number
        self._held_out: float | None = None
        self._ended = False  # early, maybe

    def __enter__(self) -> Self:
        self._display.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._display.__exit__()
        if self._event is not self._shown:
            self._display.report(self._summary(), self._figures())

    def note(self, message: str) -> None:
        """Says something that the user should know and need not act on."""
        self._display.note(message)

    def hear(self, event: dict[str, Any]) -> None:
        """Shows what a worker reports."""
        kind = event["event"]
        if kind == "step":
            if not self._event:
                self._begun = (time.monotonic(), event["step"])
            self._event = event
            if self._display.due:
                share = event["step"] / event["steps"]
                self._display.show(self._summary(), self._figures(), share)
                self._shown = event
        elif kind == "held_out":
            self._held_out = event[HELD_OUT_LOSS]
            self._display.report(_evaluation(event), event)
        elif kind == "rows":
            self._tell_long(event)
        elif kind == "best":
            self._ended = True
            self._shown = self._event  # what came after the best is not the last word
            self.note(
                f"the model is that of step {event['step']:,}, held-out loss {event['loss']:.4f}"
            )
        elif kind == "resumed":
            self.note(f"continuing after step {event['step']:,}")
        elif kind == "stopped":
            self._shown = self._event  # the last word is what to do
            self.note("stopped; continue with --resume")

    def _tell_long(self, event: dict[str, Any]) -> None:
        limit = (
            f"of more than {event['longest']:,} tokens (--max-length, or all that the model reads)"
        )
        for name in ("left_out", "truncated"):
            if event[name]:
                self.note(f"{name.replace('_', ' ')}: {event[name]:,} examples {limit}")

    def _seconds_left(self) -> int | None:
        """None as long as there is but one step to judge by."""
        start, first = self._begun
        done = self._event["step"] - first
        left = self._event["steps"] - self._event["step"]
        if not left or self._ended:
            return 0
        return round((time.monotonic() - start) / done * left) if done else None

    def _figures(self) -> dict[str, Any]:
        return {**self._event, "seconds_left": self._seconds_left()}

    def _summary(self) -> str:
        event = self._event
        left = self._seconds_left()
        unseen = "" if self._held_out is None else f"held-out loss {self._held_out:.4f}, "
        until = "" if left is None else f", {left // 60}:{left % 60:02} left"
        return (
            f"step {event['step']:,}/{event['steps']:,}, loss {event['loss']:.4f}, "
            f"{unseen}lr {event['lr']:.2e}, {event['tokens_per_second']:,} tokens/s{until}"
        )


def _evaluation(event: dict[str, Any]) -> str:
    """An evaluation in words, with what there is."""
    told = {
        "held_out_step_accuracy": "step accuracy {:.1%}",
        "held_out_pair_accuracy": "pair accuracy {:.1%}",
        "held_out_auc": "AUC {:.3f}",
        "held_out_final_accuracy": "final accuracy {:.1%}",
    }
    shares = "".join(f", {text.format(event[k])}" for k, text in told.items() if k in event)
    return f"step {event['step']:,}: held-out loss {event[HELD_OUT_LOSS]:.4f}{shares}"
