"""A job over numbered problems whose work is done by a scripted engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from sormctl.engines.base import Engine, Sampling
from sormctl.engines.keeping import KeepingEngine, Kept
from sormctl.prompts import Prompt
from sormctl.records import Json
from sormctl.streams.driver import Costs, map_records
from sormctl.streams.job_outputs import Job
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


@dataclass(frozen=True)
class Model:
    """A model of nothing but an engine."""

    engine: Engine
    notes: Sequence[str] = ()
    in_progress: int = 0

    @property
    def capacity(self) -> int:
        return self.engine.capacity

    def keeping(self, kept: Kept) -> Model:
        return Model(KeepingEngine(self.engine, kept), self.notes)


@asynccontextmanager
async def opened(engine: ScriptedEngine) -> AsyncIterator[Model]:
    async with engine:
        yield Model(engine, engine.notes)


def opening() -> AbstractAsyncContextManager[Model]:
    return opened(scripted())


class Item(dict[str, Any]):
    """A problem without a schema."""

    question: str = "?"
    answer: str | None = None

    @property
    def key(self) -> str:
        return str(self["id"])


def run(
    job: Job, engine: ScriptedEngine, concurrency: int | None = 3, num_samples: int = 2
) -> None:
    """Samples each problem: `num_samples` records for the first, none for each fifth."""

    async def sampled(model: Model, problem: Item) -> Sequence[Item]:
        seeds = tuple(range(0 if problem["words"] == 5 else num_samples))
        prompt = Prompt(f"{problem['id']} {problem['words']}")
        return [
            Item(
                id=problem["id"],
                text=completion.text,
                usage={"generated_tokens": completion.generated_tokens},
            )
            for completion in await model.engine.sample(prompt, Sampling(seeds))
        ]

    costs: Costs[Item] = Costs(lambda made: made["usage"])
    map_records(job, Item, lambda: opened(engine), sampled, concurrency=concurrency, costs=costs)
