"""What step labels cost: generated tokens, time, and agreement with the plain way's labels.

usage: python -m benchmarks.labelling [--task chain] [--rm SORM] [--plot FILE.svg] …

The plain way is K rollouts from every prefix of every solution. Its labels are drawn anew with
other seeds, too: that agreement is the noise floor, and no way can be asked for more. The floor of
exact labelling makes one rollout at a time: K failures at every prefix that must be shown
negative, and up to the first success at the last positive one. Where the task knows the truth of
every step, a guide that knows it shows what no reward model can do better.

With --once each rollout is generated once and shown to every way that asks for it; its tokens count
each time, and there are no seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isnan, nan
from pathlib import Path

from msgspec import structs

from sormctl.engines.base import Completion, Engine, EngineWrapper, Sampling
from sormctl.engines.running import Running, SamplingSettings
from sormctl.inference import Generator, open_generator, sample_solutions
from sormctl.judging import open_judge
from sormctl.labelling.rollouts import Labelling, label_solutions
from sormctl.labelling.strategies import Ask, Bisect, Exact, Exhaustive, Guided, Strategy, Tried
from sormctl.problems import read_problems
from sormctl.prompts import Prompt
from sormctl.records import Solution
from sormctl.tasks.registry import get_task

TOLERANCES = (0.01, 0.02, 0.05, 0.1)
Group = Sequence[Solution]


class EarlyStop(Exact):
    """Every prefix, each up to its first success."""

    def asks(self, correct: bool, tried: Sequence[Tried], scores: Sequence[float]) -> list[Ask]:
        """One wave for each prefix that is not decided."""
        open_ = [i for i, t in enumerate(tried, 1) if not t.succeeded and t.rollouts < self.k]
        return [self._more(length, tried) for length in open_]


class Floor(Exact):
    """The exact strategy, one rollout at a time."""

    def _more(self, length: int, tried: Sequence[Tried]) -> Ask:
        return Ask(length, tried[length - 1].rollouts + 1)


@dataclass(frozen=True)
class Run:
    """What one way of labelling gave. `seconds` are nan where rollouts were not generated anew."""

    labelled: list[Solution]
    seconds: float

    @property
    def tokens(self) -> int:
        return sum(count.generated_tokens for s in self.labelled for count in s.rollouts or ())


async def label(student: Generator, groups: Sequence[Group], how: Labelling) -> Run:
    """Labels all groups, as many at once as there are."""
    start = time.perf_counter()
    found = await asyncio.gather(*(label_solutions(student, group, how) for group in groups))
    seconds = nan if isinstance(student.engine, Once) else time.perf_counter() - start
    return Run([s for group in found for s in group], seconds)


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
    """Prints a row for each way, beside the plain one; `rows` keeps (name, share, differing)."""

    def __init__(self, title: str, plain: Run) -> None:
        print(f"\n{title}\n{'':36}{'tokens':>9}{'share':>8}{'labels differ':>15}{'seconds':>9}")
        self._plain = plain
        self.rows: list[tuple[str, float, float]] = []

    def add(self, name: str, run: Run) -> None:
        share = run.tokens / self._plain.tokens
        differ = disagreement(run, self._plain)
        seconds = "" if isnan(run.seconds) else f"{run.seconds:9.1f}"
        print(f"{name:36}{run.tokens:9,}{share:8.3f}{differ:15.2%}{seconds}", flush=True)
        self.rows.append((name, share, differ))


class Once(EngineWrapper):
    """An engine that remembers what it generated."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.made: dict[tuple[str, int], Completion] = {}

    async def sample(self, prompt: Prompt, params: Sampling) -> list[Completion]:
        """Completions of `prompt`, new where this prompt was not sampled with that seed."""
        new = tuple(seed for seed in params.seeds if (prompt.text, seed) not in self.made)
        if new:
            found = await super().sample(prompt, replace(params, seeds=new))
            self.made.update(zip([(prompt.text, seed) for seed in new], found, strict=True))
        return [self.made[prompt.text, seed] for seed in params.seeds]


async def unrelated(
    student: Generator, groups: Sequence[Group], k: int, guides: Sequence[str]
) -> Table:
    """One solution a problem."""
    fresh = student.seeded(student.sampling.seed + 1)
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
    for scores in (None, *guides):
        for tolerance in TOLERANCES:
            how = Labelling(Guided(k, tolerance), scores=scores)
            name = f"guided {tolerance}{by(scores)}, other seeds"
            table.add(name, await label(fresh, groups, how))
    return table


def by(scores: str | None) -> str:
    """What guides, in the name of a row."""
    return f" by {scores}" if scores else ""


async def related(
    student: Generator, groups: Sequence[Group], k: int, guides: Sequence[str]
) -> None:
    """Many samples of each problem."""
    fresh = student.seeded(student.sampling.seed + 1)
    plain = await alone(student, groups, Exhaustive(k))
    table = Table(f"{len(groups)} problems with {len(groups[0])} samples each", plain)
    table.add("plain", plain)
    table.add("plain, other seeds: noise floor", await alone(fresh, groups, Exhaustive(k)))
    table.add("exact, as unrelated solutions", await alone(student, groups, Exact(k)))
    table.add("exact", await label(student, groups, Labelling(Exact(k))))
    siblings = Labelling(Exact(k), siblings=True)
    table.add("exact, siblings, other seeds", await label(fresh, groups, siblings))
    for scores in (None, *guides):
        for tolerance in TOLERANCES:
            how = Labelling(Guided(k, tolerance), siblings=True, scores=scores)
            name = f"guided {tolerance}{by(scores)}, siblings"
            table.add(name, await label(fresh, groups, how))


async def draw(
    student: Generator, options: argparse.Namespace, problems: int, n: int
) -> list[Group]:
    """`n` samples of each of some problems, scored by what may guide."""
    found = read_problems(
        options.task, "test", data_dir=options.data_dir, limit=problems, seed=options.seed
    )
    drawn = await asyncio.gather(*(sample_solutions(student, p, n) for p in found))
    oracle = get_task(options.task).oracle
    groups: list[Group] = [
        [_known(s, oracle(s)) if oracle else s for s in group] for group in drawn
    ]
    if options.rm is None:
        return groups
    async with open_judge(options.rm, Running()) as judge:

        async def scored(solution: Solution) -> Solution:
            scores = {**solution.scores, "rm": await judge.score(solution)}
            return structs.replace(solution, scores=scores)

        return [await asyncio.gather(*map(scored, group)) for group in groups]


def _known(solution: Solution, labels: Sequence[int]) -> Solution:
    """With the truth of its steps as scores; that it is wrong is known without it."""
    return structs.replace(solution, scores={"oracle": (*map(float, labels[:-1]), 0.0)})


def draw_plot(rows: Sequence[tuple[str, float, float]], path: Path) -> None:
    """Labels that differ against tokens, both as shares of the plain way's, as an SVG file."""
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    from examples.paper.report.plots import BLUE, GREEN, GREY, ORANGE, RED, STYLE, save

    found = {name.removesuffix(", other seeds"): (share, differ) for name, share, differ in rows}
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.5, 4.2), layout="constrained")
        axes = figure.subplots()
        axes.axhline(found["plain, other seeds: noise floor"][1], color=GREY, ls="--", lw=1)
        axes.axvline(0.1, color=GREY, ls=":", lw=1)
        for name, colour in (("exact", BLUE), ("bisect", GREEN)):
            axes.plot(*found[name], "o", color=colour, label=name)
        for scores, colour in ((None, ORANGE), ("rm", RED), ("oracle", "black")):
            names = [f"guided {tolerance}{by(scores)}" for tolerance in TOLERANCES]
            points = [found[name] for name in names if name in found]
            if points:
                axes.plot(
                    *zip(*points, strict=True), ".-", color=colour, label=f"guided{by(scores)}"
                )
        axes.set(xlabel="tokens, as a share of the plain way's", ylabel="labels that differ")
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.set_xlim(0)
        axes.set_ylim(0)
        axes.legend(frameon=False)
    save(figure, path)


async def main() -> None:
    """Prints both tables, and draws the first."""
    options = _options()
    sampling = SamplingSettings(0.7, max_tokens=options.max_tokens, seed=options.seed)
    async with open_generator(options.model, sampling, Running()) as student:
        if options.once:
            student = replace(student, engine=Once(student.engine))
        single = await draw(student, options, options.solutions, 1)
        guides = sorted(single[0][0].scores, reverse=True)
        table = await unrelated(student, single, options.k, guides)
        if options.plot:
            draw_plot(table.rows, options.plot)
        problems = max(1, options.solutions // options.samples)
        many = await draw(student, options, problems, options.samples)
        await related(student, many, options.k, guides)


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
    parser.add_argument("--once", action="store_true", help="generate each rollout once; no times")
    parser.add_argument("--plot", type=Path, help="draw the first table (SVG)")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())
