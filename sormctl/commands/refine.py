"""`sormctl refine`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

import typer

from sormctl import model_options, options
from sormctl.adapters.adapter import Adapter
from sormctl.adapters.registry import adapter_identity, load_adapter
from sormctl.asking import AskingSettings
from sormctl.engines.keeping import Kept
from sormctl.engines.running import Running, SamplingSettings
from sormctl.errors import UsageError
from sormctl.inference import Generator, model_identity, open_generator, refine_solution
from sormctl.judging import Judge, locate_error, open_judge, settled_threshold
from sormctl.option_groups import refuse_typed
from sormctl.pairing import RefineMode
from sormctl.records import Solution
from sormctl.slots import REFINERS, Slot, check_slot
from sormctl.streams.completions import GENERATED
from sormctl.streams.driver import map_records
from sormctl.tasks.registry import known_task

_LOCATING = ("rm", "rm_adapter", "scores", "threshold")


@dataclass(frozen=True)
class GreedySampling(model_options.SamplingOptions):
    """Refinements are greedy unless asked otherwise (3.2)."""

    temperature: model_options.Temperature = 0.0


def refine(
    *,
    mode: Annotated[
        RefineMode,
        typer.Option(
            help="global: the draft alone; local: [BAD] before its first wrong step; value: "
            "[BAD] after its highest-value step."
        ),
    ],
    model: model_options.Model,
    rm: Annotated[
        str | None, model_options.model_option("--rm", help="Reward model that locates the error.")
    ] = None,
    rm_adapter: model_options.RmAdapter = None,
    scores: Annotated[
        str | None, typer.Option(help="Locate the error by these scores of the drafts instead.")
    ] = None,
    threshold: options.Threshold = None,
    concurrency: model_options.Concurrency = None,
    sampling: GreedySampling,
    asking: model_options.AskingOptions,
    running: model_options.RunningOptions,
    streams: options.LongStreams,
) -> None:
    """Refine drafts by a global, local or value refiner.

    Writes one refinement of each draft. A draft in which no step scores below the threshold is its
    own local refinement.

    Example: sormctl refine --mode local --model local/ --rm sorm/ < drafts.jsonl > local.jsonl
    """
    if mode is RefineMode.globally:
        refuse_typed(_LOCATING, "locates an error, and --mode global shows none")
        rm = rm_adapter = scores = threshold = None
    elif (rm is None) == (scores is None):
        raise UsageError(f"--mode {mode} needs either --rm MODEL or --scores NAME")
    slot = REFINERS[mode]
    check_slot(model, slot, asking.prompt, is_hosted=running.is_hosted)
    adapter = load_adapter(rm_adapter, rm)
    if rm is not None:
        check_slot(rm, Slot.locator, asking.prompt, adapter, is_hosted=running.is_hosted)
    how = {"mode": mode, "rm": rm, "scores": scores, "threshold": threshold}
    said = asking.settings()
    asked = {**said.identity(), **running.identity(), **vars(sampling)}
    asked |= adapter_identity(adapter)
    found = [model_identity(name, running) for name in (model, rm) if name]
    marks = {mark: [each[mark] for each in found] for mark in found[0]}
    job = streams.job("refine", {"model": model, **marks, **how, **asked})

    def check(draft: Solution) -> None:
        known_task(draft)
        if scores is not None:
            draft.scores_of(scores)

    async def refined(refiner: Refiner, draft: Solution) -> Sequence[Solution]:
        values = await _scores_of(draft, refiner.judge, scores)
        below = settled_threshold(threshold, refiner.adapter)
        error = locate_error(values, mode, below)
        return [await refine_solution(refiner.generator, draft, mode, error)]

    map_records(
        job,
        Solution,
        lambda: _opening(model, slot, said, sampling, running, rm, adapter),
        refined,
        check=check,
        concurrency=concurrency,
        costs=GENERATED,
    )


@dataclass(frozen=True, slots=True)
class Refiner:
    """The refiner, and the reward model that locates errors for it, if one does."""

    generator: Generator
    judge: Judge | None

    @property
    def capacity(self) -> int:
        """How many requests keep the refiner busy."""
        return self.generator.capacity

    @property
    def in_progress(self) -> int:
        """The tokens of refinements that are not finished."""
        return self.generator.in_progress

    @property
    def adapter(self) -> Adapter | None:
        """How the reward model is read."""
        return self.judge.adapter if self.judge else None

    @property
    def notes(self) -> Sequence[str]:
        """What the refiner's user should know."""
        return self.generator.notes

    def keeping(self, kept: Kept) -> Refiner:
        """The same, whose completions and scores are kept."""
        judge = self.judge and self.judge.keeping(kept)
        return Refiner(self.generator.keeping(kept), judge)


@asynccontextmanager
async def _opening(
    model: str,
    slot: Slot,
    said: AskingSettings,
    sampling: SamplingSettings,
    running: Running,
    locator: str | None,
    adapter: Adapter | None,
) -> AsyncIterator[Refiner]:
    if locator is None:
        async with open_generator(model, sampling, running, said, slot=slot) as generator:
            yield Refiner(generator, None)
        return
    shared = running.of_two()
    async with (
        open_generator(model, sampling, shared, said, slot=slot) as generator,
        open_judge(locator, shared, said, adapter, slot=Slot.locator, beside=True) as judge,
    ):
        yield Refiner(generator, judge)


async def _scores_of(draft: Solution, judge: Judge | None, name: str | None) -> Sequence[float]:
    if judge is not None:
        return await judge.score(draft)
    return draft.scores_of(name) if name else ()
