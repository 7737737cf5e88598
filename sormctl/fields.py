"""Fields of a JSON object, read with a check. RecordError names the field that does not fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sormctl.errors import RecordError

T = TypeVar("T")
_STRING = frozenset([str])


def required(data: Mapping[str, Any], name: str, remedy: str = "") -> Any:
    """The value of a field that must be there; `remedy` says what makes it."""
    if name not in data:
        raise RecordError(f"no `{name}`" + (f"; {remedy}" if remedy else ""))
    return data[name]


def optional(data: Mapping[str, Any], name: str, check: Callable[[Any, str], T]) -> T | None:
    """What `check` makes of a field; None where it is absent or null."""
    value = data.get(name)
    return None if value is None else check(value, name)


def string(data: Mapping[str, Any], name: str) -> str:
    """A text that must be there."""
    value = data.get(name)
    return value if isinstance(value, str) else as_string(required(data, name), name)


def wrong_type(name: str, expected: str, value: Any) -> RecordError:
    """The error for a value of another type than `expected`."""
    return RecordError(f"`{name}` must be {expected}, not {_type_name(value)}")


def as_string(value: Any, name: str) -> str:
    """A text."""
    if not isinstance(value, str):
        raise wrong_type(name, "a string", value)
    return value


def as_bool(value: Any, name: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise wrong_type(name, "true or false", value)
    return value


def as_int(value: Any, name: str) -> int:
    """A whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong_type(name, "an integer", value)
    return value


def as_object(value: Any, name: str) -> Mapping[str, Any]:
    """An object."""
    if not isinstance(value, dict | Mapping):  # dict is there for speed
        raise wrong_type(name, "an object", value)
    return value


def as_list(value: Any, name: str) -> Sequence[Any]:
    """A list."""
    if not isinstance(value, list | tuple):
        raise wrong_type(name, "a list", value)
    return value


def as_strings(value: Any, name: str) -> tuple[str, ...]:
    """A list of texts."""
    texts = as_list(value, name)
    if not _STRING.issuperset(map(type, texts)):
        for i, text in enumerate(texts):
            as_string(text, f"{name}[{i}]")
    return tuple(texts)


def integer(data: Mapping[str, Any], key: str, name: str) -> int:
    """A whole number, 0 where it is absent; `name` is that of the object."""
    value = data.get(key, 0)
    return value if type(value) is int else as_int(value, f"{name}.{key}")


def _type_name(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    return "null" if value is None else names.get(type(value), "a number")
