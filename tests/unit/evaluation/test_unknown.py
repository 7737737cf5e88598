"""Solutions of which nobody knows whether they are correct."""

from __future__ import annotations

import math
from typing import Any

from msgspec.structs import replace

from sormctl.evaluation.evaluation import Evaluation, problem_part
from sormctl.records import Solution
from tests.unit.evaluation.test_evaluation import GREEDY, SAMPLE, rows
from tests.unit.examples import PROBLEM, solution, wrong


def of_unknown_truth(made: Solution) -> Solution:
    unknown: Any = None
    return replace(made, correct=unknown)


def test_a_solution_of_unknown_truth_counts_apart() -> None:
    """One of three samples is unknown, and the only solution of another problem."""
    evaluation = Evaluation()
    group = [solution("a", source=SAMPLE), wrong("b", source=SAMPLE), solution("c", source=SAMPLE)]
    evaluation.add([*group[:2], of_unknown_truth(group[2])])
    alone = of_unknown_truth(solution(problem=replace(PROBLEM, problem_id="p2")))
    evaluation.add([alone])
    found = rows(evaluation)
    assert evaluation.unknown == 2
    assert (found["sample"], found["pass@2"]) == (0.5, 1)
    assert "accuracy" not in found
    assert problem_part([alone])["outcomes"] == {}


def test_an_unknown_draft_is_not_a_wrong_one() -> None:
    evaluation = Evaluation()
    draft = of_unknown_truth(wrong("d", source=GREEDY))
    evaluation.add([draft, solution("g", source={"kind": "global"})])
    assert rows(evaluation) == {"accuracy": 1}


def test_the_steps_of_unknown_solutions_are_judged_and_their_answers_are_not() -> None:
    """The ORM accepts both; the right one is known to be right."""
    evaluation = Evaluation()
    judged: dict[str, Any] = {"labels": (1, 0), "scores": {"orm": (0.9, 0.8), "sorm": (0.9, 0.1)}}
    for number, made in enumerate([solution(**judged), of_unknown_truth(wrong(**judged))]):
        evaluation.add([replace(made, problem_id=f"p{number}")])
    found = {row.name: row.estimate for row in evaluation.rows()}
    assert found["orm against labels: step accuracy"].n == 4
    final = found["orm against answers: final accuracy"]
    assert (final.value, final.n) == (1, 1)
    assert found["orm - sorm against answers: final accuracy"].value == 1
    assert found["orm - sorm against labels: step accuracy"].value == -0.5


def test_nothing_is_said_of_answers_that_are_all_unknown() -> None:
    evaluation = Evaluation()
    judged: dict[str, Any] = {"labels": (1, 1), "scores": {"orm": (0.9, 0.8), "sorm": (0.9, 0.1)}}
    evaluation.add([of_unknown_truth(solution(**judged))])
    found = {row.name: row.estimate for row in evaluation.rows()}
    assert not [name for name in found if "answers" in name]
    assert not math.isnan(found["orm against labels: step accuracy"].value)
