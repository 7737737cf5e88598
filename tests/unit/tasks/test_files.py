"""A user's own rows as problems."""

from __future__ import annotations

from typing import Any

import pytest

from sormctl.errors import RecordError
from sormctl.records import Problem
from sormctl.tasks.base import Task
from sormctl.tasks.fields import Fields
from sormctl.tasks.files import CHOICE_TASK, EXACT_TASK, MATH_TASK, NUMERIC_TASK, worked_example
from tests.present import present

TASKS = [NUMERIC_TASK, MATH_TASK, EXACT_TASK, CHOICE_TASK]


def parse(task: Task, row: dict[str, Any]) -> Problem:
    return present(task.parse)(row, "mine", 4)


@pytest.mark.parametrize("question", ["question", "problem", "prompt", "input"])
@pytest.mark.parametrize("answer", ["answer", "target", "final_answer"])
def test_the_usual_names_of_fields_are_accepted(question: str, answer: str) -> None:
    row = {question: "How many?", answer: 18, "level": 3}
    assert parse(NUMERIC_TASK, row) == Problem(
        task="numeric",
        problem_id="mine-4",
        question="How many?",
        answer="18",
        extra={"level": 3},
    )


def test_a_row_keeps_its_own_id() -> None:
    assert parse(EXACT_TASK, {"id": 7, "question": "Who?", "answer": "Ann."}).problem_id == "7"


@pytest.mark.parametrize(
    ("task", "written", "read"),
    [
        (NUMERIC_TASK, "$1,080.00", "1080"),
        (NUMERIC_TASK, "x = -5 m", "-5"),
        (NUMERIC_TASK, "5-10m", "5-10"),
        (NUMERIC_TASK, "1e-3", "0.001"),
        (NUMERIC_TASK, "((11)/(12))", "11/12"),
        (NUMERIC_TASK, "1(3/4)", "7/4"),
        (NUMERIC_TASK, "7 (girls); 3 (boys)", "7; 3"),
        (NUMERIC_TASK, ["3", "3"], "3"),
        (EXACT_TASK, ["Rome", "Rome"], "Rome"),
        (MATH_TASK, "x^2+1", "x^2+1"),
        (MATH_TASK, "\\frac{3}{4}", "\\frac{3}{4}"),
        (EXACT_TASK, "The Seine.", "The Seine"),
        (CHOICE_TASK, "(b)", "B"),
    ],
)
def test_the_answer_is_read_by_its_kind(task: Any, written: str, read: str) -> None:
    assert parse(task, {"question": "?", "answer": written}).answer == read


def test_a_worked_solution_is_the_reference() -> None:
    steps = ("2 + 2 = 4", "#### 4")
    text = "2 + 2 = <<2+2=4>>4\n#### 4"
    for row in (
        {"answer": "4", "reference": list(steps)},
        {"answer": "4", "solution": text},
        {"solution": text},  # says the answer as well
        {"answer": text},
    ):
        problem = parse(NUMERIC_TASK, {"question": "?", **row})
        assert (problem.answer, problem.reference) == ("4", steps)


def test_math_takes_the_answer_from_the_box_of_the_solution() -> None:
    row = {"problem": "?", "solution": "So $x=2$.\nThus $\\boxed{\\frac{1}{x}}$.", "level": "1"}
    problem = parse(MATH_TASK, row)
    assert problem.answer == "\\frac{1}{x}"
    assert problem.reference == ("So $x=2$.", "Thus $\\boxed{\\frac{1}{x}}$.")
    assert problem.extra == {"level": "1"}


def test_a_field_that_has_another_meaning_here_is_renamed_and_kept() -> None:
    row = {"question": "?", "answer": "1", "source": "a book", "labels": ["easy"]}
    extra = parse(NUMERIC_TASK, row).extra
    assert extra == {"row_source": "a book", "row_labels": ["easy"]}


def test_a_problem_has_one_answer() -> None:
    with pytest.raises(RecordError, match="`answer` holds 2 texts; a problem has one answer"):
        parse(EXACT_TASK, {"question": "?", "answer": ["W. Roentgen", "Roentgen"]})


@pytest.mark.parametrize("answer", ["Vitamin C", "Hepatitis B", "Type A"])
def test_what_is_no_option_is_no_letter(answer: str) -> None:
    options = ["Vitamin A", "Vitamin B12", "Ascorbic acid (vitamin C)"]
    with pytest.raises(RecordError, match="which is none of the options"):
        parse(CHOICE_TASK, {"question": "?", "options": options, "answer": answer})


def test_only_calculations_are_annotations() -> None:
    row = {"question": "?", "answer": "5", "solution": "1 << 2 >> 1 is 2\n2 + 3 = <<2+3=5>>5"}
    assert parse(NUMERIC_TASK, row).reference == ("1 << 2 >> 1 is 2", "2 + 3 = 5")


@pytest.mark.parametrize(
    ("task", "row", "message"),
    [
        (
            NUMERIC_TASK,
            {"answer": "7", "target": "-2116"},
            "`answer` states `7`, but `target` `-21",
        ),
        (NUMERIC_TASK, {"target": "8", "Gold": 9}, "--answer-field target, or Gold"),
        (
            NUMERIC_TASK,
            {"answer": "So 5.\n#### 5", "result": 6},
            "`answer` states `5`, but `result`",
        ),
        (MATH_TASK, {"answer": "x+1", "expected_answer": "x+2"}, "but `expected_answer` `x[+]2`"),
        (EXACT_TASK, {"answer": "A fig.", "ground_truth": "a date"}, "states `A fig`, but"),
        (CHOICE_TASK, {"options": ["fig", "date"], "answer": "B", "label": 0}, "but `label` `A`"),
    ],
)
def test_two_answers_that_differ_are_refused(task: Any, row: dict[str, Any], message: str) -> None:
    with pytest.raises(RecordError, match=message):
        parse(task, {"question": "?", **row})


@pytest.mark.parametrize(
    ("task", "row", "answer"),
    [
        (NUMERIC_TASK, {"answer": "5 + 3 = 8\n#### 8", "final_answer": "8.0"}, "8"),
        (NUMERIC_TASK, {"answer": "8", "target": "unknown"}, "8"),  # which states none
        (NUMERIC_TASK, {"answer": "8", "target": None}, "8"),
        (NUMERIC_TASK, {"answer": "8", "label": 3}, "8"),  # of something else
        (MATH_TASK, {"answer": "x+1", "gold": "1+x"}, "x+1"),
        (EXACT_TASK, {"answer": "A fig.", "target": "a fig"}, "A fig"),
        (CHOICE_TASK, {"options": ["fig", "date"], "answer": "date", "answer_idx": "B"}, "B"),
    ],
)
def test_two_answers_that_agree_are_one(task: Any, row: dict[str, Any], answer: str) -> None:
    assert parse(task, {"question": "?", **row}).answer == answer


@pytest.mark.parametrize("task", [NUMERIC_TASK, MATH_TASK, EXACT_TASK])
def test_a_verdict_is_no_answer(task: Any) -> None:
    row = {"question": "?", "Result": False, "correct": True}
    assert parse(task, {**row, "gold": "4"}).answer == "4"
    assert worked_example({**row, "solution": "2 + 2 = 4"}).answer is None
    with pytest.raises(RecordError, match="no answer; name its field by --answer-field"):
        parse(task, row)


@pytest.mark.parametrize("task", [EXACT_TASK, MATH_TASK])
def test_an_answer_may_be_true_or_false(task: Any) -> None:
    assert parse(task, {"question": "?", "answer": False}).answer == "False"
    named = Fields(answer_field="result")
    assert task.parse({"question": "?", "result": True}, "mine", 4, named).answer == "True"
    with pytest.raises(RecordError, match="`answer` states `True`, but `target` `yes`"):
        parse(task, {"question": "?", "answer": True, "target": "yes"})


def test_what_is_no_text_is_not_to_be_tried_as_one() -> None:
    with pytest.raises(
        RecordError, match=r"`answer` is `\?`, which cannot be read as exact; write"
    ):
        parse(EXACT_TASK, {"question": "?", "answer": "?"})


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (19, r"is `\(S\)`; at most 18 options are read"),
        (4, r"is `\(S\)`, but the options end with D"),
    ],
)
def test_a_letter_beyond_those_that_are_read(count: int, message: str) -> None:
    question = "?\n" + "\n".join(
        f"({letter}) fig {letter}" for letter in "ABCDEFGHIJKLMNOPQRS"[:count]
    )
    with pytest.raises(RecordError, match=message):
        parse(CHOICE_TASK, {"question": question, "answer": "(S)"})


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"q": "?"}, r"no question; name its field by --question \(it has `q`\)"),
        ({"question": "?", "a": 1}, r"no answer; .* --answer-field \(it has `question`, `a`\)"),
        ({"question": "?", "answer": None}, "no answer"),
        ({"question": " ", "answer": 1}, "`question` is empty"),
        ({"question": ["?"], "answer": 1}, "`question` must be text or a number, not list"),
        (
            {"question": "?", "answer": True},
            "`answer` is true, which is no text; write `yes` or `no` for it",
        ),
        ({"question": "?", "answer": 1, "narrative": "Once."}, "`narrative` would be lost"),
        ({"question": "?", "answer": 1, "contexts": ["Once."]}, "`contexts` would be lost"),
        (
            {"question": "?", "answer": "Ann"},
            "`answer` is `Ann`, which cannot be read as numeric; try",
        ),
        ({"question": "?", "answer": "(x+1)^{5000}"}, "which cannot be read as numeric; try"),
        ({"question": "?", "answer": "$2 - n$"}, "which cannot be read as numeric; try"),
        ({"question": "?", "answer": 1, "reference": [1]}, "`reference` must be a text or a list"),
    ],
)
def test_a_row_that_does_not_fit_is_explained(row: dict[str, Any], message: str) -> None:
    with pytest.raises(RecordError, match=message):
        parse(NUMERIC_TASK, row)
