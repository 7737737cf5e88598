"""`sormctl import-prm800k`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Annotated

import typer

from sormctl import options
from sormctl.errors import UsageError
from sormctl.importing.prm800k import labelled_solutions
from sormctl.records import Solution
from sormctl.streams.driver import pipe_records
from sormctl.tasks.registry import get_task, task_names


class Neutral(StrEnum):
    """What the label of a neutral step is."""

    correct = "correct"
    incorrect = "incorrect"
    null = "null"


LABELS = {Neutral.correct: 1, Neutral.incorrect: 0, Neutral.null: None}


def import_prm800k(
    *,
    neutral: Annotated[
        Neutral,
        typer.Option(help="Label of a step rated 0; null: not trained on. `ratings` keep the 0."),
    ] = Neutral.correct,
    task: Annotated[
        str, typer.Option(help="Task that prompts and grades the problems.", metavar="NAME")
    ] = "math",
    streams: options.Streams,
) -> None:
    """Read step labels by people, as PRM800K has them, into labelled solutions (appendix H).

    Writes `labels` for `train-rm` and `ratings` (-1, 0, 1) for `train-rm --classes 3`. Beside the
    solution that was followed, each other rated candidate for a step makes a solution that ends
    with it. Problems that were reported as broken are left out, and counted.

    Example: sormctl import-prm800k phase2_train.jsonl
    | sormctl train-rm --classes 3 --model embedded:student -o prm/
    """
    if task not in task_names():
        raise UsageError(f"no task `{task}`; known tasks: {', '.join(task_names())}")
    label, known = LABELS[neutral], get_task(task)
    job = streams.job("import-prm800k", {"neutral": neutral.value, "task": task})
    empty = 0

    def transform(rows: Iterator[Sequence[Solution]]) -> Iterator[Solution]:
        nonlocal empty
        for solutions in rows:
            empty += not solutions
            yield from solutions

    pipe_records(
        job,
        lambda row: labelled_solutions(row, known, label),
        transform,
        summary=lambda: [f"left out: {empty:,} rows without a rated step, or of a broken problem"],
    )
