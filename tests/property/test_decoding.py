"""Law: the compiled decoders of solutions say what `parse_solution` says, right or wrong."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sormctl.errors import RecordError
from sormctl.records import Json, Problem, Solution, parse_solution, solution_json
from sormctl.streams.decoding import decoder, view_decoder
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


def outcome(data: bytes | Json, parse: Any) -> Solution | str:
    try:
        return parse(data)
    except RecordError as error:
        return str(error)


def shown(found: Any) -> Any:
    """All that is to be read in a solution or its view, but for unknown fields."""
    if isinstance(found, str):
        return found
    own = {field.name: plain(getattr(found, field.name)) for field in fields(Solution)[1:]}
    of_problem = [getattr(found.problem, field.name) for field in fields(Problem)[:-1]]
    return {**own, "problem": of_problem}


def plain(value: Any) -> Any:
    """Usage, rollouts and verifiers by what they hold, as dataclass or struct."""
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    names = getattr(value, "__struct_fields__", None) or getattr(value, "__slots__", None)
    return {name: getattr(value, name) for name in names} if names else value


@given(st.sampled_from([*paths(SOLUTION), ("another",)]), st.sampled_from([..., *ODD]))
@example(("another",), {"passes": "through"})
@example(("labels", 0), 1.0)
def test_the_compiled_decoder_agrees_with_the_checks(path: Path, value: Any) -> None:
    line = orjson.dumps(changed({**SOLUTION, "another": 1}, path, value))
    slow = outcome(orjson.loads(line), parse_solution)
    assert outcome(line, decoder(parse_solution)) == slow


@pytest.mark.parametrize("path", [*paths(SOLUTION), ("another",)], ids=str)
@pytest.mark.parametrize("value", [..., *ODD], ids=repr)
def test_a_view_shows_and_refuses_what_a_solution_does(path: Path, value: Any) -> None:
    line = orjson.dumps(changed({**SOLUTION, "another": 1}, path, value))
    assert shown(outcome(line, view_decoder())) == shown(outcome(line, decoder(parse_solution)))


BLIND = ("rollouts", "verifiers")


@pytest.mark.parametrize("path", paths(SOLUTION), ids=str)
@pytest.mark.parametrize("value", [..., *ODD], ids=repr)
def test_a_blind_view_is_that_of_a_line_without_the_fields(path: Path, value: Any) -> None:
    data = changed(SOLUTION, path, value)
    rest = {name: data[name] for name in data if name not in BLIND}
    found = outcome(orjson.dumps(data), view_decoder(*BLIND))
    assert shown(found) == shown(outcome(orjson.dumps(rest), view_decoder()))


@st.composite
def spelled(draw: Any) -> bytes:
    """The line of a solution as some other tool may write it."""
    items = list(solution_json(draw(solutions())).items())
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
def test_a_view_does_not_mind_how_a_line_is_spelled(line: bytes) -> None:
    assert shown(view_decoder()(line)) == shown(parse_solution(orjson.loads(line)))


@pytest.mark.parametrize(
    "bad", [b"\xff", b"\xed\xa0\x80", b"\n", b"\\q", b"\\ud800"], ids=lambda bad: ascii(bad)
)
@pytest.mark.parametrize("name", [b"question", b"mine"])
def test_a_view_refuses_text_that_is_none(name: bytes, bad: bytes) -> None:
    line = orjson.dumps({**SOLUTION, "mine": "?"}).replace(
        b'"%b":"' % name, b'"%b":"%b' % (name, bad)
    )
    message = outcome(line, view_decoder())
    assert isinstance(message, str) and message == outcome(line, decoder(parse_solution))


def test_what_is_nested_too_deep_is_refused() -> None:
    line = orjson.dumps(SOLUTION)[:-1] + b',"mine":' + b"[" * 2000 + b"]" * 2000 + b"}"
    assert str(outcome(line, view_decoder())).startswith("not JSON (depth limit exceeded")
