"""Rows are read as they were written, whatever they hold."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from sormctl.rows.csv_text import csv_rows
from sormctl.rows.json_text import digits, json_rows

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
