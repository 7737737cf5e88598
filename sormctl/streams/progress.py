"""Progress on standard error: a bar on a terminal, a plain line now and then, or JSON."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Self

import orjson

from sormctl.errors import UsageError, one_line, tell_user

EVERY = 10.0  # seconds between two plain lines
TICK = 1.0  # seconds between two looks whether it is time for one


class Display:
    """Where a command tells how it is getting on. Use it as a context manager."""

    def __init__(self, command: str, quiet: bool = False, log_format: str = "text") -> None:
        if log_format not in ("text", "json"):
            raise UsageError(f"--log-format {log_format}: give text or json")
        self._command = command
        self._quiet = quiet or sys.stderr is None
        self._json = log_format == "json"
        self._told_at = time.monotonic()
        self._bar: _Bar | None = None

    def __enter__(self) -> Self:
        if not self._quiet and not self._json and sys.stderr.isatty() and not _feeds_a_pipe():
            self._bar = _Bar(self._command)
        return self

    def __exit__(self, error: object, *rest: object) -> None:
        if self._bar:
            self._bar.close()

    @property
    def due(self) -> bool:
        """Whether it is time to show something: on a terminal always, else every few seconds."""
        return self._bar is not None or time.monotonic() - self._told_at >= EVERY

    def show(self, summary: str, figures: dict[str, Any], fraction: float | None) -> None:
        """How things stand, and what share of the work is done.

        A plain line tells the `seconds_left` of the figures; a bar knows them itself.
        """
        if self._bar:
            self._bar.show(summary, fraction)
        else:
            if fraction is not None and fraction < 1:
                summary = f"{summary}, {fraction:.0%} done"
            if left := figures.get("seconds_left"):
                summary = f"{summary}, {left // 60}:{left % 60:02} left"
            self.report(summary, figures)

    def note(self, message: str) -> None:
        """Says something that the user should know and need not act on."""
        self._write(message, {"message": one_line(message)})

    def warn(self, message: str) -> None:
        """Says what went wrong, also to those who want no progress."""
        self._emit(message, {"message": one_line(message)})

    def report(self, summary: str, figures: dict[str, Any]) -> None:
        """Says how things stand, whenever the last line was."""
        self._told_at = time.monotonic()
        self._write(summary, figures)

    def _write(self, text: str, data: dict[str, Any]) -> None:
        if not self._quiet:
            self._emit(text, data)

    def _emit(self, text: str, data: dict[str, Any]) -> None:
        if self._json:
            line = orjson.dumps({"command": self._command, **data}).decode()
            tell_user(line, most=len(line))
        else:
            tell_user(f"{self._command}: {text}")


def _feeds_a_pipe() -> bool:
    """Whether another command reads on: of a pipe, only the last command draws a bar."""
    try:
        return stat.S_ISFIFO(os.fstat(sys.stdout.fileno()).st_mode)
    except (AttributeError, OSError, ValueError):  # no standard output, or none with a number
        return False


def counted(number: int, kind: str) -> str:
    """A number of things: `1 problem`, `400 solutions`."""
    return f"{number:,} {kind}{'' if number == 1 else 's'}"


class Progress(Display):
    """Counts what is finished: `records` of the input, what was made of them, answers and tokens.

    `fraction()` is the share of the work that is done, if known; `in_progress()` tokens are
    generated for what is not finished yet.
    """

    def __init__(self, command: str, quiet: bool = False, log_format: str = "text") -> None:
        super().__init__(command, quiet, log_format)
        self.fraction: Callable[[], float | None] = lambda: None
        self.before_records = ""  # what is done meanwhile
        self.in_progress: Callable[[], int] = lambda: 0
        self.records = 0
        self._kind, self._made_kind = "record", "record"
        self._made = 0
        self._answers = self._tokens = 0
        self._start = time.monotonic()
        self._first: tuple[float, float] | None = None  # when a share was known first, and which

    def __exit__(self, error: object, *rest: object) -> None:
        super().__exit__(error, *rest)
        if error is None and self.records:
            self.report(self._summary(), self._figures())

    def add(self, records: int = 1, kind: str = "record") -> None:
        """Counts records of the input that are finished."""
        self.records += records
        self._kind = kind
        self._tick()

    def add_made(self, records: int, kind: str) -> None:
        """Counts records that were made of them."""
        self._made += records
        self._made_kind = kind

    def add_answers(self, count: int, tokens: int) -> None:
        """Counts answers of the model, and the tokens that were generated for them.

        They are told while no record is finished: one of a slow model may need many.
        """
        self._answers += count
        self._tokens += tokens
        self._tick()

    async def during(self, work: Awaitable[None]) -> None:
        """Does the work, and shows how it gets on also where nothing is finished for a while."""

        async def tick() -> None:
            while True:
                await asyncio.sleep(TICK)
                self._tick()

        ticking = asyncio.create_task(tick())
        try:
            await work
        finally:
            ticking.cancel()

    def _tick(self) -> None:
        if self._first is None and (fraction := self.fraction()) is not None:
            self._first = time.monotonic(), fraction
        if self.due and (self.records or self._answers or self._num_tokens):
            self.show(self._summary(), self._figures(), self.fraction())
        elif self.due and self.before_records:
            self.show(self.before_records, self._figures(), None)

    @property
    def _num_tokens(self) -> int:
        return self._tokens + self.in_progress()

    def _figures(self) -> dict[str, Any]:
        fraction = self.fraction()
        return {
            "records": self.records,
            "made": self._made,
            "answers": self._answers,
            "generated_tokens": self._num_tokens,
            "seconds": round(time.monotonic() - self._start, 3),
            "fraction": fraction,
            "seconds_left": None if fraction is None else self._seconds_left(fraction),
        }

    def _seconds_left(self, fraction: float) -> int | None:
        """None as long as nothing tells how fast it is; what was done before does not."""
        begun, before = self._first or (0.0, 1.0)
        if fraction <= before:
            return None
        return round((time.monotonic() - begun) / (fraction - before) * (1 - fraction))

    def _summary(self) -> str:
        seconds = max(time.monotonic() - self._start, 1e-3)
        if self.records or not (self._answers or self._num_tokens):
            done, kind = self.records, self._kind
        else:
            done, kind = self._answers, "answer"
        parts = [counted(done, kind)]
        if self._made and self._made_kind != self._kind:
            parts.append(counted(self._made, self._made_kind))
        parts.append(f"{done / seconds:,.1f} {kind}s/s")
        if tokens := self._num_tokens:
            parts += [f"{tokens:,} tokens", f"{tokens / seconds:,.0f} tokens/s"]
        return ", ".join(parts)


class _Bar:
    """A line of rich that redraws itself: how far it is, what was done, and one clock."""

    def __init__(self, command: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self._progress = RichProgress(
            TextColumn(command),
            BarColumn(12),
            TextColumn("{task.fields[summary]}"),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task(command, total=None, summary="")
        self._progress.start()

    def show(self, summary: str, fraction: float | None) -> None:
        total = None if fraction is None else 1.0
        self._progress.update(self._task, total=total, completed=fraction or 0.0, summary=summary)

    def close(self) -> None:
        self._progress.stop()
