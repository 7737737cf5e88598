"""`sormctl sample`."""

from __future__ import annotations

from typing import Annotated

import typer

from sormctl import model_options, options
from sormctl.errors import RecordError, UsageError
from sormctl.inference import model_identity, open_generator, sample_solutions
from sormctl.records import Json, Problem, parse_record
from sormctl.slots import Slot, check_slot
from sormctl.streams.completions import GENERATED
from sormctl.streams.driver import map_records
from sormctl.tasks.registry import known_task


def sample(
    *,
    model: model_options.Model,
    num_samples: Annotated[
        int, typer.Option("-n", "--num-samples", min=1, help="Solutions of each problem.")
    ] = 1,
    greedy: Annotated[
        bool, typer.Option("--greedy", help="One draft of each problem, at temperature 0.")
    ] = False,
    logprobs: Annotated[
        bool, typer.Option("--logprobs", help="Note log P(solution) as `logprob` in its source.")
    ] = False,
    concurrency: model_options.Concurrency = None,
    sampling: model_options.SamplingOptions,
    asking: model_options.AskingOptions,
    running: model_options.RunningOptions,
    streams: options.LongStreams,
) -> None:
    """Sample solutions of problems from a student model.

    Reads problems, writes graded solutions. With `-o` a run that was interrupted goes on with
    `--resume`.

    Example: sormctl problems chain -n 100 | sormctl sample --model embedded:student -n 4
    """
    if greedy and num_samples > 1:
        raise UsageError("--greedy makes one draft of each problem; drop -n")
    check_slot(model, Slot.student, is_hosted=running.is_hosted)
    settings = sampling.greedy() if greedy else sampling
    said = asking.settings()
    models = {"model": model, **model_identity(model, running)}
    asked = {"num_samples": num_samples, **said.identity(), **running.identity()}
    job = streams.job("sample", {**models, **asked, **vars(settings), "logprobs": logprobs})

    map_records(
        job,
        _problem,
        lambda: open_generator(
            model, settings, running, said, logprobs=logprobs, slot=Slot.student
        ),
        lambda generator, problem: sample_solutions(generator, problem, num_samples),
        check=known_task,
        concurrency=concurrency,
        costs=GENERATED,
    )


def _problem(data: Json) -> Problem:
    """A problem; a solution of it is refused, whose problem would be sampled once for each."""
    if "solution_id" in data and "steps" in data:
        raise RecordError(
            "this is a solution; give problems, such as `sormctl problems` writes, or see "
            "`sormctl refine`"
        )
    return parse_record(data, Problem)
