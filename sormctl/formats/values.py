"""Values as strangers write them: lists in the cells of a table, whole numbers as floats."""

from __future__ import annotations

import json
import re
from ast import literal_eval
from collections.abc import Mapping
from typing import Any

from sormctl.errors import RecordError
from sormctl.tasks.fields import RowFields

_TRUE = ("true", "1", "1.0", "yes", "correct")
_FALSE = ("false", "0", "0.0", "no", "wrong", "incorrect")
_WHOLE = re.compile(r"-?\d{1,18}")  # int() refuses what is much longer
_KINDS: dict[type, str] = {str: "a text", list: "a list", dict: "an object"}


def field(row: Mapping[str, Any], name: str, kind: type) -> Any:
    """The value of a field that must be there, and of a kind (str, list or dict)."""
    if name not in row:
        raise RecordError(f"no `{name}` ({RowFields(row).listing()})")
    value = row[name]
    if value is None:
        raise RecordError(f"`{name}` is null")
    if kind is list:
        value = listed(value)
    if not isinstance(value, kind):
        raise RecordError(f"`{name}` must be {_KINDS[kind]}")
    return value


def texts(row: Mapping[str, Any], name: str) -> list[str]:
    """A list of texts."""
    found: list[Any] = field(row, name, list)
    if not all(isinstance(item, str) for item in found):
        raise RecordError(f"`{name}` must hold texts")
    return found


def listed(value: Any) -> Any:
    """A list, also one that is written in a cell of a table, as JSON or as Python does."""
    if not (isinstance(value, str) and value.lstrip().startswith("[")):
        return value
    for read in (json.loads, literal_eval):
        try:
            return read(value.strip())
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return value


def whole(value: Any) -> Any:
    """1 for 1.0, as a column of whole numbers and nulls comes out of pandas, and for "1"."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return int(value)
    return value


def truth(value: Any, name: str) -> bool | None:
    """True, false or unknown."""
    if value is None or value != value or value == "":
        return None
    if isinstance(value, bool):
        return value
    found = word_of_truth(value)
    if found is None:
        raise RecordError(f"`{name}` must be true or false")
    return found


def word_of_truth(value: Any) -> bool | None:
    """What a word or a number says, such as `true`, `no`, `correct` or 0; None if neither."""
    word = str(whole(value)).strip().lower()
    return word in _TRUE if word in (*_TRUE, *_FALSE) else None
