"""`sormctl balance`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from itertools import chain
from typing import Annotated

import typer
from msgspec import MsgspecError, Struct, json
from msgspec.structs import replace

from sormctl import options
from sormctl.balancing import balance_question, count_labels, prefix_length_balancer
from sormctl.records import Labels, Solution, decoder
from sormctl.streams.driver import pipe_groups, pipe_twice


class BalanceBy(StrEnum):
    """What is made equal."""

    prefix_length = "prefix-length"
    question = "question"


def balance(
    *,
    by: Annotated[
        BalanceBy,
        typer.Option(
            help="prefix-length: as many correct as incorrect labels after each number of steps, "
            "surplus labels become null (SORM); question: as many correct as incorrect solutions "
            "of each question, surplus ones are dropped (balanced ORM)."
        ),
    ] = BalanceBy.prefix_length,
    seed: options.Seed = 0,
    streams: options.Streams,
) -> None:
    """Balance labels, so that a reward model cannot win by counting steps.

    Example: sormctl balance --by prefix-length < steps.jsonl
    | sormctl train-rm --model embedded:student -o sorm/
    """
    job = streams.job("balance", {"by": by, "seed": seed})

    if by is BalanceBy.prefix_length:
        pipe_twice(job, _labels_on, lambda seen: _balancer(seen, seed))
    else:
        pipe_groups(
            job, lambda groups: chain.from_iterable(balance_question(g, seed) for g in groups)
        )


class _Labelled(Struct):
    labels: Labels | None = None


_glance = json.Decoder(_Labelled).decode


def _labels_on(line: bytes) -> Labels:
    """The labels on a line; what else is there, nobody looks at yet."""
    try:
        labels = _glance(line).labels
    except (MsgspecError, UnicodeDecodeError, RecursionError):
        labels = None
    if labels is not None:
        return labels
    solution: Solution = decoder(Solution)(line)  # says what is wrong
    return solution.labels_given()


def _balancer(seen: Iterator[Labels], seed: int) -> Callable[[Solution], Solution]:
    balanced = prefix_length_balancer(count_labels(seen), seed)
    return lambda solution: replace(solution, labels=balanced(solution.labels_given()))
