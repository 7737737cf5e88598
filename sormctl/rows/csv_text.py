"""CSV and TSV with a header: fields by name, each the text that stands there."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import chain
from typing import Any

from sormctl.errors import DataError
from sormctl.rows.base import Lines, PlacedRow, Rows

SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab"}
MAX_FIELD = 1 << 27  # characters; the module's own limit is 131,072


def csv_rows(lines: Lines, name: str, separator: str | None = None) -> Rows:
    """The rows below a header. Without a `separator` that which makes most fields of the header.

    A quoted field may hold separators, quotes (doubled) and line ends. DataError names the line on
    which a row begins that does not fit.
    """
    number, first = next(lines)
    text = _text(first, f"{name}:{number}").removeprefix("\ufeff")
    csv.field_size_limit(MAX_FIELD)
    found = separator or _separator(text)
    rest = (_text(line, f"{name}:{at}") for at, line in lines)
    rows = _fields(csv.reader(chain([text], rest), delimiter=found, strict=True), name, number)
    header = _header(*next(rows))
    for place, fields in rows:
        if len(fields) != len(header):
            raise DataError(
                f"{place}: {len(fields)} fields, but the header names {len(header)}; a field that "
                f'holds {SEPARATORS[found]} or a line end stands in quotes ("…")'
            )
        yield PlacedRow(
            {key: field for key, field in zip(header, fields, strict=True) if key}, place
        )


def _fields(reader: Any, name: str, number: int) -> Iterator[tuple[str, list[str]]]:
    """Each row's place and fields, where the first begins on line `number`."""
    while True:
        place = f"{name}:{number + reader.line_num}"
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise DataError(
                f'{place}: not CSV ({error}); a quote inside of a field is doubled ("")'
            ) from None
        if fields is None:
            return
        if fields:
            yield place, fields


def _text(line: bytes, place: str) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise DataError(f"{place}: not UTF-8 text; convert the file with iconv") from None


def _separator(header: str) -> str:
    """The separator that makes most fields of a header."""

    def num_fields(separator: str) -> int:
        try:
            return len(next(csv.reader([header], delimiter=separator)))
        except csv.Error:
            return 0

    return max(SEPARATORS, key=num_fields)


def _header(place: str, fields: list[str]) -> list[str]:
    """The names of the columns; one without a name is the index of a table that was written."""
    names = [field.strip() for field in fields]
    twice = next((name for name in names if name and names.count(name) > 1), None)
    if twice:
        raise DataError(
            f"{place}: the header names `{twice}` twice; give each column a name, in a line above "
            "if this is a row"
        )
    return names
