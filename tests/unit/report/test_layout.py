"""Text in a terminal's cells."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sormctl.report.layout import cells, hanging, side_by_side, wrapped

TEXTS = st.text(st.characters(categories=["L", "N", "P", "Zs", "Mn"]))


@given(TEXTS, st.integers(2, 30))
def test_wrapped_lines_fit_and_lose_nothing(text: str, room: int) -> None:
    lines = [*wrapped(text, room)]
    assert all(cells(each) <= room for each in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@given(TEXTS)
def test_without_a_width_a_line_stays_one(text: str) -> None:
    assert [*wrapped(text, None)] == [text]


def test_all_lines_but_the_first_hang() -> None:
    lines = [*hanging((("  1  ", "red"),), "one two three\nfour \x1b[2J", None, 21)]
    assert ["".join(text for text, _ in each) for each in lines] == [
        "  1  one two three",
        "     four \ufffd[2J",
    ]


def test_blocks_of_one_number_begin_on_one_line() -> None:
    one, two = (("a", None),), (("数", None),)
    rows = [
        "".join(text for text, _ in each)
        for each in side_by_side([[[one, one], [one]], [[two], [two]]], 3, 1)
    ]
    assert rows == ["a   数", "a   ", "a   数"]
