"""`sormctl label-steps`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import partial
from itertools import compress
from typing import Annotated, Any

import typer
from msgspec.structs import replace

from sormctl import model_options, options
from sormctl.asking import AskingSettings
from sormctl.engines.running import Running, SamplingSettings
from sormctl.errors import UsageError, tell_user
from sormctl.inference import Generator, model_identity, open_generator
from sormctl.labelling import pilot
from sormctl.labelling.labels import outcome_labels, plain_tokens
from sormctl.labelling.options import Searching, searchable
from sormctl.labelling.pilot import Draw, draw_pilot
from sormctl.labelling.rollouts import Labelling, label_solutions
from sormctl.option_groups import refuse_typed
from sormctl.records import Json, Solution
from sormctl.report.labelling import plan_lines, summary_lines
from sormctl.slots import Slot, check_slot
from sormctl.streams.driver import Costs, Group, map_groups, pipe_records
from sormctl.streams.grouping import Adjacent
from sormctl.streams.jsonl import RecordReader
from sormctl.streams.manifest import Counts
from sormctl.tasks.registry import get_task, known_task


class By(StrEnum):
    """Where labels come from."""

    outcome = "outcome"
    rollouts = "rollouts"
    oracle = "oracle"


_GROUPS: tuple[Any, ...] = (
    Searching,
    model_options.SamplingOptions,
    model_options.AskingOptions,
    model_options.RunningOptions,
)
_OF_ROLLOUTS = ["model", "concurrency", "skip_failed"]
_OF_ROLLOUTS += [field.name for group in _GROUPS for field in fields(group)]


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
    concurrency: model_options.Concurrency = None,
    sampling: model_options.SamplingOptions,
    asking: model_options.AskingOptions,
    running: model_options.RunningOptions,
    streams: options.LongStreams,
) -> None:
    """Label the steps of solutions as correct or incorrect.

    `--by rollouts` walks backwards through a wrong solution and stops at the first prefix from
    which the student reaches the right answer; all steps up to there are correct. Solutions of a
    problem that stand together in the input share the rollouts of their common prefixes.

    Example: sormctl label-steps --by rollouts --model embedded:student -k 8 < samples.jsonl
    """
    if plan and (by is not By.rollouts or streams.output):
        raise UsageError("--plan goes with --by rollouts and writes nothing; drop --by or -o")
    if by is not By.rollouts:
        refuse_typed(_OF_ROLLOUTS, "goes with --by rollouts")
        label = _by_outcome if by is By.outcome else _by_oracle
        job = streams.job("label-steps", {"by": by})
        pipe_records(job, Solution, partial(map, label), check=known_task)
        return
    if model is None:
        raise UsageError("--by rollouts needs --model, the student that made the solutions")
    check_slot(model, Slot.student, is_hosted=running.is_hosted)
    rollouts = _Rollouts(
        model, searching.labelling(), searching, sampling, asking.settings(), running
    )
    if plan:
        rollouts.plan(streams)
    else:
        rollouts.label(streams, concurrency)


@dataclass(frozen=True, slots=True)
class _Rollouts:
    """Labelling by rollouts, as it was asked for."""

    model: str
    how: Labelling
    searching: Searching
    sampling: SamplingSettings
    said: AskingSettings
    running: Running

    def label(self, streams: options.LongStreams, concurrency: int | None) -> None:
        """Labels the solutions of each problem that stand together."""
        searching, adjacent = self.searching, Adjacent()

        async def labelled(generator: Generator, group: Group[Solution]) -> Sequence[Solution]:
            found = await label_solutions(generator, group.records, self.how)
            return list(compress(found, group.pending))

        map_groups(
            streams.job("label-steps", self._arguments()),
            self._open,
            labelled,
            groups=lambda inputs, check: adjacent.groups(self._solutions(inputs, check)),
            check=searchable(self.how, self.sampling.temperature),
            concurrency=concurrency,
            costs=Costs(
                lambda solution: _spent(solution, searching.k),
                lambda spent: summary_lines(spent, searching.name, adjacent.scattered),
            ),
        )

    def plan(self, streams: options.LongStreams) -> None:
        """Says what labelling would cost, by that of a pilot."""
        inputs = RecordReader(streams.inputs or (), streams.shard)
        check = searchable(self.how, self.sampling.temperature)
        with inputs.placing():
            groups = Adjacent().groups(self._solutions(inputs, check))
            draw = draw_pilot(groups, self.searching.k, self.sampling.seed)
        for line in asyncio.run(self._planned(draw)):
            tell_user(line)

    def _solutions(
        self, inputs: RecordReader, check: Callable[[Solution], object]
    ) -> Iterator[Solution]:
        """The solutions, brought together if that is asked."""
        return inputs.gathered(check) if self.searching.gather else inputs.records(Solution, check)

    async def _planned(self, draw: Draw) -> Sequence[str]:
        if not draw.problems:
            raise UsageError("--plan: the input has no records")
        if not draw.plain_tokens:
            raise UsageError("--plan needs solutions with `usage.generated_tokens`, to go by")
        async with self._open() as generator:
            return plan_lines(draw, await pilot.plan(generator, draw, self.how))

    def _open(self) -> AbstractAsyncContextManager[Generator]:
        return open_generator(self.model, self.sampling, self.running, self.said, slot=Slot.student)

    def _arguments(self) -> Json:
        models = {"model": self.model, **model_identity(self.model, self.running)}
        asked = {**self.said.identity(), **self.running.identity(), **vars(self.sampling)}
        return {"by": By.rollouts, **models, **self.searching.arguments(), **asked}


def _spent(solution: Solution, k: int) -> Counts:
    """Tokens generated, about what the plain way would have generated, whether labels lack."""
    return {
        "generated_tokens": sum(tried.generated_tokens for tried in solution.rollouts or ()),
        "plain_tokens": plain_tokens(solution.steps, solution.usage.generated_tokens, k),
        "unlabelled": int(solution.labels is not None and None in solution.labels),
    }


def _by_outcome(solution: Solution) -> Solution:
    return replace(solution, labels=outcome_labels(len(solution.steps), solution.outcome_given()))


def _by_oracle(solution: Solution) -> Solution:
    task = get_task(solution.task)
    if task.oracle is None:
        raise UsageError(f"task `{task.name}` has no step oracle; use --by rollouts")
    return replace(solution, labels=tuple(task.oracle(solution)))
