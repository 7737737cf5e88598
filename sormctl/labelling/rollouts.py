"""Step labels from rollouts: the solutions of a problem, and an engine for their prefixes."""

from __future__ import annotations

from asyncio import gather
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from msgspec import structs

from sormctl.background import aside
from sormctl.engines.base import Completion
from sormctl.inference import Generator, read_completion
from sormctl.labelling.begun import EngineRows, Rollout
from sormctl.labelling.consistency import is_consistent
from sormctl.labelling.labels import Path, label_paths, sibling_rollouts
from sormctl.labelling.strategies import Strategy
from sormctl.prompts import Prompt
from sormctl.records import Problem, Solution, Steps, is_unfinished
from sormctl.tasks.prompts import draft_prompt
from sormctl.tasks.registry import get_task
from sormctl.tasks.solutions.reading import CompletionReader


@dataclass(frozen=True, slots=True)
class Labelling:
    """How step labels are found.

    `consistency` is a mode of `consistency.is_consistent`; `siblings` takes the other samples of
    the problem as rollouts; `scores` names the reward model's scores that guide the strategy.
    `keep_thoughts` puts a solution's thought before its prefixes. A rollout that says the same
    `max_repeats` times in a row is ended, since it can no longer succeed; 0: none. `rows` are those
    of the engine; problems that are labelled side by side share them.
    """

    strategy: Strategy
    consistency: str = "string"
    siblings: bool = False
    scores: str | None = None
    keep_thoughts: bool = False
    max_repeats: int = 0
    rows: EngineRows = field(default_factory=lambda: EngineRows(0), compare=False)


async def label_solutions(
    generator: Generator, solutions: Sequence[Solution], how: Labelling
) -> list[Solution]:
    """SORM labels of solutions of one problem from rollouts of their prefixes (3.1 step 2).

    Solutions share the rollouts of a common prefix, unless each keeps its own thought before it.
    Where a prefix leaves no room for a rollout, or a server writes none of the model's (its content
    filter forbids it), no step of its solution has a label.
    """
    if how.keep_thoughts and len(solutions) > 1:
        alone = await gather(*(label_solutions(generator, [one], how) for one in solutions))
        return [labelled for (labelled,) in alone]
    problem = solutions[0]
    task = get_task(problem.task)

    asked = draft_prompt(task, problem.question, generator.asking)
    asked = replace(asked, thought=problem.thought if how.keep_thoughts else None)
    reader = generator.reader(task)
    written = _written(asked, solutions)

    def consistent(prefix: Steps, rest: Steps) -> bool:
        return is_consistent(prefix, rest, task.result, how.consistency)

    async def roll_out(prefix: Steps, indices: range) -> list[Rollout] | None:
        completions = await generator.complete(
            task, written[prefix], problem.problem_id, indices, how.max_repeats
        )
        if not all(completion.is_made for completion in completions):
            return None
        judge = partial(_rollout, reader, problem, prefix, consistent=consistent)
        return await aside(lambda: [*map(judge, completions)])

    # by id: a solution that comes twice is not its own sibling
    outcomes = {
        s.solution_id: (s.steps, bool(s.correct), not is_unfinished(s.source))
        for s in solutions
        if how.siblings
    }
    siblings = sibling_rollouts(list(outcomes.values()), how.strategy.k, consistent)
    free = dict(zip(outcomes, siblings, strict=True))
    paths = [
        Path(
            solution.steps,
            bool(solution.correct),
            scores=solution.scores[how.scores] if how.scores else (),
            free=free.get(solution.solution_id, ()),
            is_whole=not is_unfinished(solution.source),
        )
        for solution in solutions
    ]
    how.rows.capacity = generator.capacity
    found = await label_paths(paths, how.strategy, roll_out, how.rows)
    return [
        structs.replace(s, labels=f.labels, rollouts=f.rollouts, verifiers=f.verifiers)
        for s, f in zip(solutions, found, strict=True)
    ]


def _written(asked: Prompt, solutions: Sequence[Solution]) -> dict[Steps, Prompt]:
    """The prompt of each prefix, as the first solution that has the prefix wrote it."""
    found: dict[Steps, Prompt] = {}
    for solution in solutions:
        opening = solution.opening or ""
        for length in range(1, len(solution.steps)):
            prefix, separators = solution.steps[:length], (solution.separators or ())[:length]
            prompt = replace(asked, steps=prefix, separators=separators, opening=opening)
            found.setdefault(prefix, prompt)
    return found


def _rollout(
    reader: CompletionReader,
    problem: Problem,
    prefix: Steps,
    completion: Completion,
    consistent: Callable[[Steps, Steps], bool],
) -> Rollout:
    read = read_completion(reader, problem.question, completion)
    is_right = reader.task.is_correct(read.predicted, problem.answer) is True
    succeeded = is_right and consistent(prefix, read.steps)
    return Rollout(read.steps, succeeded, completion.generated_tokens, not completion.is_cut)
