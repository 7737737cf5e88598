"""Training pairs. For refiners, a wrong draft and what it should have become (paper, 3.1 step 3);
for contrastive reward models, a correct solution and an incorrect one (appendix F).

Each function takes the solutions of one problem.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from random import Random

from sormctl.records import Pair, Solution, Steps, Verifier
from sormctl.targets import NO_ERROR, first_error, may_be_learned


class RefineMode(StrEnum):
    """What a refiner is told of a draft."""

    globally = "global"
    locally = "local"
    by_value = "value"


def global_pairs(solutions: Sequence[Solution], targets: int, seed: int) -> Iterator[Pair]:
    """Each incorrect solution with up to `targets` correct ones of the same question."""
    correct = _correct(solutions)
    for draft in _wrong_drafts(solutions):
        for target in _drawn(correct, targets, seed, draft):
            yield _pair(draft, None, target)


def local_pairs(solutions: Sequence[Solution], targets: int, seed: int) -> Iterator[Pair]:
    """Each incorrect solution, cut before its first wrong step and continued by a verifying trace.

    The first wrong step is the first label 0, so drafts need labels that were not balanced; a wrong
    solution without labels is no draft. Where already the first step is wrong, the correct samples
    of the question, labelled or not, are the traces: they are rollouts from the empty prefix.
    """
    correct = _correct(solutions)
    for draft in _wrong_drafts(filter(has_labels, solutions)):
        error = first_error(draft.labels_given())
        if error is not None and error != NO_ERROR:
            traces = _of_prefix(draft.verifiers, error) if error else correct
            yield from _continued(draft, error, traces, targets, seed)


def value_pairs(solutions: Sequence[Solution], targets: int, seed: int) -> Iterator[Pair]:
    """Appendix J: `[BAD]` stands before the step after the one with the most verifying rollouts.

    Needs the counts of `label-steps --exhaustive`. Only traces that begin with another step than
    the draft's are improvements.
    """
    for draft in _wrong_drafts(solutions):
        values = [count.succeeded for count in draft.rollouts or ()][:-1]
        if any(values):
            error = values.index(max(values)) + 1
            others = (v for v in draft.verifiers if v.steps[:1] != draft.steps[error : error + 1])
            yield from _continued(draft, error, _of_prefix(others, error), targets, seed)


def contrastive_pairs(solutions: Sequence[Solution], seed: int) -> list[tuple[Solution, Solution]]:
    """Appendix F: correct and incorrect solutions in pairs, as many as there can be.

    No solution, by its steps, is in two pairs; which are left over is drawn by `seed`.
    """
    distinct = {s.steps: s for s in solutions if s.steps}.values()
    random = Random(f"{seed} {solutions[0].problem_id}" if solutions else "")
    good, bad = ([s for s in distinct if s.correct is correct] for correct in (True, False))
    count = min(len(good), len(bad))
    return list(zip(random.sample(good, count), random.sample(bad, count), strict=True))


def has_labels(solution: Solution) -> bool:
    """Whether a step of it has a label."""
    return any(label is not None for label in solution.labels or ())


def count_unlabelled(solutions: Sequence[Solution]) -> int:
    """Wrong texts that no line gives with labels."""
    labelled = {solution.steps for solution in solutions if has_labels(solution)}
    return sum(draft.steps not in labelled for draft in _wrong_drafts(solutions))


def _wrong_drafts(solutions: Iterable[Solution]) -> Iterator[Solution]:
    """Incorrect solutions that have steps, each text once."""
    seen: set[Steps] = set()
    for solution in solutions:
        if solution.correct is False and solution.steps and solution.steps not in seen:
            seen.add(solution.steps)
            yield solution


def _correct(solutions: Iterable[Solution]) -> list[Steps]:
    return list(dict.fromkeys(s.steps for s in solutions if may_be_learned(s)))


def _of_prefix(traces: Iterable[Verifier], length: int) -> list[Steps]:
    return list(dict.fromkeys(trace.steps for trace in traces if trace.prefix == length))


def _continued(
    draft: Solution, error: int, traces: Sequence[Steps], targets: int, seed: int
) -> Iterator[Pair]:
    for trace in _drawn(traces, targets, seed, draft):
        yield _pair(draft, error, (*draft.steps[:error], *trace))


def _drawn(choices: Sequence[Steps], targets: int, seed: int, draft: Solution) -> Sequence[Steps]:
    if len(choices) <= 1:  # the usual case: one verifying trace; a generator costs microseconds
        return choices
    return Random(f"{seed} {draft.solution_id}").sample(choices, min(targets, len(choices)))


def _pair(draft: Solution, first_error: int | None, target: Steps) -> Pair:
    return Pair(
        task=draft.task,
        problem_id=draft.problem_id,
        question=draft.question,
        draft=draft.steps,
        first_error=first_error,
        target=target,
    )
