"""Text laid out for a terminal: coloured spans, hanging indents, columns beside each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, zip_longest

from sormctl.errors import printable

Span = tuple[str, str | None]  # a text and its colour: a name that terminals know, or None
StyledLine = tuple[Span, ...]
Block = Sequence[StyledLine]  # lines that belong together, such as those of a step
FAINT = "bright_black"
_LEAST = 16  # cells of a line that text is given, however far it is indented


def cells(text: str) -> int:
    """How many cells of a terminal a printable text takes.

    >>> cells("a"), cells("数"), cells("e\\u0301")
    (1, 2, 1)
    """
    from rich.cells import cell_len

    return cell_len(text)


def line(text: str, colour: str | None = None) -> StyledLine:
    """One span as a line, without control characters."""
    return ((printable(text), colour),)


def hanging(
    lead: Sequence[Span], text: str, colour: str | None = None, width: int | None = None
) -> Iterator[StyledLine]:
    """A text behind its lead, such as a number; all lines but the first are indented as deep.

    Lines of the text stay lines; with a width the long ones are broken at spaces. What a terminal
    would take for a command is replaced.
    """
    depth = sum(cells(part) for part, _ in lead)
    room = None if width is None else max(_LEAST, width - depth)
    parts = chain.from_iterable(wrapped(printable(part), room) for part in text.split("\n"))
    for number, part in enumerate(parts):
        yield (*(lead if number == 0 else ((" " * depth, None),)), (part, colour))


def wrapped(text: str, room: int | None) -> Iterator[str]:
    """The text in lines of at most `room` cells; a word that is longer is cut."""
    if room is None or cells(text) <= room:
        yield text
        return
    held = ""
    for word in text.split(" "):
        joined = f"{held} {word}" if held else word
        if held and cells(joined) > room:
            yield held
            joined = word
        *full, held = _chopped(joined, room)
        yield from full
    yield held


def side_by_side(
    columns: Sequence[Sequence[Block]], width: int, gap: int = 3
) -> Iterator[StyledLine]:
    """Columns of blocks, each `width` cells wide; the blocks of one number begin on one line."""
    last = len(columns) - 1
    for blocks in zip_longest(*columns, fillvalue=()):
        for row in zip_longest(*blocks, fillvalue=()):
            spans: list[Span] = []
            for number, part in enumerate(row):
                used = sum(cells(text) for text, _ in part)
                spans += [*part, (" " * (width - used + gap if number < last else 0), None)]
            yield tuple(spans)


def _chopped(text: str, room: int) -> list[str]:
    from rich.cells import chop_cells

    return chop_cells(text, room) or [""]
