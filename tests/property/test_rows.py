"""Rows are read as they were written, whatever they hold."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sormctl.errors import RecordError, SormctlError
from sormctl.lines import load_object
from sormctl.records import encode
from sormctl.rows.csv_text import csv_rows
from sormctl.rows.files import read_rows
from sormctl.rows.json_text import digits, json_rows
from sormctl.tasks.answers import KINDS
from sormctl.tasks.fields import Fields
from sormctl.tasks.files import parse

CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"))
TABLES = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width))
)


@given(TABLES, st.sampled_from(",;\t"))
def test_tables(rows: list[list[str]], separator: str) -> None:
    header = [f"column {n}" for n in range(len(rows[0]) if rows else 2)]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator).writerows([header, *rows])
    found = csv_rows(enumerate(io.BytesIO(text.getvalue().encode()), 1), "a.csv")
    assert [list(row.data.values()) for row in found] == rows


@given(st.lists(st.dictionaries(st.text(), st.integers() | st.text() | st.none())), st.booleans())
def test_json(rows: list[dict[str, object]], indented: bool) -> None:
    content = io.BytesIO(json.dumps(rows, indent=1 if indented else None).encode())
    found = json_rows(enumerate(content, 1), content, "a.json", ".json")
    assert [row.data for row in found] == rows


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_digits(number: Decimal) -> None:
    found = digits(str(number))
    assert Decimal(repr(found) if isinstance(found, float) else found) == number


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS | st.sampled_from(["A", "(B)", "1", "fig", "#### 2", "A. x\nB. y", "['a', 'b']"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["text", "label", "stem", "choices", "A", "B"]), inner)
    ),
    max_leaves=8,
)
NAMES = ("question", "Answer", "options", "body", "numbers", "solution", "id", "correct", "A", "B")
FIELDS = st.builds(
    Fields,
    question=st.sampled_from([None, "question", "{body} {question}", "{question.stem}"]),
    answer_field=st.sampled_from([None, "answer", "correct", "answer.0"]),
    choices=st.sampled_from([None, "options", "A,B"]),
    id_field=st.sampled_from([None, "id"]),
)


@given(st.dictionaries(st.sampled_from(NAMES), VALUES), st.sampled_from(list(KINDS)), FIELDS)
def test_any_row_is_a_problem_or_refused_in_one_line(
    row: dict[str, Any], kind: str, fields: Fields
) -> None:
    try:
        problem = parse(KINDS[kind], row, "mine", 0, fields)
    except RecordError as error:
        assert len(str(error).splitlines()) == 1
        return
    assert load_object(encode(problem))["answer"] == problem.answer
    assert KINDS[kind].equal(str(problem.answer), str(problem.answer))


@given(st.binary(max_size=60), st.sampled_from(["a", "a.json", "a.jsonl", "a.csv", "a.tsv"]))
def test_any_bytes_are_rows_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str
) -> None:
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(content)
    try:
        for row in read_rows(str(path)):
            assert isinstance(row.data, dict)
    except SormctlError as error:
        assert len(str(error).splitlines()) == 1
