"""Reward models: a token classifier read at the last token of each step (paper, 3.1 step 2).

What is trained is in the examples: the labels as they are, shares of successful rollouts, ratings
of three classes (appendix H), or pairs of solutions (appendix F).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sormctl.asking import Asking
from sormctl.pairing import contrastive_pairs
from sormctl.prompts import Prompt
from sormctl.records import Json, Solution, parse_record
from sormctl.streams.jsonl import RecordReader
from sormctl.targets import step_labels
from sormctl.tasks.prompts import draft_prompt
from sormctl.tasks.registry import get_task, known_task
from sormctl.training.token_rows import StepTargets, TrainingExample

SKIPPED = "solutions without a labelled step"
UNPAIRED = "solutions without a partner"

TargetsOf = Callable[[Solution], StepTargets]


def parse(
    data: Json, asking: Asking, targets_of: TargetsOf = step_labels
) -> TrainingExample | None:
    """A labelled solution as an example; None if none of its labels is a target."""
    solution = parse_record(data, Solution)
    targets = targets_of(solution)
    if all(target is None for target in targets):
        return None
    problem = solution.problem_id
    return TrainingExample(_prompt(solution, asking), solution.steps, targets, problem=problem)


def pairs(inputs: Sequence[str], asking: Asking, seed: int) -> Iterator[TrainingExample | None]:
    """Contrastive pairs of graded solutions, grouped by problem in bounded memory (appendix F).

    None for each solution that is in no pair.
    """
    for group in RecordReader(inputs).groups(known_task):
        paired = contrastive_pairs(group, seed)
        for good, bad in paired:
            asked, problem = _prompt(good, asking), good.problem_id
            yield TrainingExample(asked, good.steps, rival=bad.steps, problem=problem)
        yield from (None for _ in range(len(group) - 2 * len(paired)))


def _prompt(solution: Solution, asking: Asking) -> Prompt:
    return draft_prompt(get_task(solution.task), solution.question, asking)
