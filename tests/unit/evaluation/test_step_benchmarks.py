"""Figures of benchmarks of labelled steps, worked by hand."""

from __future__ import annotations

from itertools import pairwise
from math import isnan

import pytest
from msgspec.structs import replace

from sormctl.errors import RecordError
from sormctl.evaluation.step_benchmarks import (
    ALL,
    OTHER,
    STEP_BENCHMARKS,
    StepDifference,
    StepResults,
    StepRow,
    row_json,
)
from sormctl.evaluation.steps import STEP_BENCHES
from sormctl.records import Labels, Problem, Solution
from tests.unit.examples import solution

RIGHT, SECOND = (1, 1), (1, 0)


def judged(number: int, split: str, labels: Labels, **scores: tuple[float, ...]) -> Solution:
    """A solution of a problem of its own, two steps long."""
    name = f"{split}-{number}"
    problem = Problem(task="numeric", problem_id=name, question=name, answer=None)
    source = {"id": name, "classification": split}
    return solution(name, problem=problem, labels=labels, scores=scores, source=source)


def results(bench: str, *solutions: Solution) -> list[StepRow | StepDifference]:
    found = StepResults(STEP_BENCHMARKS[bench])
    for each in solutions:
        found.add(each)
    return list(found.rows())


def test_the_benchmarks_have_their_names() -> None:
    assert tuple(STEP_BENCHMARKS) == STEP_BENCHES


def perfect(number: int, split: str, labels: Labels) -> Solution:
    return judged(number, split, labels, rm=tuple(float(label or 0) for label in labels))


def test_a_split_without_errors_has_no_f1_and_no_say_in_the_mean() -> None:
    found = [perfect(i, "few", SECOND if i < 3 else RIGHT) for i in range(40)]
    found += [perfect(i, "none", RIGHT) for i in range(40)]
    rows = [row for row in results("processbench", *found) if isinstance(row, StepRow)]
    fixed = {row.split: row for row in rows if not row.chosen}
    assert isnan(fixed["none"].main.value)
    assert isnan(fixed["none"].main.low)
    assert fixed["none"].figures["correct"] == 1
    assert fixed[ALL].main.value == fixed["few"].main.value == 1
    # as sure as three errors found can make it: no worse than 0.6, and not certain
    assert 0.55 < fixed["few"].main.low < 0.65


def test_without_wrong_steps_there_is_no_f1_of_wrong_ones_whatever_the_model() -> None:
    for score in (0.9, 0.1):
        rows = results("prmbench", *(judged(i, "a", RIGHT, rm=(0.9, score)) for i in range(9)))
        first, *_ = (row for row in rows if isinstance(row, StepRow))
        assert isnan(first.figures["F1 wrong"])
        assert isnan(first.main.value)


def test_solutions_of_no_split_are_no_split_of_the_mean() -> None:
    splits = [perfect(i, name, labels) for i, name in enumerate("ab") for labels in (SECOND, RIGHT)]
    stray = [replace(judged(9, "-", SECOND, rm=(0.9, 0.9)), source={"id": "mine"})]
    rows = results("processbench", *splits, *stray)
    fixed = {row.split: row for row in rows if isinstance(row, StepRow) and not row.chosen}
    assert (fixed[ALL].main.value, fixed[ALL].main.n, fixed[OTHER].main.n) == (1, 4, 1)
    alone = [row for row in results("processbench", *stray) if isinstance(row, StepRow)]
    assert {row.split for row in alone} == {ALL}


def test_f1_of_first_errors_by_split() -> None:
    """Split a: both errors located, one of two right ones passed: F1 2/3. Split b: none."""
    rows = results(
        "processbench",
        judged(1, "a", SECOND, rm=(0.9, 0.1)),
        judged(2, "a", (1, 0), rm=(0.5, 0.4)),
        judged(3, "a", RIGHT, rm=(0.5, 0.5)),
        judged(4, "a", RIGHT, rm=(0.9, 0.2)),
        judged(5, "b", (0, None), rm=(0.9, 0.1)),  # the wrong step of the wrong one
        judged(6, "b", RIGHT, rm=(0.1, 0.1)),
    )
    fixed = {row.split: row for row in rows if isinstance(row, StepRow) and not row.chosen}
    assert fixed["a"].figures == pytest.approx({"error": 1, "correct": 0.5, "F1": 2 / 3})
    assert fixed["b"].figures == {"error": 0, "correct": 0, "F1": 0}
    assert fixed[ALL].figures["F1"] == pytest.approx(1 / 3)
    assert [fixed[name].main.n for name in ("a", "b", ALL)] == [4, 2, 6]
    assert fixed["a"].main.low <= 2 / 3 <= fixed["a"].main.high


@pytest.mark.parametrize("labels", [(1, None), (None, 0), (None, None)])
def test_a_solution_whose_first_error_is_not_known_is_neither_right_nor_wrong(
    labels: Labels,
) -> None:
    with pytest.raises(RecordError, match="first error is not known"):
        results("processbench", judged(1, "a", labels, rm=(0.9, 0.9)))
    assert results("prmbench", judged(1, "a", labels, rm=(0.9, 0.9)))


def test_solutions_of_other_data_are_of_one_split() -> None:
    """Their ids are `PROBLEM/KIND-HASH`, where a hash may end with digits: no name of a split."""
    solutions = [
        replace(judged(i, "a", RIGHT, rm=(0.9, 0.9)), solution_id=f"problem-{i}/x-{i}", source={})
        for i in range(3)
    ]
    fixed, *_ = results("processbench", *solutions)
    assert (fixed.split, fixed.main.n) == (ALL, 3)


def test_prm_score_of_steps() -> None:
    """Of steps: 3 right ones accepted, 1 refused; 1 wrong one accepted, 1 refused."""
    rows = results(
        "prmbench",
        judged(1, "circular", (1, 1), rm=(0.9, 0.9)),
        judged(2, "circular", (1, 0), rm=(0.9, 0.8)),
        judged(3, "circular", (1, 0), rm=(0.2, 0.1)),
    )
    (fixed,) = [row for row in rows if isinstance(row, StepRow) and not row.chosen]
    assert fixed.split == "circular"  # one split is no mean of several
    assert fixed.figures == pytest.approx({"F1 right": 0.75, "F1 wrong": 0.5, "PRM-score": 0.625})


def test_prmbench_pools_its_classifications() -> None:
    """As one: 3 right steps accepted, none refused, 1 wrong one accepted: F1 6/7 and 0."""
    rows = results(
        "prmbench",
        judged(1, "circular", (1, 1), rm=(0.9, 0.9)),
        judged(2, "deception", (1, 0), rm=(0.9, 0.9)),
    )
    (both,) = [r for r in rows if isinstance(r, StepRow) and r.split == ALL and not r.chosen]
    assert both.figures == pytest.approx({"F1 right": 6 / 7, "F1 wrong": 0, "PRM-score": 3 / 7})


def test_the_threshold_is_chosen_on_other_problems() -> None:
    """At 0.5 each wrong step passes, at 0.8 none; those that chose it are not in the row."""
    many = [
        judged(i, "a", SECOND if i % 2 else RIGHT, rm=(0.9, 0.7 if i % 2 else 0.9))
        for i in range(60)
    ]
    fixed, chosen = (row for row in results("processbench", *many) if isinstance(row, StepRow))
    assert (fixed.threshold, fixed.figures["F1"], fixed.main.n) == (0.5, 0, 60)
    assert 0.7 < chosen.threshold <= 0.9
    assert chosen.figures["F1"] == 1
    assert 30 < chosen.main.n < 60


def test_models_stand_side_by_side_on_the_same_solutions() -> None:
    many = [
        judged(
            i, "a", SECOND if i % 2 else RIGHT, good=(0.9, 0.1 if i % 2 else 0.9), bad=(0.9, 0.9)
        )
        for i in range(40)
    ]
    alone = judged(99, "a", RIGHT, good=(0.9, 0.9), bad=(0.9, 0.9), other=(0.1, 0.1))
    rows = results("processbench", *many, alone)
    assert {row.model for row in rows if isinstance(row, StepRow)} == {"good", "bad"}
    first, *_ = (row for row in rows if isinstance(row, StepDifference))
    assert (first.first, first.second, first.main.value) == ("bad", "good", -1)
    assert row_json(first)["value"] == -1
    both = {"x": (1, 0), "y": (1, 0)}
    same = results("processbench", *(judged(i, "a", (1, i % 2), **both) for i in range(40)))
    differences = [row.main for row in same if isinstance(row, StepDifference)]
    assert all(each.low < each.value == 0 < each.high for each in differences)
    assert all(a != b for a, b in pairwise(rows))


def test_what_is_not_scored_or_labelled_is_refused() -> None:
    for known, message in ((solution(labels=RIGHT), "no `scores`"), (solution(), "no `labels`")):
        with pytest.raises(RecordError, match=message):
            results("processbench", known)
