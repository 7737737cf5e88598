"""`sormctl label-steps`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from enum import StrEnum
from itertools import compress
from typing import Annotated

import typer

from sormctl import options
from sormctl.engines.running import Running, SamplingSettings
from sormctl.errors import UsageError
from sormctl.inference import Generator, open_generator
from sormctl.labelling import pilot
from sormctl.labelling.labels import outcome_labels, plain_tokens
from sormctl.labelling.options import Searching, searchable
from sormctl.labelling.pilot import Draw, draw_pilot
from sormctl.labelling.rollouts import Labelling, label_solutions
from sormctl.models import model_digest
from sormctl.records import Json, Solution, parse_solution, solution_json
from sormctl.report.labelling import plan_lines, summary_lines
from sormctl.streams.driver import Counts, Group, Transform, map_records, pipe_records
from sormctl.streams.grouping import Adjacent
from sormctl.streams.jsonl import Inputs
from sormctl.tasks.registry import get_task, with_task

Labeller = Callable[[Solution], Sequence[int]]


class By(StrEnum):
    """Where labels come from."""

    outcome = "outcome"
    rollouts = "rollouts"
    oracle = "oracle"


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
    searching: Searching,
    plan: Annotated[
        bool,
        typer.Option(
            "--plan", help="Label a small pilot only, and say what the whole input would cost."
        ),
    ] = False,
    concurrency: options.Concurrency = None,
    sampling: options.SamplingOptions,
    running: options.RunningOptions,
    streams: options.LongStreams,
) -> None:
    """Label the steps of solutions as correct or incorrect.

    `--by rollouts` walks backwards through a wrong solution and stops at the first prefix from
    which the student reaches the right answer; all steps up to there are correct. Solutions of a
    problem that stand together in the input share the rollouts of their common prefixes.

    Example: sormctl label-steps --by rollouts --model embedded:student -k 8 < samples.jsonl
    """
    how = searching.labelling()
    if plan and (by is not By.rollouts or streams.output):
        raise UsageError("--plan goes with --by rollouts and writes nothing; drop --by or -o")
    if by is not By.rollouts:
        job = streams.job("label-steps", {"by": by.value})
        label = _by_outcome if by is By.outcome else _by_oracle
        pipe_records(job, with_task(parse_solution), lambda solutions: _labelled(solutions, label))
        return
    if model is None:
        raise UsageError("--by rollouts needs --model, the student that made the solutions")
    parse = searchable(how, sampling.temperature)
    adjacent = Adjacent(searching.gather)
    if plan:
        inputs = Inputs(streams.inputs or (), streams.shard)
        with inputs.placing():
            draw = draw_pilot(adjacent.groups(inputs.records(parse)), searching.k, sampling.seed)
        for line in asyncio.run(_plan(draw, how, model, sampling, running)):
            typer.echo(line, err=True)
        return
    models = {"model": model, "weights": model_digest(model)}
    arguments = {"by": by.value, **models, **searching.arguments(), **running.identity()}
    map_records(
        streams.job("label-steps", {**arguments, **vars(sampling)}),
        parse,
        lambda solution: solution.solution_id,
        lambda: _labelling(how, open_generator(model, sampling, running)),
        concurrency,
        count=lambda record: _spent(record, searching.k),
        group=adjacent.groups,
        summary=lambda spent: summary_lines(spent, searching.name, adjacent.scattered),
    )


@asynccontextmanager
async def _labelling(
    how: Labelling, opening: AbstractAsyncContextManager[Generator]
) -> AsyncIterator[tuple[Transform[Group[Solution]], int]]:
    async with opening as generator:

        async def transform(group: Group[Solution]) -> Sequence[Json]:
            solutions, pending = group
            labelled = await label_solutions(generator, solutions, how)
            return [solution_json(solution) for solution in compress(labelled, pending)]

        yield transform, generator.engine.capacity


async def _plan(
    draw: Draw,
    how: Labelling,
    model: str,
    sampling: SamplingSettings,
    running: Running,
) -> Sequence[str]:
    if not draw.problems:
        raise UsageError("--plan: the input has no records")
    if not draw.plain_tokens:
        raise UsageError("--plan needs solutions with `usage.generated_tokens`, to go by")
    async with open_generator(model, sampling, running) as generator:
        return plan_lines(draw, await pilot.plan(generator, draw, how))


def _spent(record: Json, k: int) -> Counts:
    """What labelling a record generated, and about what the plain way would have."""
    return {
        "generated_tokens": sum(rollouts["generated_tokens"] for rollouts in record["rollouts"]),
        "plain_tokens": plain_tokens(record["steps"], record["usage"]["generated_tokens"], k),
    }


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
