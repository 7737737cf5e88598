"""`sormctl label-steps`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any

import typer

from sormctl import options, planning
from sormctl.engines.encoding import model_digest
from sormctl.errors import RecordError, UsageError
from sormctl.inference import Labelling, label_solutions, open_generator
from sormctl.labelling import outcome_labels, plain_tokens
from sormctl.planning import draw_pilot
from sormctl.records import Json, Solution, parse_solution, solution_json
from sormctl.strategies import TOLERANCE, strategy
from sormctl.streams.driver import Transform, map_records, pipe_records
from sormctl.streams.grouping import adjacent_solutions
from sormctl.streams.jsonl import Inputs
from sormctl.tasks.registry import get_task, with_task

Labeller = Callable[[Solution], Sequence[int]]


class By(StrEnum):
    """Where labels come from."""

    outcome = "outcome"
    rollouts = "rollouts"
    oracle = "oracle"


class How(StrEnum):
    """Which rollouts are made; see `strategies`."""

    exact = "exact"
    exhaustive = "exhaustive"
    bisect = "bisect"
    guided = "guided"


class Consistency(StrEnum):
    """How the consistency check looks for a result; see `labelling.is_consistent`."""

    string = "string"
    number = "number"
    off = "off"


@dataclass(frozen=True)
class Searching:
    """How rollouts are spent."""

    k: Annotated[int, typer.Option("-k", min=1, help="Rollouts from a prefix, at most.")] = 8
    strategy: Annotated[
        How,
        typer.Option(
            help="exact: the paper's labels by the fewest rollouts; exhaustive: all K from every "
            "prefix; bisect, guided: fewer, and some labels differ."
        ),
    ] = How.exact
    exhaustive: Annotated[
        bool, typer.Option("--exhaustive", help="Short for --strategy exhaustive.")
    ] = False
    consistency: Annotated[
        Consistency, typer.Option(help="How each result of the prefix must be used later.")
    ] = Consistency.string
    siblings: Annotated[
        bool,
        typer.Option(
            "--siblings",
            help="Take the problem's other samples as rollouts of the prefixes they share. The "
            "input must hold all samples, neither filtered nor without duplicates.",
        ),
    ] = False
    scores: Annotated[
        str | None,
        typer.Option(help="Reward model's scores that guide the search (guided).", metavar="NAME"),
    ] = None
    tolerance: Annotated[
        float,
        typer.Option(min=0, max=1, help="Share of labels that may be expected wrong (guided)."),
    ] = TOLERANCE

    def labelling(self) -> Labelling:
        """The same for `label_solutions`; UsageError where options do not fit together."""
        if self.exhaustive and self.strategy is not How.exact:
            raise UsageError("--exhaustive is a strategy of its own; drop --strategy")
        name = How.exhaustive if self.exhaustive else self.strategy
        if self.scores and name is not How.guided:
            raise UsageError("--scores goes with --strategy guided")
        if self.siblings and name is How.exhaustive:
            raise UsageError("--siblings saves rollouts and --exhaustive makes them all")
        found = strategy(name.value, self.k, self.tolerance)
        return Labelling(found, self.consistency.value, self.siblings, self.scores)


def label_steps(
    *,
    by: Annotated[
        By,
        typer.Option(
            help="outcome: every step as the final answer (ORM); rollouts: from every prefix "
            "(SORM); oracle: exact, where the task knows the truth."
        ),
    ] = By.rollouts,
    model: Annotated[
        str | None, typer.Option("--model", help="The student that rolls out (--by rollouts).")
    ] = None,
    searching: Searching,
    plan: Annotated[
        bool,
        typer.Option(
            "--plan", help="Label a small pilot only, and say what the whole input would cost."
        ),
    ] = False,
    concurrency: options.Concurrency = 256,
    sampling: options.Sampling,
    running: options.Running,
    streams: options.LongStreams,
) -> None:
    """Label the steps of solutions as correct or incorrect.

    `--by rollouts` walks backwards through a wrong solution and stops at the first prefix from
    which the student reaches the right answer; all steps up to there are correct. Solutions of a
    problem that stand together in the input share the rollouts of their common prefixes.

    Example: sormctl label-steps --by rollouts --model embedded:student -k 8 < samples.jsonl
    """
    how = searching.labelling()
    if plan and (by is not By.rollouts or streams.output):
        raise UsageError("--plan goes with --by rollouts and writes nothing; drop --by or -o")
    if by is not By.rollouts:
        job = streams.job("label-steps", {"by": by.value})
        label = _by_outcome if by is By.outcome else _by_oracle
        pipe_records(job, with_task(parse_solution), lambda solutions: _labelled(solutions, label))
        return
    if model is None:
        raise UsageError("--by rollouts needs --model, the student that made the solutions")

    def parse(record: Json) -> Solution:
        return _guidable(with_task(parse_solution)(record), how.scores)

    if plan:
        inputs = Inputs(streams.inputs or (), streams.shard)
        asyncio.run(_plan(inputs, parse, how, model, vars(sampling), vars(running)))
        return
    models = {"model": model, "weights": model_digest(model)}
    arguments = {"by": by.value, **models, **vars(searching), **running.identity()}
    job = streams.job("label-steps", {**arguments, **vars(sampling)})

    @asynccontextmanager
    async def start() -> AsyncIterator[Transform[Sequence[Solution]]]:
        async with open_generator(model, vars(sampling), **vars(running)) as generator:

            async def transform(group: Sequence[Solution]) -> Sequence[Json]:
                labelled = await label_solutions(generator, group, how)
                return [solution_json(solution) for solution in labelled]

            yield transform

    map_records(
        job,
        parse,
        lambda solution: solution.solution_id,
        start,
        concurrency,
        _tokens,
        group=adjacent_solutions,
        plain=lambda record: _plain_tokens(record, searching.k),
    )


async def _plan(
    inputs: Inputs,
    parse: Callable[[Json], Solution],
    how: Labelling,
    model: str,
    settings: Mapping[str, Any],
    running: Mapping[str, Any],
) -> None:
    with inputs.placing():
        groups = adjacent_solutions(inputs.records(parse))
        found = draw_pilot(groups, how.strategy.k, settings["seed"])
    if not found.problems:
        raise UsageError("--plan: the input has no records")
    if not found.plain_tokens:
        raise UsageError("--plan needs solutions with `usage.generated_tokens`, to go by")
    async with open_generator(model, settings, **running) as generator:
        expected = await planning.plan(generator, found, how)
    for line in planning.report(found, expected):
        typer.echo(line, err=True)


def _guidable(solution: Solution, name: str | None) -> Solution:
    if name is None:
        return solution
    if name not in solution.scores:
        raise RecordError(f"no `scores.{name}`; run `sormctl score --name {name}` first")
    if not all(0 <= score <= 1 for score in solution.scores[name]):
        raise RecordError(f"`scores.{name}` must lie between 0 and 1")
    return solution


def _tokens(record: Json) -> int:
    return sum(rollouts["generated_tokens"] for rollouts in record["rollouts"])


def _plain_tokens(record: Json, k: int) -> int:
    return plain_tokens(record["steps"], record["usage"]["generated_tokens"], k)


def _labelled(solutions: Iterator[Solution], label: Labeller) -> Iterator[Json]:
    for solution in solutions:
        yield solution_json(replace(solution, labels=tuple(label(solution))))


def _by_outcome(solution: Solution) -> Sequence[int]:
    return outcome_labels(len(solution.steps), solution.correct)


def _by_oracle(solution: Solution) -> Sequence[int]:
    task = get_task(solution.problem.task)
    if task.oracle is None:
        raise UsageError(f"task `{task.name}` has no step oracle; use --by rollouts")
    return task.oracle(solution)
