"""What a labelling run will cost, from a small pilot, before it is begun."""

from __future__ import annotations

import time
from asyncio import gather
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from random import Random

from sormctl.inference import Generator, Labelling, label_solutions
from sormctl.labelling import plain_tokens
from sormctl.records import Solution

PILOT = 32  # problems
Group = Sequence[Solution]


@dataclass(frozen=True, slots=True)
class Draw:
    """A fair sample of the problems of a stream, and the whole of it in numbers.

    `plain_tokens` estimates what all rollouts from every prefix would generate.
    """

    pilot: list[Group]
    problems: int
    solutions: int
    plain_tokens: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is expected to need; `error` is the standard error of `tokens`."""

    rollouts: float
    tokens: float
    error: float
    seconds: float


def draw_pilot(groups: Iterable[Group], k: int, seed: int) -> Draw:
    """Draws the pilot in one pass; memory holds no more than that."""
    random = Random(seed)
    pilot: list[Group] = []
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
    labelled = await gather(*(label_solutions(generator, group, how) for group in draw.pilot))
    seconds = time.perf_counter() - start
    plain = [plain_cost(group, how.strategy.k) for group in draw.pilot]
    spent = [_paid(group, "generated_tokens") for group in labelled]
    scale = draw.plain_tokens / max(1, sum(plain))
    share = sum(spent) / max(1, sum(plain))
    residues = [s - share * p for s, p in zip(spent, plain, strict=True)]
    unseen = sqrt(1 - len(draw.pilot) / draw.problems)  # a pilot of everything is no guess
    return Plan(
        rollouts=scale * sum(_paid(group, "tried") for group in labelled),
        tokens=scale * sum(spent),
        error=scale * unseen * sqrt(sum(r * r for r in residues)),
        seconds=scale * seconds,
    )


def report(draw: Draw, expected: Plan) -> tuple[str, ...]:
    """The plan in a few lines for a person."""
    share = expected.tokens / max(1, draw.plain_tokens)
    return (
        f"{draw.solutions:,} solutions of {draw.problems:,} problems; all rollouts from every "
        f"prefix would generate about {draw.plain_tokens:,} tokens",
        f"expected: {expected.rollouts:,.0f} rollouts, {expected.tokens:,.0f} tokens "
        f"(± {1.96 * expected.error:,.0f}), {share:.0%} of that",
        f"at the pilot's speed ({len(draw.pilot)} problems): {expected.seconds / 60:,.1f} minutes",
    )


def plain_cost(group: Group, k: int) -> int:
    """Tokens of the plain way for some solutions."""
    return sum(plain_tokens(s.steps, s.usage.generated_tokens, k) for s in group)


def _paid(group: Group, field: str) -> int:
    """The sum of a count over the prefixes that were rolled out, shared ones once."""
    counts = (count for s in group for count in s.rollouts or () if count.generated_tokens)
    return sum(getattr(count, field) for count in counts)
