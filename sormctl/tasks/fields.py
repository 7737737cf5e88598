"""The fields of a row from elsewhere: found whatever their case, by path, or by a template."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from string import Formatter
from typing import Any

from sormctl.errors import RecordError, UsageError, one_line

MAX_SHOWN = 20  # names of fields in a message
MAX_NAME = 40  # characters of one of them


@dataclass(frozen=True)
class Fields:
    """Which fields of a row are what; None: those with a published name."""

    question: str | None = None  # a field, or a template: `{Body} {Question}`
    answer_field: str | None = None
    choices: str | None = None  # a field, or several, separated by commas
    id_field: str | None = None

    @property
    def are_named(self) -> bool:
        """Whether the user has named any."""
        return any((self.question, self.answer_field, self.choices, self.id_field))


class RowFields:
    """A row, and which of its fields have been made use of."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = data
        self._names: dict[str, str] = {}
        for name in data:
            self._names.setdefault(_folded(name), name)
        self.used: set[str] = set()

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def named(self, name: str) -> str | None:
        """The field of that name, whatever its case; None if there is none."""
        return name if name in self._data else self._names.get(_folded(name))

    def find(self, names: Iterable[str]) -> str | None:
        """The first of the fields that holds something; None if none does."""
        return next(self.filled(names), None)

    def filled(self, names: Iterable[str]) -> Iterator[str]:
        """Those of the fields that hold something."""
        there = (found for name in names if (found := self.named(name)) is not None)
        return (name for name in there if not is_blank(self._data[name]))

    def require(self, names: Iterable[str], what: str, option: str) -> str:
        """The first of the fields that holds something; RecordError if none does."""
        found = self.find(names)
        if found is not None:
            return found
        there = (name for name in map(self.named, names) if name is not None)
        if empty := next((name for name in there if not is_missing(self._data[name])), None):
            raise RecordError(f"`{empty}` is empty")
        raise RecordError(f"no {what}; name its field by {option} ({self.listing()})")

    def among(self, names: tuple[str, ...]) -> Iterator[str]:
        """The fields with one of these names, in the order of the row."""
        wanted = _all_folded(names)
        return (name for name in self._data if _folded(name) in wanted)

    def __getitem__(self, name: str) -> Any:
        return self._data[name]

    def get(self, name: str) -> Any:
        """The value of the field of that name, whatever its case; None if there is none."""
        found = self.named(name)
        return None if found is None else self._data[found]

    def use(self, name: str) -> Any:
        """The value of a field, which is not kept beside what is made of it."""
        self.used.add(name)
        return self._data[name]

    def unused(self) -> dict[str, Any]:
        """The fields that nobody has made use of."""
        return {name: value for name, value in self._data.items() if name not in self.used}

    def at(self, path: str, option: str) -> Any:
        """The value of the field that an option names, or of one within it: `answer.value`."""
        whole = self.named(path)
        if whole is not None:
            return self.use(whole)
        first, *inner = path.replace("[", ".").replace("]", "").split(".")
        found = self.named(first)
        value = None if found is None else _within(self.use(found), inner)
        if value is None:
            raise RecordError(f"{option} names `{path}`, which is not there; {self.listing()}")
        return value

    def listing(self) -> str:
        """What fields it has, for a message."""
        names = [f"`{one_line(name, MAX_NAME)}`" for name in self._data]
        more = ", …" if len(names) > MAX_SHOWN else ""
        return f"it has {', '.join(names[:MAX_SHOWN])}{more}" if names else "it has no fields"


@contextmanager
def about(name: str) -> Iterator[None]:
    """Names the field that a RecordError is about."""
    try:
        yield
    except RecordError as error:
        raise RecordError(f"`{name}` {error}") from error


def text_of(value: Any) -> str:
    """A text or a number as text; RecordError for anything else, and where there is nothing."""
    if is_missing(value):
        raise RecordError("is empty")
    if isinstance(value, bool):
        raise RecordError(f"is {str(value).lower()}, which is no text; write `yes` or `no` for it")
    if not isinstance(value, str | int | float):
        raise RecordError(f"must be text or a number, not {type(value).__name__}")
    text = _in_digits(value) if isinstance(value, float) else str(value).strip()
    if not text:
        raise RecordError("is empty")
    return text


@lru_cache(16)
def template_parts(template: str) -> tuple[tuple[str, str | None], ...]:
    r"""The texts of a template, each with the field that follows; the name of one is one, too.

    `\n` in a text is a line end. UsageError if it is no template.

    >>> template_parts("{Body} {Question}")
    (('', 'Body'), (' ', 'Question'))
    """
    if "{" not in template:
        return (("", template),)
    try:
        parts = tuple(Formatter().parse(template))
    except ValueError as error:
        raise UsageError(f"--question {template}: {error}; a brace is written twice") from None
    if any(name == "" or form or conversion for _, name, form, conversion in parts):
        raise UsageError(f"--question {template}: within braces stands the name of a field")
    return tuple((text.replace("\\n", "\n"), name) for text, name, _, _ in parts)


def _in_digits(value: float) -> str:
    """A float without a power of ten, unless it would be very long."""
    text = repr(value)
    return format(Decimal(text), "f") if "e" in text and 1e-30 < abs(value) < 1e30 else text


@lru_cache(4096)
def _folded(name: str) -> str:
    """What is the same of `Final Answer`, `final_answer` and `finalAnswer`."""
    return "".join(filter(str.isalnum, name.casefold())) or name


@lru_cache(64)
def _all_folded(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(_folded, names))


def is_missing(value: Any) -> bool:
    """Whether a value is null, or what tables of numbers have in its place."""
    return value is None or value != value


def is_blank(value: Any) -> bool:
    """Whether a value is missing, or an empty text, list or object."""
    if isinstance(value, str):
        return not value.strip()
    return is_missing(value) or value in ([], {})


def _within(value: Any, path: list[str]) -> Any:
    for key in path:
        if isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            value = value.get(key) if isinstance(value, Mapping) else None
    return value
