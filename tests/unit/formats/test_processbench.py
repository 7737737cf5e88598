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


def solution(**changes: Any) -> Solution:
    (only,) = read({**ROW, **changes}, Importing(get_task("math")))
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
    assert {solution(**cells).labels, solution(**floats).labels} == {solution().labels}
    assert (solution(**cells).correct, solution(**floats).correct) == (False, False)
    assert solution(final_answer_correct=float("nan")).correct is None


def test_other_fields_are_kept() -> None:
    made = solution(split="gsm8k", task="x", prediction=1, match=True)
    assert made.extra == {"split": "gsm8k", "row_task": "x"}


def test_the_answer_of_a_known_problem() -> None:
    known = Problem(task="numeric", problem_id="p7", question="How many are\n2 + 2?", answer="4")
    (made,) = read(ROW, Importing(get_task("math"), KnownProblems([known])))
    assert (made.task, made.problem_id, made.answer, made.correct) == ("numeric", "p7", "4", False)


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
