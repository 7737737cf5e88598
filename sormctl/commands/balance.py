"""`sormctl balance`."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

import typer

from sormctl import options
from sormctl.balancing import balance_prefix_lengths, balance_question, count_labels
from sormctl.errors import RecordError
from sormctl.records import Json, Solution, parse_solution, solution_json
from sormctl.streams.driver import pipe_records, select_groups
from sormctl.streams.spool import spool


class By(StrEnum):
    """What is made equal."""

    prefix_length = "prefix-length"
    question = "question"


def balance(
    *,
    by: Annotated[
        By,
        typer.Option(
            help="prefix-length: as many correct as incorrect labels after each number of steps, "
            "surplus labels become null (SORM); question: as many correct as incorrect solutions "
            "of each question, surplus ones are dropped (balanced ORM)."
        ),
    ] = By.prefix_length,
    seed: options.Seed = 0,
    streams: options.Streams,
) -> None:
    """Balance labels, so that a reward model cannot win by counting steps.

    Example: sormctl balance --by prefix-length < steps.jsonl
    | sormctl train-rm --model embedded:student -o sorm/
    """
    job = streams.job("balance", {"by": by.value, "seed": seed})

    def lengths(solutions: Iterator[Solution]) -> Iterator[Json]:
        with spool(solution_json, parse_solution) as kept:
            counts = count_labels(kept.keep(map(_labelled, solutions)))
            yield from map(solution_json, balance_prefix_lengths(kept.read(), counts, seed))

    if by is By.prefix_length:
        pipe_records(job, parse_solution, lengths)
    else:
        select_groups(job, lambda group: balance_question(group, seed))


def _labelled(solution: Solution) -> Solution:
    if solution.labels is None:
        raise RecordError("no `labels`; run `sormctl label-steps` first")
    return solution
