"""The forms in which the lines of a table are written, for people and for programs."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum


class Format(StrEnum):
    """What is written to standard output."""

    table = "table"
    json = "json"
    csv = "csv"
    md = "md"


def as_csv(names: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """Names of the columns and lines of values; nothing for None and nan."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([None if value != value else value for value in line] for line in lines)
    return text.getvalue()


def percent(value: float) -> str:
    """A share in percent; a dash for nan."""
    return "-" if math.isnan(value) else f"{100 * value:.1f}"


def gain(value: float) -> str:
    """A difference of shares in percent, with its sign; a dash for nan."""
    return "-" if math.isnan(value) else f"{100 * value:+.1f}"


def interval(low: float, high: float) -> str:
    """An interval of shares in percent; nothing for nan."""
    return "" if math.isnan(low) else f"{percent(low)} to {percent(high)}"


def as_markdown(lines: Sequence[Sequence[str]]) -> str:
    """A heading and lines of cells, figures but for the first."""
    heading, *others = lines
    ruled = [heading, ["---", *["---:"] * (len(heading) - 1)], *others]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in ruled)


def as_columns(lines: Sequence[Sequence[str]]) -> str:
    """The same in columns that are as wide as they must be."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "".join(f"{_padded(line, widths)}\n" for line in lines)


def _padded(line: Sequence[str], widths: Sequence[int]) -> str:
    def cells() -> Iterator[str]:
        first, *others = zip(line, widths, strict=True)
        yield first[0].ljust(first[1])
        yield from (cell.rjust(width) for cell, width in others)

    return "  ".join(cells()).rstrip()
