"""What a labelling run will cost, from a small pilot, before it is begun."""

from __future__ import annotations

import time
from asyncio import gather
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from math import sqrt
from random import Random

from sormctl.engines.base import Completion, Engine, EngineWrapper, Sampling
from sormctl.inference import Generator
from sormctl.labelling.labels import plain_tokens
from sormctl.labelling.rollouts import Labelling, label_solutions
from sormctl.labelling.strategies import Exact, Exhaustive
from sormctl.prompts import Prompt
from sormctl.records import Solution

PILOT = 32  # problems
Solutions = Sequence[Solution]  # of one problem


@dataclass(frozen=True, slots=True)
class Draw:
    """A fair sample of the problems of a stream, and the whole of it in numbers.

    `plain_tokens` estimates what all rollouts from every prefix would generate.
    """

    pilot: list[Solutions]
    problems: int
    solutions: int
    plain_tokens: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is expected to need; `error` is the standard error of `tokens`.

    `differing` is the share of the pilot's labels that are not the exact strategy's; None where
    they are the same by design.
    """

    rollouts: float
    tokens: float
    error: float
    seconds: float
    differing: float | None


def draw_pilot(groups: Iterable[Solutions], k: int, seed: int) -> Draw:
    """Draws the pilot in one pass; memory holds no more than that."""
    random = Random(seed)
    pilot: list[Solutions] = []
    problems = solutions = plain = 0
    for group in groups:
        place = problems if problems < PILOT else random.randrange(problems + 1)
        if place < PILOT:
            pilot[place : place + 1] = [group]
        problems += 1
        solutions += len(group)
        plain += plain_cost(group, k)
    return Draw(pilot, problems, solutions, plain)


async def plan(generator: Generator, draw: Draw, how: Labelling) -> Plan:
    """Labels the pilot and scales what it cost by the plain way's cost of both."""
    start = time.perf_counter()
    metered = await gather(*(_metered(generator, group, how) for group in draw.pilot))
    seconds = time.perf_counter() - start
    meters = [meter for meter, _ in metered]
    plain = [plain_cost(group, how.strategy.k) for group in draw.pilot]
    scale = draw.plain_tokens / max(1, sum(plain))
    share = sum(meter.tokens for meter in meters) / max(1, sum(plain))
    residues = [meter.tokens - share * p for meter, p in zip(meters, plain, strict=True)]
    unseen = sqrt(1 - len(draw.pilot) / draw.problems)  # a pilot of everything is no guess
    return Plan(
        rollouts=scale * sum(meter.rollouts for meter in meters),
        tokens=scale * sum(meter.tokens for meter in meters),
        error=scale * unseen * sqrt(sum(r * r for r in residues)),
        seconds=scale * seconds,
        differing=await _differing(generator, [labelled for _, labelled in metered], how),
    )


def plain_cost(group: Solutions, k: int) -> int:
    """Tokens of the plain way for some solutions."""
    return sum(plain_tokens(s.steps, s.usage.generated_tokens, k) for s in group)


class _Meter(EngineWrapper):
    """An engine that counts what it generates."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.rollouts = self.tokens = 0

    async def sample(self, prompt: Prompt, params: Sampling) -> list[Completion]:
        found = await super().sample(prompt, params)
        self.rollouts += len(found)
        self.tokens += sum(completion.generated_tokens for completion in found)
        return found


async def _metered(
    generator: Generator, group: Solutions, how: Labelling
) -> tuple[_Meter, list[Solution]]:
    meter = _Meter(generator.engine)
    return meter, await label_solutions(replace(generator, engine=meter), group, how)


async def _differing(
    generator: Generator, labelled: Sequence[Solutions], how: Labelling
) -> float | None:
    if isinstance(how.strategy, Exact | Exhaustive):
        return None
    exact = replace(how, strategy=Exact(how.strategy.k))
    again = await gather(*(label_solutions(generator, group, exact) for group in labelled))
    pairs = [
        (ours, right)
        for found, wanted in zip(chain(*labelled), chain(*again), strict=True)
        for ours, right in zip(found.labels or (), wanted.labels or (), strict=True)
    ]
    return sum(ours != right for ours, right in pairs) / max(1, len(pairs))
