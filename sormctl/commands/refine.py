"""`sormctl refine`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from enum import StrEnum
from typing import Annotated

import typer

from sormctl import options
from sormctl.errors import RecordError, UsageError
from sormctl.inference import (
    Judge,
    locate_error,
    open_generator,
    open_judge,
    refine_solution,
)
from sormctl.records import Json, Solution, parse_solution, solution_json
from sormctl.streams.driver import Job, Transform, map_records


class Mode(StrEnum):
    """What the refiner is told of the draft."""

    globally = "global"
    locally = "local"
    value = "value"


def refine(
    mode: Annotated[
        Mode,
        typer.Option(
            help="global: the draft alone; local: [BAD] before its first wrong step; value: "
            "[BAD] after its highest-value step."
        ),
    ],
    model: options.Model,
    inputs: options.Inputs = None,
    rm: Annotated[
        str | None, typer.Option("--rm", help="Reward model that locates the error.", metavar="M")
    ] = None,
    scores: Annotated[
        str | None, typer.Option(help="Locate the error by these scores of the drafts instead.")
    ] = None,
    threshold: Annotated[
        float, typer.Option("-T", "--threshold", help="A step that scores below it is wrong.")
    ] = 0.5,
    temperature: options.Temperature = 0.0,
    top_p: options.TopP = 1.0,
    max_tokens: options.MaxTokens = 300,
    seed: options.Seed = 0,
    prompt: options.PromptStyle = "auto",
    engine: options.EngineName = "hf",
    engine_arg: options.EngineArg = None,
    concurrency: options.Concurrency = 256,
    shard: options.Shard = None,
    output: options.Output = None,
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
    log_format: options.LogFormat = "text",
) -> None:
    """Refine drafts by a global, local or value refiner.

    Writes one refinement of each draft. A draft in which no step scores below the threshold is its
    own local refinement.

    Example: sormctl refine --mode local --model local/ --rm sorm/ < drafts.jsonl > local.jsonl
    """
    if mode is not Mode.globally and (rm is None) == (scores is None):
        raise UsageError(f"--mode {mode} needs either --rm MODEL or --scores NAME")
    settings = {
        "seed": seed,
        "temperature": temperature,
        "top_p": top_p,
        "max_tokens": max_tokens,
    }
    arguments = {"model": model, "prompt": prompt, "engine": engine, "engine_arg": engine_arg}
    how = {"mode": mode.value, "rm": rm, "scores": scores, "threshold": threshold}
    job = Job(
        "refine",
        {**arguments, **how, **settings},
        inputs or (),
        output,
        resume=resume,
        overwrite=overwrite,
        quiet=quiet,
        log_format=log_format,
        shard=shard,
    )

    @asynccontextmanager
    async def start() -> AsyncIterator[Transform[Solution]]:
        async with AsyncExitStack() as stack:
            generator = await stack.enter_async_context(
                open_generator(engine, engine_arg, model, prompt, settings)
            )
            judge = None
            if rm is not None and mode is not Mode.globally:
                judge = await stack.enter_async_context(open_judge(engine, engine_arg, rm, "auto"))

            async def transform(draft: Solution) -> Sequence[Json]:
                values = await _scores_of(draft, judge, scores)
                error = locate_error(values, mode.value, threshold)
                refined = await refine_solution(generator, draft, mode.value, error)
                return [solution_json(refined)]

            yield transform

    map_records(job, parse_solution, lambda draft: draft.solution_id, start, concurrency)


async def _scores_of(draft: Solution, judge: Judge | None, name: str | None) -> Sequence[float]:
    if judge is not None:
        return await judge.score(draft)
    if name is None:
        return ()
    if name not in draft.scores:
        raise RecordError(f"no `scores.{name}`; run `sormctl score --name {name}` first")
    return draft.scores[name]
