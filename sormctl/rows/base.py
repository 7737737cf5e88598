"""What every format gives: rows with their places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from sormctl.errors import DataError
from sormctl.records import Json
from sormctl.streams.jsonl import AROUND


class PlacedRow(NamedTuple):
    """A row, and where it stands: `mine.jsonl:7`, `mine.json: row 7`."""

    data: Json
    place: str


Rows = Iterator[PlacedRow]
LONGEST = 1 << 29  # bytes of a line, or of a text that is read whole
Lines = Iterator[tuple[int, bytes]]  # numbered from 1, with their ends


def placed(rows: Iterable[Any], name: str) -> Rows:
    """Rows that stand on no line of their own; counted from 1, as lines are."""
    for number, row in enumerate(rows, 1):
        place = f"{name}: row {number}"
        if not isinstance(row, Mapping):
            raise DataError(f"{place}: not an object")
        yield PlacedRow(row, place)


def filled(lines: Lines) -> Lines:
    """The lines that hold something."""
    return ((number, line) for number, line in lines if line.strip(AROUND))


def is_text(text: bytes) -> bool:
    """Whether bytes are UTF-8."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
