"""The whole test-time path: draft, refine both ways, score. Paper, 3.2 and figure 4.

Stage by stage, so that one model at a time is in memory. Choosing among the solutions is left to
`evaluation`, which reports every choice.
"""

from __future__ import annotations

from asyncio import gather
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sormctl.asking import AskingSettings
from sormctl.engines.running import Running, SamplingSettings
from sormctl.inference import (
    Generator,
    locate_error,
    open_generator,
    open_judge,
    refine_solution,
    sample_solutions,
)
from sormctl.records import Problem, Solution


@dataclass(frozen=True, slots=True)
class Models:
    """Folders or hub names; without a model its stage is left out."""

    student: str
    orm: str | None = None
    sorm: str | None = None
    globally: str | None = None
    locally: str | None = None


@dataclass(frozen=True, slots=True)
class TestTime:
    """How the test-time path is run; `announce` is told of each stage as it begins."""

    asking: AskingSettings  # of the student; other models are asked as they were in training
    running: Running
    sampling: SamplingSettings  # of samples; drafts and refinements are greedy
    threshold: float
    best_of: int  # samples for the best-of-n baseline; 0 leaves it out
    announce: Callable[[str], None]

    async def solve(self, problems: Sequence[Problem], models: Models) -> list[Solution]:
        """Drafts, refinements and samples of all problems, scored as `orm` and `sorm`."""
        self.announce(f"drafting {len(problems)} problems")
        drafts = await self._sample(models.student, problems, 1, self.sampling.greedy())
        if models.sorm:
            drafts = await self._score(models.sorm, "sorm", drafts)
        solutions = list(drafts)
        if models.globally:
            solutions += await self._refine(models.globally, "global", drafts)
        if models.locally:
            solutions += await self._refine(models.locally, "local", drafts)
        if self.best_of:
            self.announce(f"sampling {self.best_of} solutions of each problem")
            solutions += await self._sample(models.student, problems, self.best_of, self.sampling)
        return await self._score(models.orm, "orm", solutions) if models.orm else solutions

    async def _sample(
        self, model: str, problems: Sequence[Problem], n: int, sampling: SamplingSettings
    ) -> list[Solution]:
        async with open_generator(model, sampling, self.running, self.asking) as generator:
            self._say(generator)
            groups = await gather(*(sample_solutions(generator, p, n) for p in problems))
        return [solution for group in groups for solution in group]

    async def _refine(self, model: str, kind: str, drafts: Sequence[Solution]) -> list[Solution]:
        self.announce(f"refining {len(drafts)} drafts ({kind})")
        async with open_generator(model, self.sampling.greedy(), self.running) as generator:
            self._say(generator)
            return await gather(
                *(
                    refine_solution(generator, draft, kind, self._error(draft, kind))
                    for draft in drafts
                )
            )

    def _say(self, generator: Generator) -> None:
        for note in generator.notes:
            self.announce(note)

    def _error(self, draft: Solution, kind: str) -> int | None:
        return locate_error(draft.scores.get("sorm", ()), kind, self.threshold)

    async def _score(self, model: str, name: str, solutions: Sequence[Solution]) -> list[Solution]:
        self.announce(f"scoring {len(solutions)} solutions ({name})")
        async with open_judge(model, self.running) as judge:
            scores = await gather(*map(judge.score, solutions))
        return [
            solution.with_scores(name, values)
            for solution, values in zip(solutions, scores, strict=True)
        ]
