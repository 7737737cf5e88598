"""Texts as real models write them, by the kind of what is hard to read in them."""

from __future__ import annotations

from typing import Any

import pytest

from sormctl.errors import RecordError
from sormctl.records import to_json
from sormctl.tasks.answers import get_kind, reference_answer
from sormctl.tasks.registry import get_task
from sormctl.tasks.solutions.grading import grader
from tests.unit.tasks.answers import math_as_written, numbers_as_written, words_as_written


def grade(kind: str, answer: Any, text: str, **fields: Any) -> dict[str, Any]:
    """The record that `grade` makes of a completion."""
    record = {"problem_id": "p", "question": "How many?", "answer": answer, "text": text}
    return dict(to_json(grader(kind)({**record, **fields})))


@pytest.mark.parametrize(("kind", "answer", "text"), words_as_written.HEADINGS)
def test_headings(kind: str, answer: str, text: str) -> None:
    """Four hashes also head the sections of a markdown text."""
    assert grade(kind, answer, text)["correct"]


@pytest.mark.parametrize(("kind", "answer", "text"), numbers_as_written.NOTHING_ANNOUNCED)
def test_nothing_announced(kind: str, answer: str, text: str) -> None:
    """Where nothing is announced the last number counts, on whatever line."""
    assert grade(kind, answer, text)["correct"]


@pytest.mark.parametrize(("kind", "answer", "text"), math_as_written.DECIMAL_POINT)
def test_decimal_point(kind: str, answer: str, text: str) -> None:
    """A point in front is a decimal point."""
    assert grade(kind, answer, text)["correct"]


@pytest.mark.parametrize(("kind", "answer", "text"), math_as_written.UNITS)
def test_units(kind: str, answer: str, text: str) -> None:
    """Units are no part of a mathematical answer."""
    assert grade(kind, answer, text)["correct"]


@pytest.mark.parametrize(("kind", "answer", "text"), math_as_written.AROUND)
def test_around(kind: str, answer: str, text: str) -> None:
    """What stands around an announced expression is no part of it."""
    assert grade(kind, answer, text)["correct"]


@pytest.mark.parametrize(("kind", "answer", "text"), math_as_written.BOXES)
def test_boxes(kind: str, answer: str, text: str) -> None:
    """A box in every spelling."""
    assert grade(kind, answer, text)["correct"]


@pytest.mark.parametrize(("kind", "answer", "text"), math_as_written.SPELLINGS)
def test_spellings(kind: str, answer: str, text: str) -> None:
    """Equal expressions, spelled in another way or equal by algebra."""
    assert grade(kind, answer, text)["correct"]


@pytest.mark.parametrize(("kind", "answer", "text"), numbers_as_written.SEVERAL)
def test_several(kind: str, answer: str, text: str) -> None:
    """Of an answer of several numbers the whole counts."""
    assert grade(kind, answer, text)["correct"]


@pytest.mark.parametrize(("kind", "answer", "text"), numbers_as_written.WORDS_AND_POWERS)
def test_words_and_powers(kind: str, answer: str, text: str) -> None:
    """Words, powers of ten and units around a number."""
    assert grade(kind, answer, text)["correct"]


@pytest.mark.parametrize(("kind", "answer", "text"), words_as_written.ANNOUNCED)
def test_announced(kind: str, answer: str, text: str) -> None:
    """The usual ways of announcing an answer."""
    assert grade(kind, answer, text)["correct"]


@pytest.mark.parametrize(("kind", "answer", "text"), numbers_as_written.NUMERIC_LATEX)
def test_numeric_latex(kind: str, answer: str, text: str) -> None:
    """Numbers written in LaTeX, where no algebra is asked for."""
    assert grade(kind, answer, text)["correct"]


@pytest.mark.parametrize(("kind", "answer", "text"), numbers_as_written.DIGITS)
def test_digits(kind: str, answer: str, text: str) -> None:
    """Digits, signs and separators of all scripts."""
    assert grade(kind, answer, text)["correct"]


@pytest.mark.parametrize(("kind", "answer", "text"), words_as_written.CHOICES)
def test_choices(kind: str, answer: str, text: str) -> None:
    """Letters of choices."""
    assert grade(kind, answer, text)["correct"]


@pytest.mark.parametrize(("kind", "answer", "text"), words_as_written.SAME_TEXT)
def test_same_text(kind: str, answer: str, text: str) -> None:
    """The same text in other code points."""
    assert grade(kind, answer, text)["correct"]


WRONG = [
    *numbers_as_written.SEVERAL_WRONG,
    *numbers_as_written.DIGITS_WRONG,
    *math_as_written.DECIMAL_POINT_WRONG,
    *math_as_written.SPELLINGS_WRONG,
    *math_as_written.MORE_THAN_A_NUMBER,
    *words_as_written.CHOICES_WRONG,
]


@pytest.mark.parametrize(("kind", "answer", "text"), WRONG)
def test_another_answer_stays_wrong(kind: str, answer: str, text: str) -> None:
    assert grade(kind, answer, text)["correct"] is False


# ── records ──────────────────────────────────────────────────────────────────────────────────────

WORKED = [
    ("numeric", "9 + 9 = <<9+9=18>>18 eggs.\n#### 18", "18"),
    ("numeric", "She has 3 + 15 eggs. The answer is 18.", "18"),
    ("numeric", "36 - 14 = 22 more float than not\n#### 22", "22"),
    ("numeric", "500 - 185 = 315 pages are left to write\n#### 315", "315"),
    ("math", "As $n=3$, it is $\\boxed{n+1}$.", "n+1"),
    ("math", "We get $x=2$.\nThus $\\fbox{\\frac{1}{2}}$.", "\\frac{1}{2}"),
    ("choice", "Statement (A) is false.\nThe answer is (D).", "D"),
    ("exact", "Ann is older than Bob.\n#### Bob", "Bob"),
]
UNREADABLE = [
    ("numeric", "Each box has 5 pens; there are 6 boxes; so 30 pens."),
    ("numeric", "There are 5 boxes.\nThat makes 30."),
    ("numeric", "unknown"),
    ("choice", "Statement (A) is false, statement (D) is true; the last seems right."),
    ("math", "We find $x=3$ so that the value which they want must be four."),
    ("math", "$f(x)$ is monotonic"),
    ("math", "$\\cos x = -2$ never happens"),
    ("choice", "A>B"),
]


@pytest.mark.parametrize(("kind", "worked", "answer"), WORKED)
def test_a_worked_solution_as_answer_is_read_like_one(kind: str, worked: str, answer: str) -> None:
    record = grade(kind, worked, f"#### {answer}")
    assert (record["answer"], record["correct"]) == (answer, True)
    assert record["reference"]
    assert not grade(kind, worked, "#### 3")["correct"]


@pytest.mark.parametrize(("kind", "answer"), UNREADABLE)
def test_an_answer_that_cannot_be_read_is_refused(kind: str, answer: str) -> None:
    with pytest.raises(RecordError, match=r"^`answer` is (a worked solution|.*cannot be read)"):
        grade(kind, answer, "#### 5")


@pytest.mark.parametrize(
    ("text", "thought", "predicted"),
    [
        ("<think>\nIs it #### 5? No.\n</think>\n#### 7", "\nIs it #### 5? No.\n", "7"),
        ("Perhaps \\boxed{5}.\n</think>\nThe answer is 7.", "Perhaps \\boxed{5}.\n", "7"),
        ("<think>a 5</think>3 + 4 = 7\n<think>b 6</think>", "a 5\nb 6", "7"),
        ("<think>\nThe answer is 5, or", "\nThe answer is 5, or", None),
        ("<think>\n\n</think>\n\n7", None, "7"),
        ("<think>a 5</think><ans>7</ans><think>Is b 6", "a 5\nIs b 6", "7"),
        ("<think>a 5</think>So 7, but<think>is b 6", "a 5\nis b 6", None),
        ("<think>3 + 4\n\\boxed{7}\n", "3 + 4", "7"),
        ("<think>3 + 4 is 7", "3 + 4 is 7", None),
        ("<think>The answer is 7. Or 8", "The answer is 7. Or 8", None),
        ("<think>a 5</ think>\n<ans>7</ans>", "a 5", "7"),
        ("<think>a 5</think\n7", "a 5", "7"),
    ],
)
def test_a_thought_is_kept_and_not_graded(
    text: str, thought: str | None, predicted: str | None
) -> None:
    record = grade("numeric", "7", text)
    assert (record.get("thought"), record["predicted"]) == (thought, predicted)
    assert not any("think" in step for step in record["steps"])


@pytest.mark.parametrize(
    ("text", "predicted"),
    [("3 + 4 = 7", None), ("#### 1. Add 3\n3 + 4", None), ("So \\boxed{7}. Check: 3", "7")],
)
def test_of_a_text_that_was_cut_off_only_an_announced_answer_counts(
    text: str, predicted: str | None
) -> None:
    assert grade("numeric", "7", text, source={"finish": "length"})["predicted"] == predicted


def test_blank_steps_of_another_tool_say_nothing() -> None:
    for steps in (["9+9=18", ""], ["9+9=18", " ", "```"], ["#### 18", ""]):
        assert grade("numeric", "18", "", steps=steps)["correct"]


@pytest.mark.parametrize("number", [7, 7.0, -7, 0.5])
def test_an_answer_or_an_id_may_be_a_number(number: float) -> None:
    record = grade("numeric", number, f"#### {number}", problem_id=3)
    assert (record["problem_id"], record["correct"]) == ("3", True)


def test_a_number_that_json_readers_round_is_refused() -> None:
    with pytest.raises(RecordError, match="`answer` is too large a number"):
        grade("numeric", 1e30, "#### 5")


@pytest.mark.parametrize("character", ["\f", "\v", "\u2028", "\x85", "\x1c"])
def test_only_a_line_end_ends_a_step(character: str) -> None:
    steps = [f"So a{character}b is", "7"]
    assert grade("numeric", "7", "\r\n".join(steps))["steps"] == tuple(steps)


@pytest.mark.parametrize(
    ("text", "letter"), [("#### 12 apples", "B"), ("So it is\n9", "A"), ("\\boxed{12 apples}", "B")]
)
def test_the_text_of_an_option_stands_for_its_letter(text: str, letter: str) -> None:
    question = "How many? (A) 9 (B) 12 apples (C) 15"
    assert grade("choice", letter, text, question=question)["correct"]


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("The population of interest is B. All residents.", "B"),
        ("It is A. All students. The others are too many.", "A"),
        ("The answer is (A) All residents.", "A"),
        ("The group is:\n\nC. Those during meiosis I.\n\nIn meiosis I they part.", "C"),
        ("The answer is None of these.", "D"),
        ("During meiosis I. nothing is said of it.", None),
        ("The bacterium is E. coli.", None),
    ],
)
def test_an_option_may_be_named_with_its_text(text: str, letter: str | None) -> None:
    question = "Which?\n(A) All students\n(B) All residents\n"
    question += "(C) Those during meiosis I.\n(D) None of these"
    assert get_task("choice").predict(text.split("\n"), question) == letter


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The answer is 5. Check: 5 + 7 = 12.", "5"),
        ("Answer: 5 (5 + 7 = 12)", "5"),
        ("**Answer: 5** (5 + 7 = 12)", "5"),
        ("#### 5 (since 5 x 2 = 10)", "5"),
        ("The final answer is $5$ because $5 \\times 2 = 10$.", "5"),
        ("The answer is 18 dollars, because there are 16 - 3 - 4 = 9 eggs.", "18"),
        ("The answer is x = 5, so that 2x = 10", "5"),
        ("#### 12 + 6 = 18 dollars", "18"),
        ("#### Ann reads 6 hours, Bob 2 hours. She reads 6 hours - 2 hours = 4 hours more.", "4"),
        ("Answer: 3 (packs) + 4 = 7", "7"),
    ],
)
def test_what_proves_an_answer_is_none(text: str, answer: str) -> None:
    assert get_task("numeric").predict([text]) == answer


@pytest.mark.parametrize(
    ("kind", "text", "answer"),
    [
        ("numeric", "\\boxed{18}. The answer is correct, by 2 checks.", "18"),
        ("numeric", "\\boxed{18}\n\nThe answer was found in 3 steps.", "18"),
        ("numeric", "The answer is 5. A common wrong answer is 6.", "5"),
        ("choice", "The answer is B. The incorrect answer is A.", "B"),
        ("choice", "The correct answer is B. The wrong answers are A, C and D.", "B"),
    ],
)
def test_what_is_said_of_an_answer_announces_none(kind: str, text: str, answer: str) -> None:
    assert get_task(kind).predict(text.split("\n")) == answer


def test_a_calculation_without_its_result_states_no_number() -> None:
    predict = get_task("numeric").predict
    assert predict(["So \\boxed{15000 + 5000} = 20000."]) == "20000"
    for text in (
        "The answer is 5 + 3.",
        "The answer is 5 + 3 apples.",
        "#### 5 * 3",
        "\\boxed{5*3}",
        "#### 5 * (4 + 2)",
        "#### (5 + 3)",
        "#### 12 / 4 * 2",
        "#### 20 - 5 + 2",
        "#### 5+3=",
    ):
        assert predict(["She has 7 pears.", text]) is None
    assert predict(["The answer is 12 + 6.", "So she has 18 apples."]) == "18"
    for text in ("#### 1 / 2 cup", "#### 10 - 15", "#### 3 x 4"):
        assert predict([text]) is not None
    # a model that repeats itself until it is cut off; no pattern may take more than linear time
    assert predict(["#### " + "5 + " * 400]) == "5"


@pytest.mark.parametrize(
    "text", ["2\\pi", "0.\\overline{3}", "\\sqrt{16}", "\\pm 3", "2\u03c0", "\u221a16"]
)
def test_an_expression_is_no_numeric_answer(text: str) -> None:
    with pytest.raises(RecordError, match="cannot be read as numeric"):
        reference_answer(get_kind("numeric"), text)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Emily needs 45 minutes to peel 90 shrimp.", "45"),
        ("Answer: It takes Emily 45 minutes to peel 90 shrimp.", "45"),
        ("Answer:\n90 shrimp make 5,760 bites.", "5760"),
        ("She can peel 45 8 gram shrimp.", "45"),
        ("She peels 45 of the 90 in eight minutes.", "45"),
        ("So she peels 45 shrimp in eight minutes of 90.", "45"),
        ("45 plus 45 makes 90.", "90"),  # a calculation: its result
        ("Adding 45 to 45 gives 90", "90"),
        ("45 + 45 -> 90", "90"),
        ("| 45 | 90 |", "90"),
        ("The answer is 90 because half of it is 45.", "90"),
        ("The answer is 90 rather than 45", "90"),
        ("#### 90 - she first had 45", "90"),
        ("Final answer: 90 shrimp. 45 times 2.", "90"),
        ("She weighs 9 of the 90 shrimp.", "9"),
        ("She peels 45 of 70 shrimp.", "70"),  # two that are new: the last one
        ("She peels 90 in 8 minutes.", "8"),  # none is new: the last one
        ("The answer is 90, not 45.", "90"),
        ("The answer is 90 (45 + 45).", "90"),
        ("90 - 45 = 8", "8"),
    ],
)
def test_what_the_question_gives_is_no_answer_beside_what_it_does_not(
    text: str, answer: str
) -> None:
    question = "Emily peels 90 shrimp in eight minutes. Their weight …?"
    assert get_task("numeric").predict(text.split("\n"), question) == answer
