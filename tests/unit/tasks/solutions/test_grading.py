"""Raw completions become graded solutions."""

from __future__ import annotations

from typing import Any

import pytest

from sormctl.errors import RecordError
from sormctl.records import to_json
from sormctl.tasks.solutions.grading import grader

PROBLEM = {"task": "numeric", "problem_id": "p", "question": "2 + 2 + 2?", "answer": "6"}


def completion(text: str = "2 + 2 = 4\n\n#### 6", **fields: Any) -> dict[str, Any]:
    return {**PROBLEM, "text": text, **fields}


def test_a_completion_is_cut_into_steps_and_graded() -> None:
    solution = grader()(completion(model="other", logprob=-3.5))
    assert solution.steps == ("2 + 2 = 4", "#### 6")
    assert (solution.predicted, solution.correct) == ("6", True)
    assert solution.source == {"kind": "sample"}
    assert solution.extra == {"model": "other", "logprob": -3.5}
    assert "text" not in to_json(solution)


def test_a_wrong_completion_and_one_without_answer() -> None:
    grade = grader()
    wrong, none = grade(completion("#### 7")), grade(completion("I do not know"))
    assert (wrong.predicted, wrong.correct) == ("7", False)
    assert (none.predicted, none.correct) == (None, False)


def test_steps_are_taken_as_they_are_and_graded_again() -> None:
    record = {**PROBLEM, "steps": ["#### 6"], "solution_id": "s", "correct": False, "predicted": 5}
    solution = grader()({**record, "source": {"kind": "global", "draft_id": "d"}, "labels": [1]})
    assert (solution.solution_id, solution.predicted, solution.correct) == ("s", "6", True)
    assert solution.source == {"kind": "global", "draft_id": "d"}
    assert solution.labels == (1,)


def test_ids_are_stable_and_distinct() -> None:
    records = [completion(), completion(), completion("#### 7"), completion(problem_id="q")]
    first, second = ([s.solution_id for s in map(grader(), records)] for _ in range(2))
    assert first == second
    assert len(set(first)) == 4
    assert first[0].startswith("p/sample-")


def test_a_default_task_serves_records_without_one() -> None:
    record = completion("The answer is (B)", answer="B")
    del record["task"]
    solution = grader("choice")(record)
    assert (solution.task, solution.correct) == ("choice", True)
    assert grader("choice")(completion()).task == "numeric"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": None}, "no `task`; give --task NAME, or --answer KIND"),
        ({"task": "gsm9k"}, "no task `gsm9k`"),
        ({"text": None}, "no `text` and no `steps`"),
        ({"text": 5}, "`text` must be a string"),
        ({"steps": "one"}, "`steps` must be a list, not a string"),
        ({"answer": True}, "`answer` must be a string or null, not a boolean"),
        ({"source": "book"}, "`source` must be an object"),
    ],
)
def test_a_bad_record_is_explained(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(RecordError, match=message):
        grader()(completion(**changes))


@pytest.mark.parametrize("answer", ["Paris", "B", "(b)"])
def test_the_text_of_an_option_is_its_letter(answer: str) -> None:
    question = "Which city? (A) Rome (B) Paris (C) Bern"
    record = {"task": "choice", "problem_id": "p", "question": question, "answer": answer}
    solution = grader()({**record, "text": "The answer is (B)."})
    assert (solution.answer, solution.correct) == ("B", True)


def test_a_letter_is_that_letter_where_another_option_reads_so() -> None:
    question = "Which blood group? (A) O (B) A (C) B (D) AB"
    record = {"task": "choice", "problem_id": "p", "question": question, "answer": "B"}
    solution = grader()({**record, "text": "The answer is (B)."})
    assert (solution.answer, solution.correct) == ("B", True)
