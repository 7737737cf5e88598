"""What the user sees of a training run."""

from __future__ import annotations

import time
from typing import Any

from msgspec import to_builtins

from sormctl.streams.progress import Display, counted
from sormctl.training.events import Best, Evaluated, Event, Noted, Resumed, RowsRead, Step, Stopped


class TrainingProgress(Display):
    """Steps, loss, learning rate, speed and the time left, as the workers report them."""

    def __init__(self, command: str, quiet: bool, log_format: str) -> None:
        super().__init__(command, quiet, log_format)
        self._first: Step | None = None  # that was heard of
        self._begun = 0.0  # when it was
        self._last_step: Step | None = None
        self._shown: Step | None = None
        self._held_out: float | None = None
        self._ended = False  # early, maybe

    def __exit__(self, error: object, *rest: object) -> None:
        super().__exit__(error, *rest)
        if self._last_step and self._last_step is not self._shown:
            self.report(self._summary(self._last_step), self._figures(self._last_step))

    def hear(self, event: Event) -> None:
        """Shows what a worker reports."""
        match event:
            case Step():
                self._hear_step(event)
            case Evaluated():
                self._held_out = event.held_out_loss
                self.report(_in_words(event), to_builtins(event))
            case RowsRead():
                self._tell_long(event)
            case Noted():
                self.note(event.text)
            case Best():
                self._ended = True
                self._held_out = event.loss
                self._shown = self._last_step  # what came after the best is not the last word
                self.note(
                    f"the model is that of step {event.step:,}, held-out loss {event.loss:.4f}"
                )
            case Resumed():
                self.note(f"continuing after step {event.step:,}")
            case Stopped():
                self._shown = self._last_step  # the last word is what to do
                self.note("stopped; continue with --resume")

    def wrote(self, output: str) -> None:
        """Says where the model is, and how its training ended."""
        told: list[str] = []
        figures: dict[str, Any] = {"wrote": output}
        if last := self._last_step:
            self._shown = last  # this is the last word
            told = [counted(last.steps, "step"), f"loss {last.loss:.4f}"]
            figures |= self._figures(last)
        if self._held_out is not None:
            told.append(f"held-out loss {self._held_out:.4f}")
        self.report(f"wrote {output}/{': ' if told else ''}{', '.join(told)}", figures)

    def _hear_step(self, step: Step) -> None:
        if self._first is None:
            self._first, self._begun = step, time.monotonic()
        self._last_step = step
        if self.due:
            self.show(self._summary(step), self._figures(step), step.step / step.steps)
            self._shown = step

    def _tell_long(self, rows: RowsRead) -> None:
        limit = f"of more than {rows.longest:,} tokens (--max-length, or all that the model reads)"
        for name, count in (("left out", rows.left_out), ("truncated", rows.truncated)):
            if count:
                self.note(f"{name}: {count:,} examples {limit}")

    def _seconds_left(self, step: Step) -> int | None:
        """None as long as there is but one step to judge by."""
        done = step.step - self._first.step if self._first else 0
        left = step.steps - step.step
        if not left or self._ended:
            return 0
        return round((time.monotonic() - self._begun) / done * left) if done else None

    def _figures(self, step: Step) -> dict[str, Any]:
        return {**to_builtins(step), "seconds_left": self._seconds_left(step)}

    def _summary(self, step: Step) -> str:
        unseen = "" if self._held_out is None else f"held-out loss {self._held_out:.4f}, "
        return (
            f"step {step.step:,}/{step.steps:,}, loss {step.loss:.4f}, "
            f"{unseen}lr {step.lr:.2e}, {step.tokens_per_second:,} tokens/s"
        )


def _in_words(evaluation: Evaluated) -> str:
    """An evaluation, with what there is."""
    told = (
        ("step accuracy {:.1%}", evaluation.held_out_step_accuracy),
        ("pair accuracy {:.1%}", evaluation.held_out_pair_accuracy),
        ("AUC {:.3f}", evaluation.held_out_auc),
        ("final accuracy {:.1%}", evaluation.held_out_final_accuracy),
    )
    shares = "".join(f", {text.format(share)}" for text, share in told if share is not None)
    loss = evaluation.held_out_loss
    return f"step {evaluation.step:,}: held-out loss {loss:.4f}{shares}"
