"""Rows of ProcessBench that do not fit, and the same rows in a table."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from sormctl.errors import RecordError
from sormctl.formats.base import Exporting, Importing
from sormctl.formats.known_problems import KnownProblems
from sormctl.formats.processbench import read, write
from sormctl.records import Problem, Solution
from sormctl.tasks.registry import get_task

ROW: dict[str, Any] = {
    "id": "gsm8k-3",
    "generator": "g",
    "problem": "How many are 2 + 2?",
    "steps": ["2 + 2 = 5", "The answer is 5.", "Done."],
    "final_answer_correct": False,
    "label": 1,
}


FIRST = "model_output_solution_first_error_step"
GRADED: dict[str, Any] = {  # as in MR-GSM8K, which counts from 1
    "uuid": "u-1",
    "question": "How many are 2 + 2?",
    "ground_truth_answer": 4,
    "model_output_steps": ["Step 1: I add.", "Step 2: 2 + 2 = 5", "Step 3: #### 5"],
    "model_output_answer_correctness": "wrong",
    "model_output_solution_correctness": "wrong",
    FIRST: 2,
}
SOUND = {"model_output_solution_correctness": "correct", FIRST: "N/A"}
MISTAKEN: dict[str, Any] = {  # as in BIG-Bench-Mistake, which counts from 0
    "input": "How many are 2 + 2?",
    "steps": ["I add.", "2 + 2 = 5", "So the answer is 5"],
    "target": "4",
    "answer": "5",
    "mistake_index": 1,
}


def solution(row: dict[str, Any] = ROW, **changes: Any) -> Solution:
    (only,) = read({**row, **changes}, Importing(get_task("math")))
    return only


def test_a_row() -> None:
    made = solution()
    assert (made.labels, made.predicted, made.answer, made.correct) == (
        (1, 0, None),
        "5",
        None,
        False,
    )
    assert (made.solution_id, made.source["generator"]) == ("gsm8k-3", "g")


def test_a_row_of_a_table() -> None:
    """Texts and floats, as CSV and pandas have them."""
    cells = {"steps": str(ROW["steps"]), "label": "1", "final_answer_correct": "False"}
    floats = {"label": 1.0, "final_answer_correct": 0.0}
    for made in (solution(ROW | cells), solution(ROW | floats)):
        assert (made.labels, made.correct) == (solution().labels, False)
    assert solution(final_answer_correct=float("nan")).correct is None


def test_other_fields_are_kept() -> None:
    made = solution(split="gsm8k", task="x", prediction=1, match=True)
    assert made.extra == {"split": "gsm8k", "row_task": "x"}


def test_the_answer_of_a_known_problem() -> None:
    known = Problem(task="numeric", problem_id="p7", question="How many are\n2 + 2?", answer="4")
    (made,) = read(ROW, Importing(get_task("math"), KnownProblems([known])))
    assert (made.task, made.problem_id, made.answer, made.correct) == ("numeric", "p7", "4", False)


def test_relatives_count_their_steps_each_in_its_way() -> None:
    """The second step is the first wrong one: number 2 from 1, number 1 from 0."""
    graded, mistaken = solution(GRADED), solution(MISTAKEN)
    assert graded.labels == mistaken.labels == (1, 0, None)
    assert graded.steps == ("I add.", "2 + 2 = 5", "#### 5")
    assert (graded.answer, graded.correct, graded.solution_id) == ("4", False, "u-1")
    assert (mistaken.answer, mistaken.predicted, mistaken.correct) == ("4", "5", False)
    assert solution(GRADED, **{FIRST: 1}).labels == (0, None, None)
    assert solution(GRADED, **{FIRST: "3"}).labels == (1, 1, 0)
    assert solution(MISTAKEN, mistake_index=0).labels == (0, None, None)
    assert solution(MISTAKEN, mistake_index=2.0).labels == (1, 1, 0)


@pytest.mark.parametrize("none", ["N/A", None, float("nan"), ""])
def test_relatives_without_a_wrong_step(none: Any) -> None:
    assert solution(GRADED, **{**SOUND, FIRST: none}).labels == (1, 1, 1)
    if none != "N/A":
        assert solution(MISTAKEN, mistake_index=none).labels == (1, 1, 1)


def test_the_final_answer_is_right_as_the_row_says() -> None:
    """Also where the steps are not, and where it is not read from them."""
    assert solution(GRADED, model_output_answer_correctness="correct").correct
    assert solution(MISTAKEN, answer="4").correct
    assert solution(GRADED, model_output_answer_correctness=None).correct is False


def test_a_step_of_lines() -> None:
    rows = {**GRADED, "model_output_step_format": [["1. I", "add."], ["2. 5"]]}
    del rows["model_output_steps"]
    assert solution(rows).steps == ("I\nadd.", "5")


@pytest.mark.parametrize("changes", [{FIRST: "N/A"}, {**SOUND, FIRST: 2}])
def test_a_contradiction_is_left_out(changes: dict[str, Any]) -> None:
    assert list(read({**GRADED, **changes}, Importing(get_task("math")))) == []


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({**GRADED, FIRST: 0}, f"`{FIRST}` must be the index of one of 3 steps, from 1, or N/A"),
        ({**GRADED, FIRST: 4}, f"`{FIRST}` must be the index of one of 3 steps, from 1, or N/A"),
        ({**GRADED, FIRST: "two"}, f"`{FIRST}` must be"),
        ({**GRADED, "model_output_steps": [[1]]}, "`model_output_steps` must hold texts"),
        ({**GRADED, "model_output_solution_correctness": "so"}, "must be true or false"),
        ({**MISTAKEN, "mistake_index": 3}, "must be the index of one of 3 steps, from 0, or null"),
        ({**MISTAKEN, "mistake_index": -1}, "`mistake_index` must be"),
    ],
)
def test_a_relative_that_does_not_fit(row: dict[str, Any], message: str) -> None:
    with pytest.raises(RecordError, match=message):
        solution(row)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": 3}, "`label` must be the index of one of 3 steps, from 0, or -1 for none"),
        ({"label": True}, "`label` must be"),
        ({"label": None}, "`label` must be"),
        ({"label": -2}, "`label` must be"),
        ({"steps": "a"}, "`steps` must be a list"),
        ({"steps": [1]}, "`steps` must hold texts"),
        ({"problem": None}, "`problem` is null"),
        ({"problem": ["a"]}, "`problem` must be a text"),
        ({"final_answer_correct": "perhaps"}, "`final_answer_correct` must be true or false"),
    ],
)
def test_a_row_that_does_not_fit(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(RecordError, match=message):
        solution(**changes)


def test_what_cannot_be_written() -> None:
    made = solution()
    assert write(replace(made, labels=(None, 0, None)), Exporting()) is None
    assert write(replace(made, labels=(1, None, 1)), Exporting()) is None
    with pytest.raises(RecordError, match=r"no `labels`; run"):
        write(replace(made, labels=None), Exporting())
    with pytest.raises(
        RecordError, match=r"no field `scores\.sorm`; run `sormctl score --name sorm`"
    ):
        write(made, Exporting(scores="sorm"))
