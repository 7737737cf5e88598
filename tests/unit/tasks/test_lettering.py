"""Options in every spelling, and which of them an answer names."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sormctl.errors import RecordError
from sormctl.tasks.answers.choices import LETTERS, options_in, read_choice
from sormctl.tasks.lettering import letter_for, options_of, with_options
from tests.present import present

FRUIT = ("fig", "date", "plum")


@pytest.mark.parametrize(
    "value",
    [
        ["fig", "date", "plum"],
        ["A)fig", "B)date", "C)plum"],
        ["(a) fig", "(b) date", "(c) plum"],
        ["A. fig", "B. date", "C. plum"],
        {"A": "fig", "B": "date", "C": "plum", "D": None},
        {"C": "plum", "B": "date", "A": "fig"},
        {"text": ["fig", "date", "plum"], "label": ["1", "2", "3"]},
        [{"label": "A", "text": "fig"}, {"label": "B", "text": "date"}, {"text": "plum"}],
        "a ) fig , b ) date , c ) plum",
        "(A) fig (B) date (C) plum",
        "A. fig\nB. date\nC. plum",
        "fig\ndate\nplum",
        '["fig", "date", "plum"]',
        "['fig', 'date', 'plum']",
        "{'text': ['fig', 'date', 'plum'], 'label': ['A', 'B', 'C']}",
    ],
)
def test_options_in_every_spelling(value: Any) -> None:
    found = options_of(value)
    assert found is not None and found.texts == FRUIT


@pytest.mark.parametrize(
    "value",
    [
        None,
        3,
        True,
        "",
        "fig",
        "[fig",
        "['fig' 'date']",
        ["fig"],
        [],
        {},
        [["a"], ["b"]],
        ["a", None],
    ],
)
def test_what_holds_no_options(value: Any) -> None:
    assert options_of(value) is None


@pytest.mark.parametrize(
    "value",
    [
        ["fig", "date", None, ""],
        {"A": "fig", "B": "date", "C": None, "D": " "},
        {"text": ["fig", "date", None], "label": ["A", "B", "C"]},
        [{"text": "fig", "label": "A"}, {"text": "date", "label": "B"}, {"text": ""}],
    ],
)
def test_blank_options_at_the_end_fill_up(value: Any) -> None:
    found = options_of(value)
    assert found is not None and found.texts == FRUIT[:2]
    assert found.labels[:2] == ("A", "B")


@pytest.mark.parametrize(
    "value",
    [
        ["fig", None, "plum"],
        ["fig", float("nan"), "plum", None],
        {"A": "fig", "B": " ", "C": "plum"},
        {"text": ["fig", None, "plum"], "label": ["A", "B", "C"]},
        "['fig', None, 'plum']",
    ],
)
def test_a_blank_option_among_others_is_told(value: Any) -> None:
    with pytest.raises(RecordError, match="has no text for option 2 of 3; write one, or drop it"):
        options_of(value)


NUMBERED = {"text": ["2", "1", "0"], "label": ["1", "2", "3"]}


@pytest.mark.parametrize(
    ("options", "answer", "letter"),
    [
        (["fig", "date"], "B", "B"),
        (["fig", "date"], "b", "B"),
        (["fig", "date"], "(B)", "B"),
        (["fig", "date"], "B.", "B"),
        (["fig", "date"], " Date. ", "B"),
        (["fig", "date"], 1, "B"),
        (["fig", "date"], 1.0, "B"),
        (["fig", "date"], "1", "B"),
        (["fig", "date"], ["A", 1], "A, B"),
        (["fig", "date"], [0], "A"),
        (["fig", "date"], "pear", None),
        (["fig", "date"], {"a": 1}, None),
        (["the", "a"], "a", "B"),
        (["1", "2", "3"], 1, "B"),  # a number counts the options
        (["1", "2", "3"], "2", "B"),  # a text is one of theirs
        (["$1", "$2", "$3"], 1, "B"),
        (["$1", "$2", "$3"], "1", "A"),
        (["10", "20"], 20, "B"),
        ([10, 20], 20, "B"),
        ([10, 20], 1, "B"),
        (["fig", "fig"], "fig", None),
        ([".5", "5"], "5", "B"),
        ([".5", "5"], ".5", "A"),
        (NUMBERED, "2", "B"),
        (NUMBERED, 2, "B"),
        ({"text": ["x", "y"], "label": ["F", "G"]}, "G", "B"),
        ("['3', '4']", "4", "B"),
        ("['3', '4']", "1", "B"),
    ],
)
def test_the_option_that_an_answer_names(options: Any, answer: Any, letter: str | None) -> None:
    found = options_of(options)
    assert found is not None and letter_for(answer, found) == letter


@pytest.mark.parametrize(
    ("options", "answer", "message"),
    [
        ([1, 2, 3], 2, "is 2, which may be option B or C; write the letter instead"),
        ("['1', '2', '3']", "1", "is 1, which may be option A or B"),
        (["1 kg", "2 kg", "3 kg"], "1", "is 1, which may be option A or B"),
        (["fig", "date"], 2, "is 2, but the 2 options count from 0 to 1"),
        (["fig", "date"], -1, "is -1, but"),
        (["fig", "date"], 0.5, r"is 0\.5, but"),
    ],
)
def test_an_answer_in_doubt_is_refused(options: Any, answer: Any, message: str) -> None:
    found = present(options_of(options))
    with pytest.raises(RecordError, match=message):
        letter_for(answer, found)


WORDS = st.text("klmnopqrst", min_size=1, max_size=8)


@given(st.lists(WORDS, min_size=2, max_size=10, unique=True), st.data())
def test_what_is_shown_is_read_again(texts: list[str], data: st.DataObject) -> None:
    """A grader finds the options where the model saw them, and an answer by letter or text."""
    options = options_of(texts)
    assert options is not None
    question = with_options("Which?", options)
    assert list(options_in(question).values()) == texts
    assert with_options(question, options) == question
    index = data.draw(st.integers(0, len(texts) - 1))
    names = (index, str(index), texts[index], LETTERS[index], f"({LETTERS[index].lower()})")
    assert {letter_for(name, options) for name in names} == {LETTERS[index]}
    assert read_choice([f"#### {texts[index]}"], question) == LETTERS[index]
