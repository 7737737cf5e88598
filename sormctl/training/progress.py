"""What the user sees of a training run."""

from __future__ import annotations

import time
from typing import Any

from sormctl.streams.progress import Progress


class TrainingProgress(Progress):
    """Progress in steps rather than records: loss, learning rate, speed, time left."""

    def __init__(self, command: str, quiet: bool, log_format: str) -> None:
        super().__init__(command, quiet, log_format, self._share)
        self._event: dict[str, Any] = {}
        self._begun: tuple[float, int] | None = None  # when the first event came, and its step

    def hear(self, event: dict[str, Any]) -> None:
        """Shows what a worker reports."""
        if event["event"] == "step":
            self._step(event)
        elif event["event"] == "rows" and event["too_long"]:
            self.note(f"{event['too_long']:,} examples are too long (--max-length) and left out")
        elif event["event"] == "resumed":
            self.note(f"continuing after step {event['step']:,}")
        elif event["event"] == "stopped":
            self.note("stopped; continue with --resume")

    def _step(self, event: dict[str, Any]) -> None:
        self._event = event
        if self._begun is None:
            self._begun = (time.monotonic(), event["step"])
        self.add(0)

    def _share(self) -> float | None:
        return self._event["step"] / self._event["steps"] if self._event else None

    def _left(self) -> float:
        """Seconds left, at the speed since the first event."""
        begun, step = self._begun or (0.0, 0)
        done = self._event["step"] - step
        left = self._event["steps"] - self._event["step"]
        return (time.monotonic() - begun) / done * left if done else 0.0

    def _figures(self) -> dict[str, Any]:
        return {**self._event, "seconds_left": round(self._left())} if self._event else {}

    def _summary(self) -> str:
        if not self._event:
            return "starting"
        minutes, seconds = divmod(round(self._left()), 60)
        return (
            f"step {self._event['step']:,}/{self._event['steps']:,}, "
            f"loss {self._event['loss']:.4f}, lr {self._event['lr']:.2e}, "
            f"{self._event['tokens_per_second']:,} tokens/s, {minutes}:{seconds:02} left"
        )
