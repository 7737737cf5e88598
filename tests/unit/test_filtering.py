"""Which solutions are kept."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sormctl.filtering import Criteria, agreeing_labels, keep
from sormctl.records import Solution
from tests.unit.examples import PROBLEM, solution, wrong

OTHER = replace(PROBLEM, problem_id="p2")


def names(solutions: list[Solution], **criteria: Any) -> list[str]:
    return [s.solution_id for s in keep(solutions, Criteria(**criteria))]


def test_without_criteria_everything_is_kept_in_order() -> None:
    assert names([solution("a"), wrong("b"), solution("c")]) == ["a", "b", "c"]


@pytest.mark.parametrize(("correct", "kept"), [(True, ["a"]), (False, ["b"]), (None, ["a", "b"])])
def test_correct_or_incorrect(correct: bool | None, kept: list[str]) -> None:
    assert names([solution("a"), wrong("b")], correct=correct) == kept


def test_the_first_of_equal_solutions_of_a_problem_is_kept() -> None:
    spaced = solution("b", steps=("2  + 2 =  4", "#### 6 "))
    other_steps = solution("c", steps=("#### 6",))
    joined = solution("d", steps=("2 + 2 = 4 #### 6",))  # the same words in one step
    other_problem = solution("e", problem=OTHER)
    found = names([solution("a"), spaced, other_steps, joined, other_problem], unique=True)
    assert found == ["a", "c", "d", "e"]


def test_a_wrong_solution_does_not_hide_a_later_correct_one() -> None:
    same = wrong("a", steps=("x",)), solution("b", steps=("x",))
    assert names(list(same), correct=True, unique=True) == ["b"]


def test_at_most_so_many_of_a_problem() -> None:
    solutions = [solution("a"), solution("b"), solution("c", problem=OTHER), solution("d")]
    assert names(solutions, max_per_problem=2) == ["a", "b", "c"]
    assert names(solutions, unique=True, max_per_problem=2) == ["a", "c"]


def test_problems_of_two_tasks_may_have_the_same_id() -> None:
    namesake = solution("b", problem=replace(PROBLEM, task="another"))
    assert names([solution("a"), namesake], max_per_problem=1) == ["a", "b"]


def test_length() -> None:
    solutions = [solution(str(n), steps=("x",) * n) for n in range(5)]
    assert names(solutions, min_steps=1, max_steps=3) == ["1", "2", "3"]
    assert names(solutions, max_steps=0) == ["0"]


LABELLED = st.lists(st.tuples(st.sampled_from([0, 1, None]), st.floats(0, 1)))


@given(LABELLED, st.floats(0, 1))
def test_only_labels_that_disagree_are_dropped(
    steps: list[tuple[int | None, float]], threshold: float
) -> None:
    labels, scores = tuple(x for x, _ in steps), tuple(x for _, x in steps)
    kept = agreeing_labels(labels, scores, threshold)
    assert agreeing_labels(kept, scores, threshold) == kept
    for before, score, after in zip(labels, scores, kept, strict=True):
        assert after == (before if before == int(score > threshold) else None)
