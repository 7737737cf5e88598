"""`sormctl export`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import typer

from sormctl import options
from sormctl.errors import UsageError
from sormctl.evaluation.steps import THRESHOLD
from sormctl.formats.base import Exporting
from sormctl.formats.registry import get_format
from sormctl.records import Json, Solution
from sormctl.streams.driver import pipe_records


@dataclass(frozen=True)
class ExportOptions:
    """What some formats go by."""

    scores: Annotated[
        str | None, typer.Option(help="Reward model whose scores are written.", metavar="NAME")
    ] = None
    threshold: Annotated[
        float | None,
        typer.Option("-T", "--threshold", help="A step that scores below it is wrong; 0.5."),
    ] = None


def export(*, format: options.FormatName, heeded: ExportOptions, streams: options.Streams) -> None:
    """Write solutions as another tool reads them: step labels, benchmarks, training data.

    Solutions that the format has no row for are left out, and counted.

    Example: sormctl export processbench --scores sorm < scored.jsonl > rows.jsonl
    """
    found = get_format(format)
    write = found.write
    if write is None:
        raise UsageError(f"{format} can be read only, by `sormctl import {format}`")
    said = vars(heeded)
    how = found.settings(Exporting(threshold=THRESHOLD), said)
    job = streams.job("export", {"format": format, **said})
    counts = Counter[str]()

    def rows(solutions: Iterator[Solution]) -> Iterator[Json]:
        for solution in solutions:
            row = write(solution, how)
            counts["left out"] += row is None
            if row is not None:
                yield row

    def notes() -> Iterator[str]:
        if empty := counts["left out"]:
            yield f"left out: {empty:,} solutions {found.left_out}"

    pipe_records(job, Solution, rows, summary=notes)
