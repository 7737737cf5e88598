"""Refinements of drafts and what they are worth, for `rl_refiner.py`, as TRL asks for them."""

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
from sormctl.records import Solution
from sormctl.streams.jsonl import read_records
from sormctl.tasks.prompts import refine_prompt
from sormctl.tasks.registry import get_task

Score = Callable[[Sequence[Solution]], list[float]]


@dataclass
class Drafts:
    """The drafts to learn from; TRL knows them by their numbers, which are its prompts."""

    drafts: Sequence[Solution]
    prompts: Sequence[list[int]]  # token ids, as `sormctl refine` gives them
    tokenizer: Any
    sampling: SamplingSettings
    asking: Asking
    policy: Path  # where the refiner lies as it is now

    def refine(self, numbers: Sequence[str], trainer: Any) -> dict[str, Any]:
        """TRL's `rollout_func`: a refinement of each of these drafts, as `sormctl refine` makes it.

        Token ids are those of its steps, encoded as in all training here.
        """
        trainer.accelerator.unwrap_model(trainer.model).save_pretrained(self.policy)
        self.tokenizer.save_pretrained(self.policy)
        asked = json.dumps({"asking": to_builtins(self.asking)})
        (self.policy / SETTINGS_FILE).write_text(asked, encoding="utf-8")
        first = trainer.state.global_step * len(numbers)
        drafts = [self.drafts[int(number)] for number in numbers]
        refined = asyncio.run(self._refine(drafts, first))
        return {
            "prompt_ids": [self.prompts[int(number)] for number in numbers],
            "completion_ids": [self._ids(refinement) for refinement in refined],
            "logprobs": None,
            "refinement": refined,
        }

    async def _refine(self, drafts: Sequence[Solution], first: int) -> list[Solution]:
        seed = self.sampling.seed
        opened = open_generator(str(self.policy), self.sampling, Running())
        async with opened as generator:
            return await together(
                refine_solution(generator.seeded(seed + i), draft, "global", None)
                for i, draft in enumerate(drafts, start=first)
            )

    def _ids(self, refinement: Solution) -> list[int]:
        ids = list(chain.from_iterable(step_ids(self.tokenizer, refinement.steps)))
        ended = refinement.source["finish"] == "stop" or not ids
        return [*ids, self.tokenizer.eos_token_id] if ended else ids


@dataclass
class Reward:
    """1[refinement correct] - 1[draft correct]; with an ORM, if that is larger, its difference.

    That is max(1[R correct] - 1[D correct], ORM(R) - ORM(D)) of appendix C.
    """

    drafts: Sequence[Solution]
    score: Score | None
    __name__ = "reward"  # TRL names its metrics after it
    _of_drafts: list[float] = field(default_factory=list)

    def __call__(
        self,
        *,
        prompts: Sequence[str],
        refinement: Sequence[Solution],
        log_metric: Callable[[str, float], None],
        **_: Any,
    ) -> list[float]:
        """One reward for each refinement of the drafts numbered `prompts`, as TRL calls it."""
        drafts = [self.drafts[int(number)] for number in prompts]
        pairs = list(zip(refinement, drafts, strict=True))
        log_metric("correct", sum(r.correct for r in refinement) / len(pairs))
        log_metric("copied", sum(r.predicted == d.predicted for r, d in pairs) / len(pairs))
        outcomes = [float(r.correct) - d.correct for r, d in pairs]
        if self.score is None:
            return outcomes
        self._of_drafts = self._of_drafts or self.score(self.drafts)
        scored = zip(self.score(refinement), prompts, strict=True)
        gains = [score - self._of_drafts[int(number)] for score, number in scored]
        return list(map(max, outcomes, gains))


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


def read_drafts(
    path: str, tokenizer: Any, asking: Asking, room: int
) -> tuple[list[Solution], list[list[int]]]:
    """Drafts and their prompts' token ids; those of more than `room` tokens are left out."""
    drafts, prompts = [], []
    for draft in read_records([path], Solution):
        task = get_task(draft.task)
        prompt = refine_prompt(task, draft.question, draft.steps, None, asking)
        if len(ids := prompt_ids(tokenizer, prompt)) <= room:
            drafts.append(draft)
            prompts.append(ids)
    if not drafts:
        raise DataError(f"{path}: no draft that leaves room for a refinement")
    return drafts, prompts
