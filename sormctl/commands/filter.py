"""`sormctl filter`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from sormctl import options
from sormctl.filtering import Criteria, keep
from sormctl.records import Solution
from sormctl.streams.driver import pipe_records


def filter(
    *,
    correct: Annotated[
        bool | None,
        typer.Option("--correct/--incorrect", help="Only (in)correct solutions; default: both."),
    ] = None,
    unique: Annotated[
        bool, typer.Option("--unique", help="Of equal solutions of a problem only the first.")
    ] = False,
    max_per_problem: Annotated[
        int | None,
        typer.Option(min=1, help="At most so many solutions of each problem, the first."),
    ] = None,
    min_steps: Annotated[
        int, typer.Option(min=0, help="Only solutions of at least so many steps.")
    ] = 0,
    max_steps: Annotated[
        int | None, typer.Option(min=0, help="Only solutions of at most so many steps.")
    ] = None,
    shard: options.Shard = None,
    streams: options.Streams,
) -> None:
    """Keep solutions that are correct, new, or of a certain length.

    With `sample` and `train-student` it makes a round of expert iteration: the training set is the
    union of the correct and distinct solutions of all rounds. Solutions are equal if their steps
    are, spaces apart. Only a fingerprint of each is remembered (about 100 bytes).

    Example: cat round1.jsonl round2.jsonl | sormctl filter --correct --unique > train.jsonl
    """
    criteria = Criteria(correct, unique, max_per_problem, min_steps, max_steps)
    job = streams.job("filter", asdict(criteria), shard=shard)
    pipe_records(job, Solution, lambda solutions: keep(solutions, criteria))
