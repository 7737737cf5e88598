"""Cheap labels against all rollouts from every prefix, on a real model."""

import asyncio
from collections.abc import Sequence
from itertools import islice
from math import sqrt

import pytest

from benchmarks.labelling import Floor
from sormctl.engines.running import Running, SamplingSettings
from sormctl.inference import Generator, open_generator, sample_solutions
from sormctl.labelling.rollouts import Labelling, label_solutions
from sormctl.labelling.strategies import Exact, Exhaustive, Guided
from sormctl.records import Solution
from sormctl.tasks.registry import get_task
from tests.present import present

SAMPLING = SamplingSettings(max_tokens=200)
PLAIN = Exhaustive(8)


async def label(
    student: Generator, groups: Sequence[Sequence[Solution]], how: Labelling
) -> list[Solution]:
    found = await asyncio.gather(*(label_solutions(student, group, how) for group in groups))
    return [solution for group in found for solution in group]


async def draw(student: Generator, problems: int, n: int) -> list[list[Solution]]:
    found = islice(present(get_task("chain").generate)("train", 0), problems)
    return await asyncio.gather(*(sample_solutions(student, p, n) for p in found))


def tokens(solutions: Sequence[Solution]) -> int:
    return sum(count.generated_tokens for s in solutions for count in s.rollouts or ())


def differing(solutions: Sequence[Solution], others: Sequence[Solution]) -> list[int]:
    """How many labels of each solution differ."""
    ours, theirs = ([s.labels_given() for s in each] for each in (solutions, others))
    pairs = zip(ours, theirs, strict=True)
    return [sum(a != b for a, b in zip(*pair, strict=True)) for pair in pairs]


@pytest.mark.parametrize("consistency", ["string", pytest.param("off", marks=pytest.mark.slow)])
def test_exact_labels_are_those_of_all_rollouts(consistency: str) -> None:
    async def both() -> tuple[list[Solution], list[Solution]]:
        async with open_generator("embedded:student", SAMPLING, Running()) as student:
            groups = await draw(student, 40, 4)
            alone = [[solution] for group in groups for solution in group]
            plain = await label(student, alone, Labelling(PLAIN, consistency))
            return await label(student, groups, Labelling(Exact(8), consistency)), plain

    exact, plain = asyncio.run(both())
    assert [s.labels for s in exact] == [s.labels for s in plain]
    wrong = [s for s in exact if not s.correct]
    assert len(exact) == 160 and len(wrong) > 160 // 10
    assert {label for s in wrong for label in s.labels or ()} == {0, 1}
    assert tokens(exact) < 0.5 * tokens(plain)


@pytest.mark.slow
def test_exact_labels_are_cheap() -> None:
    """Unrelated solutions near the floor of exact labels; those of one problem at half of that."""

    async def runs() -> list[int]:
        async with open_generator("embedded:student", SAMPLING, Running()) as student:
            unrelated = await draw(student, 160, 1)
            groups = await draw(student, 8, 32)
            alone = [[solution] for group in groups for solution in group]
            ways = (unrelated, Exact), (unrelated, Floor), (groups, Exact), (alone, Exact)
            return [tokens(await label(student, g, Labelling(way(8)))) for g, way in ways]

    ours, floor, together, apart = asyncio.run(runs())
    assert floor <= ours <= 1.1 * floor
    assert 0 < together <= 0.5 * apart


def excess(
    plain: Sequence[Solution], again: Sequence[Solution], ours: Sequence[Solution]
) -> tuple[float, float]:
    """How many more labels differ from `plain` in `ours` than in `again`, with its deviation.

    The gap of a solution has a mean of zero where both are labelled alike; solutions of different
    problems are independent, so their squares add up to the variance of the sum.
    """
    pairs = zip(differing(plain, ours), differing(plain, again), strict=True)
    gaps = [mine - theirs for mine, theirs in pairs]
    return sum(gaps), sqrt(sum(gap * gap for gap in gaps))


@pytest.mark.slow
def test_with_other_seeds_exact_labels_differ_as_two_plain_runs_do() -> None:
    """And the same test finds out who makes one rollout of a prefix, or gives up early."""

    async def runs() -> list[list[Solution]]:
        async with open_generator("embedded:student", SAMPLING, Running()) as student:
            groups = await draw(student, 320, 1)
            ways = (PLAIN, PLAIN, Exact(8), Exact(1), Guided(8, 0.2))
            return [
                await label(student.seeded(seed), groups, Labelling(way))
                for seed, way in enumerate(ways)
            ]

    plain, again, exact, hasty, guided = asyncio.run(runs())
    assert sum(differing(plain, again)) > 0
    more, deviation = excess(plain, again, exact)
    assert abs(more) <= 3 * deviation
    for ours in (hasty, guided):
        more, deviation = excess(plain, again, ours)
        assert more > 3 * deviation
