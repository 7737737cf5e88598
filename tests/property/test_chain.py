"""Laws of the embedded benchmarks' oracle."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sormctl.records import Problem
from sormctl.tasks.chain import TASK, problems
from sormctl.tasks.chain.stories import EASY, HARD

all_problems = st.builds(
    problems.problem,
    st.sampled_from(sorted(problems.SPLITS)),
    st.integers(0, 99),
    st.integers(0, 9999),
    st.sampled_from([EASY, HARD]),
)
numbers = st.integers(-5, 120)
calculations = st.builds("{} {} {} = {}".format, numbers, st.sampled_from("+-*/"), numbers, numbers)
steps_of_any_kind = st.lists(
    st.one_of(calculations, st.builds("#### {}".format, numbers), st.text())
)


def labels(problem: Problem, steps: list[str]) -> list[int]:
    assert TASK.oracle is not None
    return list(TASK.oracle(problem.solved(solution_id="s", steps=tuple(steps), correct=False)))


def reference(problem: Problem) -> list[str]:
    assert problem.reference is not None
    return list(problem.reference)


@given(all_problems)
def test_reference_is_right_throughout(problem: Problem) -> None:
    assert labels(problem, reference(problem)) == [1] * len(reference(problem))


@given(all_problems, st.data())
def test_a_wrong_number_spoils_all_that_follows(problem: Problem, data: st.DataObject) -> None:
    steps = reference(problem)
    at = data.draw(st.integers(0, len(steps) - 1))
    head, _, number = steps[at].rpartition(" ")
    wrong = data.draw(st.integers(-9, 999).filter(lambda value: value != int(number)))
    steps[at] = f"{head} {wrong}"
    assert labels(problem, steps) == [1] * at + [0] * (len(steps) - at)


@given(all_problems, steps_of_any_kind)
def test_any_text_has_labels_that_never_rise(problem: Problem, steps: list[str]) -> None:
    found = labels(problem, steps)
    assert len(found) == len(steps)
    assert set(found) <= {0, 1}
    assert found == sorted(found, reverse=True)


@given(all_problems, steps_of_any_kind, st.data())
def test_labels_of_a_prefix_begin_those_of_the_whole(
    problem: Problem, noise: list[str], data: st.DataObject
) -> None:
    steps = reference(problem)[: data.draw(st.integers(0, 7))] + noise
    cut = data.draw(st.integers(0, len(steps)))
    assert labels(problem, steps[:cut]) == labels(problem, steps)[:cut]


@given(all_problems, calculations, st.data())
def test_a_valid_answer_is_the_right_one(problem: Problem, extra: str, data: st.DataObject) -> None:
    """Where it ends with `#### c`, the last label says that all before is valid and c is right."""
    steps = reference(problem)[:-1]
    steps.insert(data.draw(st.integers(0, len(steps))), extra)
    stated = data.draw(st.sampled_from([problem.answer, "1"]))
    *before, last = labels(problem, [*steps, f"#### {stated}"])
    assert last == (all(before) and TASK.is_correct(stated, problem.answer))
