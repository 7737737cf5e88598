"""`sormctl label-steps`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from enum import StrEnum
from typing import Annotated

import typer

from sormctl import options
from sormctl.engines.encoding import model_digest
from sormctl.errors import UsageError
from sormctl.inference import label_solution, open_generator
from sormctl.labelling import outcome_labels
from sormctl.records import Json, Solution, parse_solution, solution_json
from sormctl.streams.driver import Transform, map_records, pipe_records
from sormctl.tasks.registry import get_task

Labeller = Callable[[Solution], Sequence[int]]


class By(StrEnum):
    """Where labels come from."""

    outcome = "outcome"
    rollouts = "rollouts"
    oracle = "oracle"


class Consistency(StrEnum):
    """How the consistency check looks for a result; see `labelling.is_consistent`."""

    string = "string"
    number = "number"
    off = "off"


def label_steps(
    *,
    by: Annotated[
        By,
        typer.Option(
            help="outcome: every step as the final answer (ORM); rollouts: from every prefix "
            "(SORM); oracle: exact, where the task knows the truth."
        ),
    ] = By.rollouts,
    model: Annotated[
        str | None, typer.Option("--model", help="The student that rolls out (--by rollouts).")
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="Rollouts from a prefix, at most.")] = 8,
    exhaustive: Annotated[
        bool,
        typer.Option(
            "--exhaustive",
            help="All K rollouts from every prefix: the same labels, and counts of successes.",
        ),
    ] = False,
    consistency: Annotated[
        Consistency, typer.Option(help="How each result of the prefix must be used later.")
    ] = Consistency.string,
    concurrency: options.Concurrency = 256,
    sampling: options.Sampling,
    running: options.Running,
    streams: options.LongStreams,
) -> None:
    """Label the steps of solutions as correct or incorrect.

    `--by rollouts` walks backwards through a wrong solution and stops at the first prefix from
    which the student reaches the right answer; all steps up to there are correct.

    Example: sormctl label-steps --by rollouts --model embedded:student -k 8 < samples.jsonl
    """
    how = {"k": k, "exhaustive": exhaustive, "consistency": consistency.value}
    if by is not By.rollouts:
        job = streams.job("label-steps", {"by": by.value})
        label = _by_outcome if by is By.outcome else _by_oracle
        pipe_records(job, parse_solution, lambda solutions: _labelled(solutions, label))
        return
    if model is None:
        raise UsageError("--by rollouts needs --model, the student that made the solutions")
    models = {"model": model, "weights": model_digest(model)}
    arguments = {"by": by.value, **models, **how, **running.identity(), **vars(sampling)}
    job = streams.job("label-steps", arguments)

    @asynccontextmanager
    async def start() -> AsyncIterator[Transform[Solution]]:
        async with open_generator(model, vars(sampling), **vars(running)) as generator:

            async def transform(solution: Solution) -> Sequence[Json]:
                labelled = await label_solution(
                    generator, solution, k, consistency.value, plain=exhaustive
                )
                return [solution_json(labelled)]

            yield transform

    map_records(
        job, parse_solution, lambda solution: solution.solution_id, start, concurrency, _tokens
    )


def _tokens(record: Json) -> int:
    return sum(rollouts["generated_tokens"] for rollouts in record["rollouts"])


def _labelled(solutions: Iterator[Solution], label: Labeller) -> Iterator[Json]:
    for solution in solutions:
        yield solution_json(replace(solution, labels=tuple(label(solution))))


def _by_outcome(solution: Solution) -> Sequence[int]:
    return outcome_labels(len(solution.steps), solution.correct)


def _by_oracle(solution: Solution) -> Sequence[int]:
    task = get_task(solution.problem.task)
    if task.oracle is None:
        raise UsageError(f"task `{task.name}` has no step oracle; use --by rollouts")
    return task.oracle(solution)
