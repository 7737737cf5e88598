"""`sormctl refine`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from sormctl import options
from sormctl.errors import RecordError, UsageError
from sormctl.evaluation.steps import THRESHOLD
from sormctl.inference import Judge, locate_error, open_generator, open_judge, refine_solution
from sormctl.models import model_digest
from sormctl.records import Json, Solution, parse_solution, solution_json
from sormctl.streams.driver import Transform, map_records
from sormctl.tasks.registry import with_task


class Mode(StrEnum):
    """What the refiner is told of the draft."""

    globally = "global"
    locally = "local"
    value = "value"


@dataclass(frozen=True)
class GreedySampling(options.SamplingOptions):
    """Refinements are greedy unless asked otherwise (3.2)."""

    temperature: options.Temperature = 0.0


def refine(
    *,
    mode: Annotated[
        Mode,
        typer.Option(
            help="global: the draft alone; local: [BAD] before its first wrong step; value: "
            "[BAD] after its highest-value step."
        ),
    ],
    model: options.Model,
    rm: Annotated[
        str | None, typer.Option("--rm", help="Reward model that locates the error.", metavar="M")
    ] = None,
    scores: Annotated[
        str | None, typer.Option(help="Locate the error by these scores of the drafts instead.")
    ] = None,
    threshold: options.Threshold = THRESHOLD,
    concurrency: options.Concurrency = None,
    sampling: GreedySampling,
    running: options.RunningOptions,
    streams: options.LongStreams,
) -> None:
    """Refine drafts by a global, local or value refiner.

    Writes one refinement of each draft. A draft in which no step scores below the threshold is its
    own local refinement.

    Example: sormctl refine --mode local --model local/ --rm sorm/ < drafts.jsonl > local.jsonl
    """
    if mode is not Mode.globally and (rm is None) == (scores is None):
        raise UsageError(f"--mode {mode} needs either --rm MODEL or --scores NAME")
    how = {"mode": mode.value, "rm": rm, "scores": scores, "threshold": threshold}
    weights = [model_digest(name) for name in (model, rm) if name]
    arguments = {"model": model, "weights": weights, **how, **running.identity(), **vars(sampling)}
    job = streams.job("refine", arguments)

    @asynccontextmanager
    async def start() -> AsyncIterator[tuple[Transform[Solution], int]]:
        locator = None if mode is Mode.globally else rm
        how_run = running.of_two() if locator else running
        judge = None
        async with AsyncExitStack() as stack:
            generator = await stack.enter_async_context(open_generator(model, sampling, how_run))
            if locator:
                judge = await stack.enter_async_context(open_judge(locator, how_run.as_trained()))

            async def transform(draft: Solution) -> Sequence[Json]:
                values = await _scores_of(draft, judge, scores)
                error = locate_error(values, mode.value, threshold)
                refined = await refine_solution(generator, draft, mode.value, error)
                return [solution_json(refined)]

            yield transform, generator.engine.capacity

    map_records(job, with_task(parse_solution), lambda draft: draft.solution_id, start, concurrency)


async def _scores_of(draft: Solution, judge: Judge | None, name: str | None) -> Sequence[float]:
    if judge is not None:
        return await judge.score(draft)
    if name is None:
        return ()
    if name not in draft.scores:
        raise RecordError(f"no `scores.{name}`; run `sormctl score --name {name}` first")
    return draft.scores[name]
