"""Law: the compiled decoder of solutions says what `parse_solution` says, right or wrong."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import example, given
from hypothesis import strategies as st

from sormctl.errors import RecordError
from sormctl.records import Json, Solution, parse_solution
from sormctl.streams.decoding import decoder
from tests.unit.test_records import SOLUTION

ODD: list[Any] = [None, True, 0, 2, 1.0, 0.5, "1", "", [], {}, [None], ["1"], [[1]], {"x": [1]}]
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


@given(st.sampled_from([*paths(SOLUTION), ("another",)]), st.sampled_from([..., *ODD]))
@example(("another",), {"passes": "through"})
@example(("labels", 0), 1.0)
def test_the_compiled_decoder_agrees_with_the_checks(path: Path, value: Any) -> None:
    line = orjson.dumps(changed({**SOLUTION, "another": 1}, path, value))
    slow = outcome(orjson.loads(line), parse_solution)
    assert outcome(line, decoder(parse_solution)) == slow
