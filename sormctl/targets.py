"""What models learn from solutions: which to write, and what the labels of their steps are to
whoever takes them: as they are, shares, classes, a first error."""

from __future__ import annotations

from collections.abc import Sequence

from sormctl.errors import RecordError
from sormctl.records import Labels, Solution, is_unfinished

SOFT = "soft-labels"  # the scores that are soft labels of other tools, not of a reward model
NO_ERROR = -1  # the first error of a solution without one

SoftLabels = tuple[float | None, ...]  # per step, from 0 to 1


def may_be_learned(solution: Solution) -> bool:
    """Whether a model may learn to write it: it is correct, and its writer had come to an end.

    Of one that was cut off behind its answer a model would learn to stop in mid-sentence.
    """
    return solution.correct is True and not is_unfinished(solution.source)


def step_labels(solution: Solution) -> Labels:
    """The labels as they are: 1 correct, 0 incorrect."""
    return solution.labels_given()


def soft_labels(solution: Solution) -> SoftLabels:
    """Per labelled step its soft label, or the share of the rollouts from it that succeeded.

    That is V of the student. The last step, from which there are no rollouts, keeps its label.
    RecordError where there are neither, or not all rollouts of every other prefix were made: a walk
    that stops at the first success says nothing about shares.
    """
    labels = solution.labels_given()
    if SOFT in solution.scores:
        shares = list(solution.scores[SOFT])
    elif solution.rollouts is None:
        raise RecordError(
            "no soft labels of an import, and no `rollouts`; see label-steps --exhaustive"
        )
    else:
        shares = [count.succeeded / count.tried for count in solution.all_rollouts()]
        shares += [float(label or 0) for label in labels[-1:]]
    return tuple(
        None if label is None else share for label, share in zip(labels, shares, strict=True)
    )


def rated_labels(solution: Solution) -> Labels:
    """The classes 0, 1, 2 (incorrect, neutral, correct) of `ratings` -1, 0, 1 (appendix H)."""
    ratings = solution.extra.get("ratings")
    if ratings is None:
        raise RecordError("no `ratings`; see `sormctl import prm800k`, or drop --classes 3")
    if not isinstance(ratings, list | tuple) or len(ratings) != len(solution.steps):
        raise RecordError("`ratings` must be a list with one entry for each step")
    if any(type(x) is not int or x not in (-1, 0, 1) for x in ratings if x is not None):
        raise RecordError("`ratings` must hold -1, 0, 1 or null")
    return tuple(None if rating is None else rating + 1 for rating in ratings)


def first_error(labels: Sequence[int | None]) -> int | None:
    """The index of the first label 0, -1 without any; None if it is not known."""
    known = labels[: labels.index(0)] if 0 in labels else labels
    if None in known:
        return None
    return len(known) if 0 in labels else NO_ERROR
