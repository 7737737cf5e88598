"""A job over numbered problems whose work is done by a scripted engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson

from sormctl.engines.base import Sampling
from sormctl.prompts import Prompt
from sormctl.records import Json
from sormctl.streams.driver import Transform, map_records
from sormctl.streams.jobs import Job
from tests.fakes import ScriptedEngine


def problems(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [{"id": f"p{i}", "words": i % 4 + 1} for i in range(start, start + count)]


def write(path: Path, records: Sequence[Json]) -> str:
    path.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in records))
    return str(path)


def read(path: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def echo(prompt: Prompt, seed: int) -> str:
    """As many words as the prompt says."""
    return " ".join([f"s{seed}"] * int(prompt.text.split()[-1]))


def scripted() -> ScriptedEngine:
    return ScriptedEngine(echo)


def run(
    job: Job, engine: ScriptedEngine, concurrency: int | None = 3, num_samples: int = 2
) -> None:
    """Samples each problem: `num_samples` records for the first, none for each fifth."""

    @asynccontextmanager
    async def start() -> AsyncIterator[tuple[Transform[Json], int]]:
        async with engine:

            async def transform(problem: Json) -> Sequence[Json]:
                seeds = tuple(range(0 if problem["words"] == 5 else num_samples))
                prompt = Prompt(f"{problem['id']} {problem['words']}")
                made = await engine.sample(prompt, Sampling(seeds))
                return [
                    {
                        "id": problem["id"],
                        "text": completion.text,
                        "usage": {"generated_tokens": completion.generated_tokens},
                    }
                    for completion in made
                ]

            yield transform, engine.capacity

    map_records(job, lambda data: data, lambda problem: str(problem["id"]), start, concurrency)
