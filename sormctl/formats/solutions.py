"""What all imports have in common: a row's question and steps become a solution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import json
from msgspec.structs import replace

from sormctl.formats.base import Importing
from sormctl.records import Json, Problem, Solution
from sormctl.seeds import digest
from sormctl.tasks.registry import get_task
from sormctl.tasks.solutions.reading import read_answer


def asked(
    how: Importing, question: str, answer: str | None = None, problem_id: str | None = None
) -> Problem:
    """The problem of a question: the user's, where they know it, else what the row says of it.

    Rows of the same question are of the same problem, whatever the file.
    """
    known = how.problems.asking(question)
    if known is not None:
        return known
    name = problem_id or f"problem-{digest(question).hex()[:12]}"
    return Problem(task=how.task.name, problem_id=name, question=question, answer=answer)


def labelled(
    problem: Problem,
    steps: Sequence[str],
    labels: Sequence[int | None],
    *,
    kind: str,
    row: Json,
    solution_id: str | None = None,
    correct: bool | None = None,
    source: Json | None = None,
    **fields: Any,
) -> Solution:
    """A solution whose steps were labelled, in whole or up to where it was wrong.

    So where not all are right, only an announced answer counts as one. `kind` is the name of the
    format. `solution_id` and `correct` are what the row says of them, if anything: by default rows
    that differ in anything have different ids. `source` is what the row says of its making.
    """
    task = get_task(problem.task)
    is_cut = any(label != 1 for label in labels)
    predicted = read_answer(task, problem.question, steps, is_cut)
    if correct is None:
        correct = task.is_correct(predicted, problem.answer)
    return problem.solved(
        solution_id=row_name(problem, kind, row) if solution_id is None else solution_id,
        source={"kind": kind, **(source or {})},
        steps=tuple(steps),
        predicted=predicted,
        correct=correct,
        labels=tuple(labels),
        **fields,
    )


def row_name(problem: Problem, kind: str, row: Json) -> str:
    """The id of a row's solution: rows that differ in anything have different ones."""
    tag = digest(json.encode(row, order="sorted").decode()).hex()[:12]
    return f"{problem.problem_id}/{kind}-{tag}"


def labelled_part(solution: Solution) -> Solution | None:
    """A solution up to before its first step without a label; None if nothing is left."""
    labels = solution.labels_given()
    count = labels.index(None) if None in labels else len(labels)
    if count == len(labels):
        return solution if count else None
    if count == 0:
        return None

    def cut(values: Any) -> Any:
        return None if values is None else values[:count]

    return replace(
        solution,
        steps=cut(solution.steps),
        labels=cut(labels),
        separators=cut(solution.separators),
        rollouts=cut(solution.rollouts),
        scores={name: cut(scores) for name, scores in solution.scores.items()},
    )
