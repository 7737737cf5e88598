"""`sormctl balance`."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from itertools import chain
from typing import Annotated

import typer
from msgspec.structs import replace

from sormctl import options
from sormctl.balancing import balance_question, count_labels, prefix_length_balancer
from sormctl.records import Labels, Solution, decoder, encode
from sormctl.streams.driver import pipe_groups, pipe_records
from sormctl.streams.spool import Spool


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

    if by is By.prefix_length:
        pipe_records(job, Solution, lambda solutions: _by_length(solutions, seed))
    else:
        pipe_groups(
            job, lambda groups: chain.from_iterable(balance_question(g, seed) for g in groups)
        )


def _by_length(solutions: Iterator[Solution], seed: int) -> Iterator[Solution | bytes]:
    """The same solutions with balanced labels. Between the two passes they wait on disk."""
    decode = decoder(Solution)
    labelled = ((solution.labels_given(), encode(solution)) for solution in solutions)
    with Spool[tuple[Labels, bytes]](lambda kept: len(kept[1])) as spool:
        counts = count_labels(labels for labels, _ in spool.keep(labelled))
        balanced = prefix_length_balancer(counts, seed)
        for labels, line in spool.read():
            if (new := balanced(labels)) == labels:
                yield line
            else:
                yield replace(decode(line), labels=new)
