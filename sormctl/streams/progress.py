"""Progress on standard error: a bar on a terminal, a plain line now and then, or JSON."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, Self

import orjson

from sormctl.errors import UsageError

EVERY = 10.0  # seconds between two plain lines


class Progress:
    """Tells how a command is getting on. `fraction` is called for the share of input read."""

    def __init__(
        self,
        command: str,
        quiet: bool = False,
        log_format: str = "text",
        fraction: Callable[[], float | None] = lambda: None,
    ) -> None:
        if log_format not in ("text", "json"):
            raise UsageError(f"--log-format {log_format}: give text or json")
        self._command = command
        self._quiet = quiet or sys.stderr is None
        self._json = log_format == "json"
        self._fraction = fraction
        self._records = 0
        self._tokens = 0
        self._start = self._last = time.monotonic()
        self._bar: _Bar | None = None

    def __enter__(self) -> Self:
        if not self._quiet and not self._json and sys.stderr.isatty():
            self._bar = _Bar(self._command)
        return self

    def __exit__(self, error: object, *rest: object) -> None:
        if self._bar:
            self._bar.close()
        if error is None and self._records:
            self._report()

    def add(self, records: int = 1, tokens: int = 0) -> None:
        """Counts finished input records and the tokens generated for them."""
        self._records += records
        self._tokens += tokens
        if self._bar:
            self._bar.show(self._summary(), self._fraction())
        elif time.monotonic() - self._last >= EVERY:
            self._report()

    def note(self, message: str) -> None:
        """Says something that the user should know and need not act on."""
        self._write(message, {"message": message})

    def _report(self) -> None:
        self._last = time.monotonic()
        self._write(self._summary(), self._figures())

    def _write(self, text: str, data: dict[str, Any]) -> None:
        if self._quiet:
            return
        if self._json:
            text = orjson.dumps({"command": self._command, **data}).decode()
        else:
            text = f"{self._command}: {text}"
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def _figures(self) -> dict[str, Any]:
        return {
            "records": self._records,
            "generated_tokens": self._tokens,
            "seconds": round(time.monotonic() - self._start, 3),
            "fraction": self._fraction(),
        }

    def _summary(self) -> str:
        seconds = max(time.monotonic() - self._start, 1e-3)
        parts = [f"{self._records:,} records", f"{self._records / seconds:,.1f} records/s"]
        if self._tokens:
            parts += [f"{self._tokens:,} tokens", f"{self._tokens / seconds:,.0f} tokens/s"]
        fraction = self._fraction()
        if not self._bar and fraction is not None and fraction < 1:
            parts.append(f"{fraction:.0%} done")
        return ", ".join(parts)


class _Bar:
    """A line of rich that redraws itself."""

    def __init__(self, command: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self._progress = RichProgress(
            TextColumn(command),
            BarColumn(),
            TextColumn("{task.fields[summary]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
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
