"""What step labels cost: generated tokens, time, and agreement with the plain way's labels.

usage: python -m benchmarks.labelling [--model M] [--task chain] [--solutions N] [--rm SORM]

The plain way is K rollouts from every prefix of every solution. Its labels are drawn anew with
other seeds, too: that agreement is the noise floor, and no way can be asked for more. The floor of
exact labelling makes one rollout at a time: K failures at every prefix that must be shown
negative, and up to the first success at the last positive one.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sormctl.inference import (
    Generator,
    Labelling,
    label_solutions,
    open_generator,
    open_judge,
    sample_solutions,
)
from sormctl.records import Solution
from sormctl.strategies import Ask, Bisect, Exact, Exhaustive, Guided, Strategy, Tried
from sormctl.streams.rows import read_problems

TOLERANCES = (0.01, 0.02, 0.05, 0.1)
Group = Sequence[Solution]


class EarlyStop(Exact):
    """Every prefix, each up to its first success."""

    def asks(self, correct: bool, tried: Sequence[Tried], scores: Sequence[float]) -> list[Ask]:
        """One wave for each prefix that is not decided."""
        open_ = [i for i, t in enumerate(tried, 1) if not t.succeeded and t.made < self.k]
        return [self._more(length, tried) for length in open_]


class Floor(Exact):
    """The exact strategy, one rollout at a time."""

    def _more(self, length: int, tried: Sequence[Tried]) -> Ask:
        return Ask(length, tried[length - 1].made + 1)


@dataclass(frozen=True)
class Run:
    """What one way of labelling gave."""

    labelled: list[Solution]
    seconds: float

    @property
    def tokens(self) -> int:
        return sum(count.generated_tokens for s in self.labelled for count in s.rollouts or ())


async def label(student: Generator, groups: Sequence[Group], how: Labelling) -> Run:
    """Labels all groups, as many at once as there are."""
    start = time.perf_counter()
    found = await asyncio.gather(*(label_solutions(student, group, how) for group in groups))
    return Run([s for group in found for s in group], time.perf_counter() - start)


async def alone(student: Generator, groups: Sequence[Group], strategy: Strategy) -> Run:
    """Labels each solution as if it had no siblings."""
    single = [[solution] for group in groups for solution in group]
    return await label(student, single, Labelling(strategy))


def disagreement(run: Run, other: Run) -> float:
    """Share of step labels that differ."""
    pairs = zip(run.labelled, other.labelled, strict=True)
    steps = [(a, b) for s, t in pairs for a, b in zip(s.labels or (), t.labels or (), strict=True)]
    return sum(a != b for a, b in steps) / len(steps)


class Table:
    """Prints a row for each way, beside the plain one."""

    def __init__(self, title: str, plain: Run) -> None:
        print(f"\n{title}\n{'':34}{'tokens':>10}{'share':>8}{'labels differ':>15}{'seconds':>9}")
        self._plain = plain

    def add(self, name: str, run: Run) -> None:
        share = run.tokens / self._plain.tokens
        differ = disagreement(run, self._plain)
        print(f"{name:34}{run.tokens:10,}{share:8.3f}{differ:15.2%}{run.seconds:9.1f}", flush=True)


async def unrelated(student: Generator, groups: Sequence[Group], k: int, rm: bool) -> None:
    """One solution a problem."""
    fresh = replace(student, seed=student.seed + 1)
    plain = await alone(student, groups, Exhaustive(k))
    steps = sum(len(s.steps) for s in plain.labelled)
    wrong = sum(not s.correct for s in plain.labelled)
    title = f"{len(plain.labelled)} unrelated solutions, {wrong} of them wrong, {steps} steps"
    table = Table(title, plain)
    table.add("plain", plain)
    table.add("plain, other seeds: noise floor", await alone(fresh, groups, Exhaustive(k)))
    table.add("early stop", await alone(student, groups, EarlyStop(k)))
    table.add("exact, one at a time: cost floor", await alone(student, groups, Floor(k)))
    table.add("exact", await alone(student, groups, Exact(k)))
    table.add("exact, other seeds", await alone(fresh, groups, Exact(k)))
    table.add("bisect, other seeds", await alone(fresh, groups, Bisect(k)))
    for scores in (None, "rm") if rm else (None,):
        for tolerance in TOLERANCES:
            how = Labelling(Guided(k, tolerance), scores=scores)
            name = f"guided {tolerance}{' by rm' if scores else ''}, other seeds"
            table.add(name, await label(fresh, groups, how))


async def related(student: Generator, groups: Sequence[Group], k: int, rm: bool) -> None:
    """Many samples of each problem."""
    fresh = replace(student, seed=student.seed + 1)
    plain = await alone(student, groups, Exhaustive(k))
    table = Table(f"{len(groups)} problems with {len(groups[0])} samples each", plain)
    table.add("plain", plain)
    table.add("plain, other seeds: noise floor", await alone(fresh, groups, Exhaustive(k)))
    table.add("exact, as unrelated solutions", await alone(student, groups, Exact(k)))
    table.add("exact", await label(student, groups, Labelling(Exact(k))))
    siblings = Labelling(Exact(k), siblings=True)
    table.add("exact, siblings, other seeds", await label(fresh, groups, siblings))
    for scores in (None, "rm") if rm else (None,):
        for tolerance in TOLERANCES:
            how = Labelling(Guided(k, tolerance), siblings=True, scores=scores)
            name = f"guided {tolerance}{' by rm' if scores else ''}, siblings"
            table.add(name, await label(fresh, groups, how))


async def draw(
    student: Generator, options: argparse.Namespace, problems: int, n: int
) -> list[Group]:
    """`n` samples of each of some problems, scored as `rm` if there is a reward model."""
    found = read_problems(
        options.task, "test", data_dir=options.data_dir, limit=problems, seed=options.seed
    )
    groups = await asyncio.gather(*(sample_solutions(student, p, n) for p in found))
    if options.rm is None:
        return list(groups)
    async with open_judge(options.rm) as judge:

        async def scored(solution: Solution) -> Solution:
            return replace(solution, scores={"rm": await judge.score(solution)})

        return [await asyncio.gather(*map(scored, group)) for group in groups]


async def main() -> None:
    """Prints both tables."""
    options = _options()
    settings = {"seed": options.seed, "temperature": 0.7, "max_tokens": options.max_tokens}
    async with open_generator(options.model, settings) as student:
        single = await draw(student, options, options.solutions, 1)
        await unrelated(student, single, options.k, options.rm is not None)
        problems = max(1, options.solutions // options.samples)
        many = await draw(student, options, problems, options.samples)
        await related(student, many, options.k, options.rm is not None)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="embedded:student")
    parser.add_argument("--task", default="chain")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--solutions", type=int, default=1000)
    parser.add_argument("--samples", type=int, default=32, help="of a problem, second table")
    parser.add_argument("--rm", help="a SORM that guides, such as runs/demo/sorm")
    parser.add_argument("--max-tokens", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-k", type=int, default=8)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())
