"""Which solutions to keep: expert iteration's filter, de-duplication and union (3.1 step 1).

And which labels: self-supervision by a reward model (appendix I).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sormctl.records import Labels, Solution, problem_name
from sormctl.seeds import digest


@dataclass(frozen=True, slots=True)
class Criteria:
    """What a solution must be to be kept; None does not ask.

    `unique` keeps the first of the solutions of a problem with the same steps (spaces apart), and
    `max_per_problem` the first so many of those that are left.
    """

    correct: bool | None = None
    unique: bool = False
    max_per_problem: int | None = None
    min_steps: int = 0
    max_steps: int | None = None


def keep(solutions: Iterable[Solution], criteria: Criteria) -> Iterator[Solution]:
    """The solutions that meet the criteria, in their order.

    Memory: about 100 bytes for each distinct solution with `unique`, and for each problem with
    `max_per_problem`; no solution is held.
    """
    seen: set[bytes] = set()
    kept: Counter[str] = Counter()
    for solution in solutions:
        if not _fits(solution, criteria):
            continue
        if criteria.unique:
            tag = _tag(solution)
            if tag in seen:
                continue
            seen.add(tag)
        if criteria.max_per_problem is not None:
            name = problem_name(solution)
            kept[name] += 1
            if kept[name] > criteria.max_per_problem:
                continue
        yield solution


def agreeing_labels(labels: Labels, scores: Sequence[float], threshold: float) -> Labels:
    """Appendix I: labels that differ from the self-supervised label 1[score > threshold] are None.

    >>> agreeing_labels((1, 1, 0, None), (0.9, 0.5, 0.1, 0.9), threshold=0.5)
    (1, None, 0, None)
    """
    return tuple(
        label if label == (score > threshold) else None
        for label, score in zip(labels, scores, strict=True)
    )


def _fits(solution: Solution, criteria: Criteria) -> bool:
    if criteria.correct is not None and solution.correct is not criteria.correct:
        return False
    most = criteria.max_steps
    return criteria.min_steps <= len(solution.steps) and (
        most is None or len(solution.steps) <= most
    )


def _tag(solution: Solution) -> bytes:
    """Identifies the problem and the steps, whatever the spaces."""
    steps = (" ".join(step.split()) for step in solution.steps)
    return digest(solution.task, solution.problem_id, *steps)
