"""JSON: an object a line, one array of objects, or one object that holds the array."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import cache
from itertools import chain
from typing import Any, BinaryIO

import orjson
from msgspec import MsgspecError
from msgspec.json import Decoder

from sormctl.errors import DataError, RecordError
from sormctl.explaining import explain_foreign, explain_line, no_number
from sormctl.lines import FAILED, TOO_DEEP, load_object
from sormctl.records import Json
from sormctl.rows.base import LONGEST, Lines, PlacedRow, Rows, filled, is_text, placed
from sormctl.streams.jsonl import AROUND

IsRow = Callable[[Json], bool]
LINES = (".jsonl", ".ndjson")  # a file of such a name holds an object a line


def never(data: Json) -> bool:
    """No object that holds an array of rows is one itself."""
    return False


def json_rows(lines: Lines, rest: BinaryIO, name: str, suffix: str, is_row: IsRow = never) -> Rows:
    """The rows of a text of JSON, which is read whole unless it holds an object a line.

    `lines` are those of `rest`, which has not been read beyond the first of them. A single object
    may hold the array of rows, unless it `is_row` itself.
    """
    number, first = next(lines)
    if not first.strip(AROUND).startswith(b"["):
        whole = _whole(first)
        if suffix in LINES or (whole is not None and is_row(whole)):
            return _each_line(chain([(number, first)], lines), name)
        if whole is not None and (second := next(filled(lines), None)):
            return _each_line(chain([(number, first), second], lines), name)
    others = rest.read(LONGEST)
    if len(others) == LONGEST:
        raise DataError(f"{name}: more than {LONGEST:,} bytes; write one object a line (jq -c .[])")
    return _document(b"\n" * (number - 1) + first + others, name, is_row)


def digits(text: str) -> float | str:
    """A number with a point or a power of ten; as text where a float has other digits."""
    value = float(text)
    try:
        same = Decimal(repr(value)) == Decimal(text)
    except InvalidOperation:  # a power of ten beyond all measure
        same = False
    return value if same else text


@cache
def _decoder() -> Decoder[Any]:
    """One that keeps the digits of numbers; whole ones are of any size by themselves."""
    return Decoder(float_hook=digits)


def _each_line(lines: Lines, name: str) -> Rows:
    decode = _decoder().decode
    for number, line in filled(lines):
        place = f"{name}:{number}"
        yield PlacedRow(_object(decode, line.strip(AROUND), place), place)


def _object(decode: Any, line: bytes, place: str) -> Json:
    try:
        data = decode(line)
    except (MsgspecError, UnicodeDecodeError, RecursionError):
        data = None
    if isinstance(data, dict) and FAILED not in data:
        return data
    try:
        return load_object(line)  # which says what is wrong with it
    except RecordError as error:
        raise DataError(f"{place}: {error}") from None


def _whole(line: bytes) -> Json | None:
    """The object that a line is; None if it is none."""
    try:
        data = _decoder().decode(line.strip(AROUND))
    except (MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _document(text: bytes, name: str, is_row: IsRow) -> Rows:
    try:
        data = _decoder().decode(text.lstrip(AROUND))
    except RecursionError:
        raise DataError(f"{name}: {TOO_DEEP}") from None
    except (MsgspecError, UnicodeDecodeError):
        raise _explained(text, name) from None
    if isinstance(data, dict):
        return placed([data] if is_row(data) else _array_in(data, name), name)
    if not isinstance(data, list):
        raise DataError(f"{name}: holds no array of rows")
    return placed(data, name)


def _array_in(data: Json, name: str) -> list[Any]:
    """The one array of rows that an object holds; an object without one is a row itself."""
    found = {key: value for key, value in data.items() if _is_rows(value)}
    if len(found) > 1:
        raise DataError(
            f"{name}: holds several arrays of rows ({', '.join(found)}); "
            "put one of them into a file of its own"
        )
    return next(iter(found.values()), [data])


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and value != [] and all(isinstance(row, dict) for row in value)


def _explained(text: bytes, name: str) -> DataError:
    bare = text.lstrip(AROUND)
    if foreign := explain_foreign(bare):
        return DataError(f"{name}: {foreign}")
    try:
        orjson.loads(bare)
    except orjson.JSONDecodeError as error:
        if is_text(text):
            number = text.count(b"\n", 0, len(text) - len(bare)) + error.lineno
            word = no_number(bare.decode(), error)
            told = f"({word}); write null for it" if word else f"({error.msg}); mend it there"
            return DataError(f"{name}:{number}: not JSON {told}")
        return DataError(f"{name}: {explain_line(text, error)}")
    return DataError(f"{name}: not JSON that can be read")
