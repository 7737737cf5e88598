"""How a question and steps become one text, with marks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sormctl.adapters.adapter import TextLayout
from sormctl.adapters.layout import Marks, lay_out, unused_marks
from sormctl.prompts import Message

MARKS = Marks("^", "|")


def test_a_text_is_the_question_and_the_steps() -> None:
    layout = TextLayout("text", "Step {i}: {step} ки{read}\n", "{question} ")
    assert lay_out(layout, "Why?", ["a", "b"], MARKS) == "Why? Step 1: a ки^\nStep 2: b ки^\n"


def test_parts_are_tokenized_alone_where_it_is_cut() -> None:
    layout = TextLayout("text", "{step}{cut}\n{read}{cut}", "{question}{cut}")
    assert lay_out(layout, "Why?", ["a", "b"], MARKS) == "Why?|a|\n^|b|\n^|"


def test_a_chat_has_all_steps_in_one_message() -> None:
    layout = TextLayout("chat", "{step}<x>{read}", system=r"In \boxed{}.")
    assert lay_out(layout, "Why?", ["a", "b"], MARKS) == (
        Message("system", r"In \boxed{}."),
        Message("user", "Why?"),
        Message("assistant", "a<x>^b<x>^"),
    )


def test_turns_are_answered_one_by_one() -> None:
    layout = TextLayout("turns", "{step}", "{question} ", "{read}+")
    assert lay_out(layout, "Why?", ["a", "b"], MARKS) == (
        Message("user", "Why? a"),
        Message("assistant", "^+"),
        Message("user", "b"),
        Message("assistant", "^+"),
    )
    assert lay_out(layout, "Why?", [], MARKS) == ()


@pytest.mark.parametrize("step", ["Step 2: b", "Step 2:b", "b"])
def test_a_step_has_its_number_once(step: str) -> None:
    layout = TextLayout("text", "Step {i}: {step}.", "")
    assert lay_out(layout, "", ["Step 3: a", step], MARKS) == "Step 1: Step 3: a.Step 2: b."


TEXTS = st.text(st.characters(min_codepoint=0xE000, max_codepoint=0xE010) | st.sampled_from("a{}"))


@given(TEXTS, st.lists(TEXTS))
def test_marks_are_nobody_elses_and_braces_stay(question: str, steps: list[str]) -> None:
    marks = unused_marks(question, steps)
    layout = TextLayout("text", "{step}{read}{cut}", "{question}{cut}")
    text = lay_out(layout, question, steps, marks)
    assert isinstance(text, str)
    assert marks.read != marks.cut
    assert text.split(marks.cut) == [question, *(f"{step}{marks.read}" for step in steps), ""]
    assert text.count(marks.read) == len(steps)


def test_what_is_no_place_stays_as_it_is() -> None:
    layout = TextLayout("text", "{step}", "{question}{other}{i}")
    assert lay_out(layout, "{step}", [], MARKS) == "{step}{other}{i}"
