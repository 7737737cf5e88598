"""What every format gives: rows with their places."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sormctl.records import Json
from sormctl.streams.jsonl import AROUND


class PlacedRow(NamedTuple):
    """A row, and where it stands: `mine.jsonl:7`, `mine.json: row 7`."""

    data: Json
    place: str


Rows = Iterator[PlacedRow]
LONGEST = 1 << 29  # bytes of a line, or of a text that is read whole
Lines = Iterator[tuple[int, bytes]]  # numbered from 1, with their ends


def row_place(name: str, index: int) -> str:
    """The place of a row that stands on no line of its own; counted from 1, as lines are."""
    return f"{name}: row {index + 1}"


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
