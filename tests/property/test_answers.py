"""Laws of reading and comparing answers, for any text."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sormctl.tasks.answers import CHOICE, KINDS, NUMERIC, AnswerKind, equal_numbers
from sormctl.tasks.answers.latex import boxed
from sormctl.tasks.answers.numbers import MAX_CHARACTERS, numbers_in, same_number
from sormctl.tasks.steps import step_result

# text that is likely to look like an answer, or like a broken one
PIECES = st.sampled_from(
    ["####", "\\boxed{", "}", "{", "\\frac", "answer is", "=", "/", "-", "\u2212", "$", ",", ".",
     "%", "e", "1", "0", "999", " ", "(", ")", "A", "b", "I", "**", "<<", ">>", "\\text{", "\n"]
)  # fmt: skip
TEXT = st.one_of(st.text(), st.lists(PIECES).map("".join))
ANY_KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


@ANY_KIND
@settings(deadline=None)  # algebra starts a process
@given(steps=st.lists(TEXT, max_size=4))
def test_reading_never_raises_and_what_is_read_equals_itself(
    kind: AnswerKind, steps: list[str]
) -> None:
    answer = kind.read(steps)
    assert answer is None or (answer and kind.equal(answer, answer))


@ANY_KIND
@settings(deadline=None)  # algebra starts a process
@given(first=TEXT, second=TEXT)
def test_equality_is_symmetric_and_never_raises(kind: AnswerKind, first: str, second: str) -> None:
    assert kind.equal(first, second) == kind.equal(second, first)
    assert kind.equal(first, first)


@pytest.mark.parametrize("kind", [NUMERIC, CHOICE], ids=["numeric", "choice"])
@given(steps=st.lists(TEXT, min_size=1, max_size=4))
def test_what_is_read_is_read_again_as_it_is(kind: AnswerKind, steps: list[str]) -> None:
    answer = kind.read(steps)
    again = None if answer is None else kind.read([f"#### {answer}"])
    assert answer is None or (again is not None and kind.equal(answer, again))


@given(
    value=st.decimals(-(10**12), 10**12, allow_nan=False, places=3),
    spelling=st.sampled_from(
        [
            "{}",
            "${}",
            "{} dollars",
            "#### {}",
            "\\boxed{{{}}}",
            "The answer is {}.",
            "x = {}",
            "{}%",
        ]
    ),
    separator=st.sampled_from(["", ","]),
)
def test_formatting_does_not_change_a_number(value: Decimal, spelling: str, separator: str) -> None:
    written = spelling.format(f"{value:{separator}f}")
    read = NUMERIC.read([written])
    assert read is not None
    assert Fraction(read) == Fraction(value)
    assert NUMERIC.equal(read, str(value))


@given(st.fractions(max_denominator=1000))
def test_fractions_in_plain_text_and_latex_are_the_same_number(value: Fraction) -> None:
    sign = "-" if value < 0 else ""
    latex = f"{sign}\\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"
    assert NUMERIC.read([latex]) == NUMERIC.read([str(value)]) == str(value)


@given(st.text(alphabet="ab{} ").filter(lambda text: "\\" not in text))
def test_a_box_holds_what_was_put_in_it(text: str) -> None:
    depths = [text[:i].count("{") - text[:i].count("}") for i in range(len(text) + 1)]
    if depths[-1] == 0 and min(depths) >= 0:
        assert boxed(f"\\boxed{{{text}}} and more") == text


@given(TEXT)
def test_a_step_result_is_part_of_the_step(step: str) -> None:
    result = step_result(step)
    assert result is None or result.lstrip("-") in step


@ANY_KIND
@settings(deadline=None)  # algebra starts a process
@given(text=TEXT)
def test_an_answer_equals_itself(kind: AnswerKind, text: str) -> None:
    assert kind.equal(text, text)


DIGITS = st.text("0123456789", min_size=1, max_size=5) | st.text("019", min_size=30, max_size=70)


@given(DIGITS, DIGITS)
@example("007", "7")
@example("0" * MAX_CHARACTERS + "1", "1")
def test_whole_numbers_are_compared_like_all_others(first: str, second: str) -> None:
    (one,), (two,) = numbers_in(first), numbers_in(second)
    assert equal_numbers(first, second) == same_number(one, two)
