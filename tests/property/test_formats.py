"""What is exported comes back as it was: the steps, their labels and the question."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sormctl.formats import processbench
from sormctl.formats.base import DataFormat, Exporting, Importing
from sormctl.records import Problem, Solution, encode, load_object
from sormctl.tasks.registry import get_task

TEXTS = st.text(st.characters(codec="utf-8"), min_size=1)
LABELLED = st.lists(st.tuples(TEXTS, st.sampled_from([0, 1])), min_size=1, max_size=5)


@st.composite
def solutions(draw: st.DrawFn) -> Solution:
    steps, labels = zip(*draw(LABELLED), strict=True)
    problem = Problem(task="math", problem_id="p", question=draw(TEXTS), answer=None)
    return problem.solved(
        solution_id="p/1", steps=steps, labels=labels, correct=draw(st.none() | st.booleans())
    )


def returned(solution: Solution, format: DataFormat) -> Solution:
    """What comes back of a solution that is written and read."""
    assert format.read and format.write
    row = format.write(solution, Exporting())
    assert row is not None
    (back,) = format.read(load_object(encode(row)), Importing(get_task("math")))
    return back


@given(solutions())
def test_processbench(solution: Solution) -> None:
    """Nobody judges what follows the first error."""
    back = returned(solution, processbench.FORMAT)
    first = (*solution.labels_given(), 0).index(0) + 1
    assert (back.question, back.steps, back.correct) == (
        solution.question,
        solution.steps,
        solution.correct,
    )
    assert back.labels == (
        *solution.labels_given()[:first],
        *([None] * (len(solution.steps) - first)),
    )
    assert processbench.FORMAT.write and processbench.write(back, Exporting()) == (
        processbench.write(solution, Exporting())
    )
