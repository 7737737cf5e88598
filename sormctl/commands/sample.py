"""`sormctl sample`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated

import typer

from sormctl import options
from sormctl.errors import UsageError
from sormctl.inference import open_generator, sample_solutions
from sormctl.records import Json, Problem, parse_problem, solution_json
from sormctl.streams.driver import Job, Transform, map_records


def sample(
    model: options.Model,
    inputs: options.Inputs = None,
    num_samples: Annotated[
        int, typer.Option("-n", "--num-samples", min=1, help="Solutions of each problem.")
    ] = 1,
    greedy: Annotated[
        bool, typer.Option("--greedy", help="One draft of each problem, at temperature 0.")
    ] = False,
    temperature: options.Temperature = 0.7,
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
    """Sample solutions of problems from a student model.

    Reads problems, writes graded solutions. With `-o` a run that was interrupted goes on with
    `--resume`.

    Example: sormctl problems chain -n 100 | sormctl sample --model embedded:student -n 4
    """
    if greedy and num_samples > 1:
        raise UsageError("--greedy makes one draft of each problem; drop -n")
    settings = {
        "seed": seed,
        "temperature": 0.0 if greedy else temperature,
        "top_p": top_p,
        "max_tokens": max_tokens,
    }
    arguments = {"model": model, "prompt": prompt, "engine": engine, "engine_arg": engine_arg}
    job = Job(
        "sample",
        {**arguments, "num_samples": num_samples, **settings},
        inputs or (),
        output,
        resume=resume,
        overwrite=overwrite,
        quiet=quiet,
        log_format=log_format,
        shard=shard,
    )

    @asynccontextmanager
    async def start() -> AsyncIterator[Transform[Problem]]:
        async with open_generator(engine, engine_arg, model, prompt, settings) as generator:

            async def transform(problem: Problem) -> Sequence[Json]:
                solutions = await sample_solutions(generator, problem, num_samples)
                return [solution_json(solution) for solution in solutions]

            yield transform

    map_records(job, parse_problem, lambda problem: problem.problem_id, start, concurrency)
