"""`sormctl sample`."""

from __future__ import annotations

from typing import Annotated

import typer

from sormctl import options
from sormctl.errors import UsageError
from sormctl.inference import open_generator, sample_solutions
from sormctl.models import model_digest
from sormctl.records import Problem
from sormctl.streams.completions import GENERATED
from sormctl.streams.driver import map_records
from sormctl.tasks.registry import known_task


def sample(
    *,
    model: options.Model,
    num_samples: Annotated[
        int, typer.Option("-n", "--num-samples", min=1, help="Solutions of each problem.")
    ] = 1,
    greedy: Annotated[
        bool, typer.Option("--greedy", help="One draft of each problem, at temperature 0.")
    ] = False,
    logprobs: Annotated[
        bool, typer.Option("--logprobs", help="Note log P(solution) as `logprob` in its source.")
    ] = False,
    concurrency: options.Concurrency = None,
    sampling: options.SamplingOptions,
    asking: options.AskingOptions,
    running: options.RunningOptions,
    streams: options.LongStreams,
) -> None:
    """Sample solutions of problems from a student model.

    Reads problems, writes graded solutions. With `-o` a run that was interrupted goes on with
    `--resume`.

    Example: sormctl problems chain -n 100 | sormctl sample --model embedded:student -n 4
    """
    if greedy and num_samples > 1:
        raise UsageError("--greedy makes one draft of each problem; drop -n")
    settings = sampling.greedy() if greedy else sampling
    said = asking.settings()
    models = {"model": model, "weights": model_digest(model)}
    asked = {"num_samples": num_samples, **said.identity(), **running.identity()}
    job = streams.job("sample", {**models, **asked, **vars(settings), "logprobs": logprobs})

    map_records(
        job,
        Problem,
        lambda: open_generator(model, settings, running, said, logprobs=logprobs),
        lambda generator, problem: sample_solutions(generator, problem, num_samples),
        check=known_task,
        concurrency=concurrency,
        costs=GENERATED,
    )
