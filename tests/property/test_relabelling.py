"""Law: a line with other labels is the record with other labels, however the line is spelled."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sormctl.records import parse_solution
from sormctl.streams.relabelling import relabelled
from tests.property.test_decoding import spelled
from tests.unit.test_records import SOLUTION


@given(spelled(), st.data())
def test_only_the_labels_change(line: bytes, data: Any) -> None:
    before = parse_solution(orjson.loads(line))
    if before.labels is None:
        return
    labels = tuple(data.draw(st.sampled_from([0, 1, None])) for _ in before.labels)
    after = parse_solution(orjson.loads(relabelled(line, before.labels, labels)))
    assert after == replace(before, labels=labels)


@pytest.mark.parametrize(
    "start",
    [
        b'{"mine": 1.50, "labels" : [ 1, 0 ] , "labels2": [1], ',
        b'{"mine": "\\"labels\\": [1,0]", "labels" : [ 1, 0 ], ',
    ],
)
def test_the_rest_of_a_line_stays_as_it_is(start: bytes) -> None:
    rest = {name: value for name, value in SOLUTION.items() if name != "labels"}
    line = start + orjson.dumps(rest)[1:]
    assert relabelled(line, (1, 0), (1, 0)) == line
    assert relabelled(line, (1, 0), (None, 0)) == line.replace(b"[ 1, 0 ]", b"[null,0]")


@pytest.mark.parametrize(
    "other",
    [b'"mine":{"labels":[1,0]},', b'"mine":"labels",', b'"labels":[0,0],', b'"la\\u0062els":[0],'],
    ids=str,
)
def test_a_key_that_is_there_twice_is_not_taken_for_the_labels(other: bytes) -> None:
    line = b"{" + other + orjson.dumps(SOLUTION)[1:]
    before = parse_solution(orjson.loads(line))
    found = relabelled(line, before.labels or (), (None, None))
    assert parse_solution(orjson.loads(found)) == replace(before, labels=(None, None))
