"""`sormctl score`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from sormctl import options
from sormctl.inference import open_judge
from sormctl.models import model_digest
from sormctl.records import Json, Solution, parse_solution, solution_json
from sormctl.streams.driver import Transform, map_records, no_tokens
from sormctl.tasks.registry import with_task


def score(
    *,
    rm: options.RewardModel,
    name: Annotated[
        str | None, typer.Option(help="Name of the scores; the model folder's name by default.")
    ] = None,
    concurrency: options.Concurrency = None,
    running: options.RunningOptions,
    streams: options.LongStreams,
) -> None:
    """Put a reward model's step scores on solutions.

    Writes each solution with `scores.NAME`: P(correct) after each step, from one forward pass.

    Example: sormctl score --rm orm/ < drafts.jsonl > scored.jsonl
    """
    label = name or Path(rm).resolve().name
    arguments = {"rm": rm, "weights": model_digest(rm), "name": label, **running.identity()}
    job = streams.job("score", arguments)

    @asynccontextmanager
    async def start() -> AsyncIterator[tuple[Transform[Solution], int]]:
        async with open_judge(rm, running) as judge:

            async def transform(solution: Solution) -> Sequence[Json]:
                scores = {**solution.scores, label: await judge.score(solution)}
                return [solution_json(replace(solution, scores=scores))]

            yield transform, judge.engine.capacity

    map_records(
        job,
        with_task(parse_solution),
        lambda solution: solution.solution_id,
        start,
        concurrency,
        count=no_tokens,
    )
