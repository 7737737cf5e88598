"""Judging solutions, one record at a time: by a reward model, or a language model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from math import isnan
from pathlib import Path

from sormctl.adapters.adapter import OWN, Adapter
from sormctl.asking import NOTHING_SAID, Asking, AskingSettings, default_asking
from sormctl.engines.base import Completion, Engine
from sormctl.engines.keeping import KeepingEngine, Kept
from sormctl.engines.registry import create_engine
from sormctl.engines.running import Running, SamplingSettings
from sormctl.errors import ModelError, TooLongError, UsageError
from sormctl.inference import Generator, open_generator, settled_asking, tokenizer_place
from sormctl.models import resolve_model, settings_folder
from sormctl.prompts import Prompt
from sormctl.records import Solution
from sormctl.slots import Slot, check_resolved, is_trained_here, served_adapter
from sormctl.tasks.prompts import draft_prompt
from sormctl.tasks.registry import get_task
from sormctl.tasks.solutions.thoughts import part_thought
from sormctl.thresholds import THRESHOLD, first_below
from sormctl.verdicts import judge_prompt, read_verdict, shares_right

UNDECIDED = 0.5  # a judge's score of each step, where none of its verdicts says anything
_DIGITS = 6  # of a score; those beyond depend on what else is in the batch


@dataclass(frozen=True, slots=True)
class Judge:
    """A reward model, how it was asked in training, and how it is read."""

    engine: Engine
    asking: Asking
    adapter: Adapter = OWN

    @property
    def capacity(self) -> int:
        """How many requests keep the engine busy."""
        return self.engine.capacity

    @property
    def in_progress(self) -> int:
        """It generates no tokens."""
        return 0

    @property
    def notes(self) -> Sequence[str]:
        """What its user should know: nothing."""
        return ()

    def keeping(self, kept: Kept) -> Judge:
        """The same, whose scores are kept."""
        return replace(self, engine=KeepingEngine(self.engine, kept))

    async def judged(self, solution: Solution, name: str) -> Solution:
        """The solution with the model's step scores, or its reward, called `name`."""
        if not self.adapter.judges_whole:
            return solution.with_scores(name, await self.score(solution))
        try:
            (reward,) = await self._read(solution, [solution.text.rstrip()])
        except TooLongError:
            return solution.with_reward(name, None)
        return solution.with_reward(name, reward)

    async def score(self, solution: Solution) -> tuple[float, ...]:
        """P(correct) after each step of a solution, by one forward pass.

        A solution that is longer than the model reads is scored 0 at every step. ModelError where
        the model gives no numbers: nothing compares with these, so each step would pass as right.
        """
        if not solution.steps:
            return ()
        try:
            return await self._read(solution, solution.steps)
        except TooLongError:
            return (0.0,) * len(solution.steps)

    async def _read(self, solution: Solution, steps: Sequence[str]) -> tuple[float, ...]:
        if self.adapter.text is None:
            prompt = draft_prompt(get_task(solution.task), solution.question, self.asking)
        else:
            prompt = Prompt(text=solution.question)
        scores = await self.engine.score(prompt, steps)
        if any(map(isnan, scores)):
            raise ModelError(
                "the reward model's scores are no numbers; its weights are not, or its type "
                "overflows: try --engine-arg dtype=float32"
            )
        return tuple(round(score, _DIGITS) for score in scores)


def scores_name(model: str) -> str:
    """What the scores of a reward model are called by default: the name of its folder."""
    return Path(model).resolve().name


def settled_adapter(
    folder: str, running: Running, slot: Slot, prompt: str, adapter: Adapter | None
) -> Adapter:
    """How a resolved reward model is read: as the user says, else as its family.

    `prompt` is the style that the user gives. ModelError where the family is not certain.
    """
    if running.is_hosted:
        here = tokenizer_place(folder, running)
        return served_adapter(settings_folder(here) if here else None, adapter)
    return check_resolved(folder, slot, prompt, adapter) or OWN


def settled_threshold(given: float | None, adapter: Adapter | None) -> float:
    """T: as the user says, else as the adapter of the reward model does, if there is one."""
    if given is not None:
        return given
    return adapter.threshold if adapter else THRESHOLD


@asynccontextmanager
async def open_judge(
    model: str,
    running: Running,
    said: AskingSettings = NOTHING_SAID,
    adapter: Adapter | None = None,
    *,
    slot: Slot = Slot.reward_model,
    beside: bool = False,
) -> AsyncIterator[Judge]:
    """Loads a reward model; `adapter` None: the one of its family.

    With `beside`, what is said is about another model: one that sormctl trained is asked as it was
    in training, and for any other the user has said how.
    """
    folder = resolve_model(model, is_hosted=running.is_hosted)
    adapter = settled_adapter(folder, running, slot, said.prompt, adapter)
    is_known = beside and (running.is_hosted or is_trained_here(folder))
    if adapter.text is None:
        asking = settled_asking(folder, running, NOTHING_SAID if is_known else said)
    elif said.prompt == "auto" or beside:
        asking = default_asking("plain")
    else:
        raise UsageError(f"--prompt {said.prompt}: adapter {adapter.name} says how {model} is read")
    async with create_engine(folder, running, adapter) as engine:
        yield Judge(engine, asking, adapter)


@dataclass(frozen=True, slots=True)
class GenerativeJudge:
    """A language model that is asked which steps are right, `num_verdicts` times a solution."""

    generator: Generator
    template: str
    num_verdicts: int

    @property
    def capacity(self) -> int:
        """How many solutions keep the engine busy."""
        return max(1, self.generator.capacity // self.num_verdicts)

    @property
    def in_progress(self) -> int:
        """The tokens of verdicts that are not finished."""
        return self.generator.in_progress

    @property
    def notes(self) -> Sequence[str]:
        """What its user should know."""
        return self.generator.notes

    def keeping(self, kept: Kept) -> GenerativeJudge:
        """The same, whose verdicts are kept."""
        return replace(self, generator=self.generator.keeping(kept))

    async def judged(self, solution: Solution, name: str) -> Solution:
        """The solution with step scores called `name`: the share of verdicts that let them pass.

        A verdict that says nothing, or was cut off, does not count; where none counts, all are
        `UNDECIDED`.
        """
        count = len(solution.steps)
        prompt = judge_prompt(self.template, solution, self.generator.asking)
        asked = range(self.num_verdicts if count else 0)
        task = get_task(solution.task)
        completions = await self.generator.complete(task, prompt, solution.key, asked)
        found = [self._verdict(completion, prompt, count) for completion in completions]
        verdicts = [verdict for verdict in found if verdict is not None]
        scores = shares_right(verdicts, count) if verdicts else (UNDECIDED,) * count
        return solution.with_scores(name, tuple(round(score, _DIGITS) for score in scores))

    def _verdict(self, completion: Completion, prompt: Prompt, count: int) -> int | None:
        is_begun = self.generator.opens_thought(prompt)
        _, said, is_closed = part_thought(completion.text, prompt.think, is_begun=is_begun)
        is_whole = is_closed and not completion.is_cut
        return read_verdict(self.template, said, count) if is_whole else None


@asynccontextmanager
async def open_generative_judge(
    model: str,
    template: str,
    num_verdicts: int,
    sampling: SamplingSettings,
    running: Running,
    said: AskingSettings,
) -> AsyncIterator[GenerativeJudge]:
    """Loads a language model that judges."""
    async with open_generator(model, sampling, running, said, slot=Slot.pretrained) as generator:
        yield GenerativeJudge(generator, template, num_verdicts)


def locate_error(scores: Sequence[float], kind: str, threshold: float) -> int | None:
    """Index of the step that gets `[BAD]`; None if there is none.

    `local`: the first step that scores below the threshold T (3.2). `value`: the step after the
    one with the highest score, the last step apart (appendix J). `global`: none.
    """
    if kind == "local":
        return first_below(scores, threshold)
    values = list(scores[:-1]) if kind == "value" else []
    return values.index(max(values)) + 1 if values else None
