"""A map command on sormctl's own frame: two records of each, after `--seconds` of sleep.

`python -m tests.contract.slow slow [FILE]... [--seconds S] [-o FILE] [--resume]`
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated

import typer

from sormctl import cli, options
from sormctl.records import Json
from sormctl.streams.driver import Transform, map_records
from sormctl.streams.jobs import Job


@cli.app.command()
def slow(
    inputs: options.Inputs = None,
    seconds: Annotated[float, typer.Option()] = 0.0,
    concurrency: options.Concurrency = 4,
    output: options.Output = None,
    resume: options.Resume = False,
) -> None:
    """Sleep."""

    @asynccontextmanager
    async def start() -> AsyncIterator[tuple[Transform[Json], int]]:
        async def transform(record: Json) -> Sequence[Json]:
            await asyncio.sleep(seconds)
            return [{**record, "copy": i} for i in range(2)]

        yield transform, 1

    job = Job("slow", {}, inputs or (), output, resume=resume)
    map_records(job, dict, lambda record: str(record["id"]), start, concurrency)


if __name__ == "__main__":
    cli.main()
