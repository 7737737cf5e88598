"""Refinements of drafts and what they are worth, for `rl_refiner.py` and `ppo_refiner.py`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from msgspec import to_builtins

from sormctl.asking import Asking
from sormctl.engines.base import together
from sormctl.engines.encoding import prompt_ids, step_ids
from sormctl.engines.running import Running, SamplingSettings
from sormctl.errors import DataError
from sormctl.inference import open_generator, refine_solution
from sormctl.judging import open_judge
from sormctl.models import SETTINGS_FILE
from sormctl.prompts import Prompt
from sormctl.records import Solution
from sormctl.streams.jsonl import RecordReader
from sormctl.tasks.prompts import refine_prompt
from sormctl.tasks.registry import get_task

Score = Callable[[Sequence[Solution]], list[float]]


@dataclass(frozen=True)
class Drafts:
    """Drafts to learn from, with the prompts that ask for their refinement."""

    solutions: Sequence[Solution]
    prompts: Sequence[Prompt]  # as `sormctl refine` gives them
    tokenizer: Any

    def prompt_ids(self, number: int) -> list[int]:
        """The token ids of a draft's prompt."""
        return prompt_ids(self.tokenizer, self.prompts[number])

    def token_ids(self, number: int, refinement: Solution) -> list[int]:
        """Those of a refinement of a draft: of its steps, encoded as in all training here."""
        steps = step_ids(self.tokenizer, self.prompts[number], refinement.steps)
        ids = list(chain.from_iterable(steps))
        ended = refinement.source["finish"] == "stop" or not ids
        return [*ids, self.tokenizer.eos_token_id] if ended else ids


@dataclass(frozen=True)
class Refiner:
    """Refines drafts as `sormctl refine` does, by a model that is being trained."""

    drafts: Drafts
    asking: Asking
    sampling: SamplingSettings
    folder: Path  # where the model lies as it is now

    def refine(self, numbers: Sequence[int], model: Any, first: int) -> list[Solution]:
        """A refinement of each of these drafts; `first` numbers it among those of the training."""
        model.save_pretrained(self.folder)
        self.drafts.tokenizer.save_pretrained(self.folder)
        asked = json.dumps({"asking": to_builtins(self.asking)})
        (self.folder / SETTINGS_FILE).write_text(asked, encoding="utf-8")
        return asyncio.run(self._refine([self.drafts.solutions[i] for i in numbers], first))

    async def _refine(self, drafts: Sequence[Solution], first: int) -> list[Solution]:
        seed = self.sampling.seed
        opened = open_generator(str(self.folder), self.sampling, Running())
        async with opened as generator:
            return await together(
                refine_solution(generator.seeded(seed + i), draft, "global", None)
                for i, draft in enumerate(drafts, start=first)
            )


@dataclass
class Reward:
    """1[refinement correct] - 1[draft correct]; with an ORM, if that is larger, its difference.

    That is max(1[R correct] - 1[D correct], ORM(R) - ORM(D)) of appendix C.
    """

    drafts: Sequence[Solution]
    score: Score | None
    _of_drafts: list[float] = field(default_factory=list)

    def __call__(self, numbers: Sequence[int], refined: Sequence[Solution]) -> list[float]:
        """One reward for each refinement of the drafts with these numbers."""
        pairs = zip(refined, numbers, strict=True)
        outcomes = [float(r.outcome_given()) - self.drafts[i].outcome_given() for r, i in pairs]
        if self.score is None:
            return outcomes
        self._of_drafts = self._of_drafts or self.score(self.drafts)
        scored = zip(self.score(refined), numbers, strict=True)
        return list(map(max, outcomes, (score - self._of_drafts[i] for score, i in scored)))

    def shares(self, numbers: Sequence[int], refined: Sequence[Solution]) -> dict[str, float]:
        """How many refinements are correct, and how many have their draft's answer."""
        pairs = [(r, self.drafts[i]) for r, i in zip(refined, numbers, strict=True)]
        return {
            "correct": sum(r.outcome_given() for r, _ in pairs) / len(pairs),
            "copied": sum(r.predicted == d.predicted for r, d in pairs) / len(pairs),
        }


@contextmanager
def open_orm(model: str | None) -> Iterator[Score | None]:
    """A function from solutions to the ORM's last scores; None without a model."""
    if model is None:
        yield None
        return
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        judge = runner.run(stack.enter_async_context(open_judge(model, Running())))

        async def last_scores(solutions: Sequence[Solution]) -> list[float]:
            found = await together(map(judge.score, solutions))
            return [scores[-1] if scores else 0.0 for scores in found]

        try:
            yield lambda solutions: runner.run(last_scores(solutions))
        finally:
            runner.run(stack.aclose())


def read_drafts(path: str, tokenizer: Any, asking: Asking, room: int) -> Drafts:
    """The drafts of a file; those whose prompt has more than `room` tokens are left out.

    DataError if one has not been graded, or if none is left.
    """
    drafts, prompts = [], []
    for draft in RecordReader([path]).records(Solution, Solution.outcome_given):
        task = get_task(draft.task)
        prompt = refine_prompt(task, draft.question, draft.steps, None, asking)
        if len(prompt_ids(tokenizer, prompt)) <= room:
            drafts.append(draft)
            prompts.append(prompt)
    if not drafts:
        raise DataError(f"{path}: no draft that leaves room for a refinement")
    return Drafts(drafts, prompts, tokenizer)
