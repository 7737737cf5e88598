"""Reward models: a token classifier read at the last token of each step (paper, 3.1 step 2).

What is trained is in the examples: the labels as they are, shares of successful rollouts, ratings
of three classes (appendix H), or pairs of solutions (appendix F).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sormctl.asking import Asking
from sormctl.errors import RecordError
from sormctl.pairing import contrastive_pairs
from sormctl.prompts import Prompt
from sormctl.records import Json, Solution, parse_record
from sormctl.streams.grouping import group_solutions
from sormctl.streams.jsonl import RecordReader
from sormctl.tasks.prompts import draft_prompt
from sormctl.tasks.registry import get_task, known_task
from sormctl.training.token_rows import StepTargets, TrainingExample

SKIPPED = "solutions without a labelled step"
UNPAIRED = "solutions without a partner"

TargetsOf = Callable[[Solution], StepTargets]


def step_labels(solution: Solution) -> StepTargets:
    """The labels as they are: 1 correct, 0 incorrect."""
    return solution.labels_given()


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


def soft_labels(solution: Solution) -> StepTargets:
    """Per labelled step the share of the rollouts from it that succeeded: V of the student.

    The last step, from which there are none, keeps its label. RecordError unless all rollouts of
    every other prefix were made: a walk that stops at the first success says nothing about shares.
    """
    labels = step_labels(solution)
    shares = [count.succeeded / count.tried for count in solution.all_rollouts()]
    shares += [float(label or 0) for label in labels[-1:]]
    return tuple(
        None if label is None else share for label, share in zip(labels, shares, strict=True)
    )


def rated_labels(solution: Solution) -> StepTargets:
    """The classes 0, 1, 2 (incorrect, neutral, correct) of `ratings` -1, 0, 1 (appendix H)."""
    ratings = solution.extra.get("ratings")
    if ratings is None:
        raise RecordError("no `ratings`; see `sormctl import prm800k`, or drop --classes 3")
    if not isinstance(ratings, list | tuple) or len(ratings) != len(solution.steps):
        raise RecordError("`ratings` must be a list with one entry for each step")
    if any(type(x) is not int or x not in (-1, 0, 1) for x in ratings if x is not None):
        raise RecordError("`ratings` must hold -1, 0, 1 or null")
    return tuple(None if rating is None else rating + 1 for rating in ratings)


def pairs(inputs: Sequence[str], asking: Asking, seed: int) -> Iterator[TrainingExample | None]:
    """Contrastive pairs of graded solutions, grouped by problem in bounded memory (appendix F).

    None for each solution that is in no pair.
    """
    for group in group_solutions(RecordReader(inputs).records(Solution, known_task)):
        paired = contrastive_pairs(group, seed)
        for good, bad in paired:
            asked, problem = _prompt(good, asking), good.problem_id
            yield TrainingExample(asked, good.steps, rival=bad.steps, problem=problem)
        yield from (None for _ in range(len(group) - 2 * len(paired)))


def _prompt(solution: Solution, asking: Asking) -> Prompt:
    return draft_prompt(get_task(solution.task), solution.question, asking)
