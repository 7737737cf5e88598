"""Law: a line makes the record that its object makes, or the same error."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sormctl.errors import RecordError
from sormctl.records import Json, Solution, decoder, encode, parse_record, to_json
from tests.property.test_records import solutions
from tests.unit.test_records import SOLUTION

ODD: list[Any] = [
    None,
    True,
    0,
    2,
    -1,
    2**53,
    2**63,
    1.0,
    0.5,
    "1",
    "",
    [],
    {},
    [None],
    ["1"],
    [[1]],
    {"x": [1]},
]
Path = tuple[str | int, ...]


def paths(value: Any, start: Path = ()) -> list[Path]:
    """Where in a JSON value there is something, the value itself left out."""
    if not isinstance(value, dict | list):
        return []
    keys = list(value) if isinstance(value, dict) else range(len(value))
    return [path for key in keys for path in [(*start, key), *paths(value[key], (*start, key))]]


def changed(data: Any, path: Path, value: Any) -> Any:
    """A copy in which another value stands at the path, or nothing for `...`."""
    copy: Any = dict(data) if isinstance(data, dict) else list(data)
    first, *rest = path
    if rest:
        copy[first] = changed(copy[first], tuple(rest), value)
    elif value is ...:
        del copy[first]
    else:
        copy[first] = value
    return copy


def outcome(data: bytes | Json, read: Callable[[Any], Solution]) -> Solution | str:
    try:
        return read(data)
    except RecordError as error:
        return str(error)


@pytest.mark.parametrize("path", [*paths(SOLUTION), ("another",)], ids=str)
def test_a_line_says_what_its_object_does(path: Path) -> None:
    for value in [..., *ODD, {"passes": "through"}]:
        line = orjson.dumps(changed({**SOLUTION, "another": 1}, path, value))
        assert outcome(line, decoder(Solution)) == outcome(orjson.loads(line), parsed)


def parsed(data: Json) -> Solution:
    return parse_record(data, Solution)


@st.composite
def spelled(draw: Any) -> bytes:
    """The line of a solution as some other tool may write it."""
    items = list(to_json(draw(solutions())).items())
    twice = draw(st.lists(st.sampled_from(items), max_size=2))  # the last of a name counts
    items = draw(st.permutations([*items, *twice, ("mine", {"labels": [1], "steps": [2]})]))
    colon, comma = draw(st.sampled_from([(b":", b","), (b" : ", b" ,\t")]))
    encode = escaped if draw(st.booleans()) else orjson.dumps
    return b"{%b}" % comma.join(encode(key) + colon + encode(value) for key, value in items)


def escaped(value: Any) -> bytes:
    """JSON in which every letter of every string is written as an escape."""

    def spell(match: re.Match[str]) -> str:
        units = json.loads(match[0]).encode("utf-16-be").hex()
        return '"{}"'.format("".join(rf"\u{units[i : i + 4]}" for i in range(0, len(units), 4)))

    return re.sub(r'"(?:[^"\\]|\\.)*"', spell, json.dumps(value)).encode()


@given(spelled())
def test_a_line_may_be_spelled_in_any_way(line: bytes) -> None:
    assert decoder(Solution)(line) == parsed(orjson.loads(line))


@pytest.mark.parametrize(
    "bad", [b"\xff", b"\xed\xa0\x80", b"\n", b"\\q", b"\\ud800"], ids=lambda bad: ascii(bad)
)
@pytest.mark.parametrize("name", [b"question", b"mine"])
def test_text_that_is_none_is_refused(name: bytes, bad: bytes) -> None:
    line = orjson.dumps({**SOLUTION, "mine": "?"}).replace(
        b'"%b":"' % name, b'"%b":"%b' % (name, bad)
    )
    assert str(outcome(line, decoder(Solution))).startswith("not ")


def test_whole_numbers_of_any_size_pass() -> None:
    big = b"123456789012345678901234567890"
    line = orjson.dumps({**SOLUTION, "mine": 0}).replace(b'"mine":0', b'"mine":' + big)
    assert big in encode(decoder(Solution)(line))


def nested(depth: int) -> bytes:
    return orjson.dumps(SOLUTION)[:-1] + b',"deep":' + b"[" * depth + b"]" * depth + b"}"


def test_nine_hundred_levels_pass() -> None:
    assert b"[" * 900 in encode(decoder(Solution)(nested(900)))


@pytest.mark.parametrize("depth", [990, 1010, 9_990, 10_010])
def test_at_the_limits_of_python_a_record_passes_or_is_refused(depth: int) -> None:
    with suppress(RecordError):
        assert b"[" * depth in encode(decoder(Solution)(nested(depth)))


def test_what_is_nested_without_end_is_refused() -> None:
    with pytest.raises(RecordError, match="nested too deep"):
        decoder(Solution)(nested(100_000))
