"""A map command on sormctl's own frame: two records of each, after `--seconds` of sleep.

`python -m tests.contract.slow slow [FILE]... [--seconds S] [-o FILE] [--resume]`
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated

import typer

from sormctl import cli, model_options, options
from sormctl.streams.driver import map_records
from sormctl.streams.job_outputs import Job
from tests.unit.streams.jobs import Item, Model, opening


@cli.app.command()
def slow(
    inputs: options.Inputs = None,
    seconds: Annotated[float, typer.Option()] = 0.0,
    concurrency: model_options.Concurrency = 4,
    output: options.Output = None,
    resume: options.Resume = False,
) -> None:
    """Sleep."""

    async def copied(model: Model, record: Item) -> Sequence[Item]:
        await asyncio.sleep(seconds)
        return [Item({**record, "copy": i}) for i in range(2)]

    job = Job("slow", {}, inputs or (), output, resume=resume)
    map_records(job, Item, opening, copied, concurrency=concurrency)


@cli.app.command()
def stubborn() -> None:
    """Go on when interrupted."""
    while True:
        with suppress(KeyboardInterrupt):
            typer.echo("here")
            time.sleep(60)


if __name__ == "__main__":
    cli.main()
