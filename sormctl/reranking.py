"""One solution out of several: aggregations of step scores, and votes. Paper, 3.2 and D."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from sormctl.records import Solution
from sormctl.tasks.registry import get_task

Scores = Sequence[float]


def final(scores: Scores) -> float:
    """Score after the last step."""
    return scores[-1]


def mean(scores: Scores) -> float:
    """Mean over all steps."""
    return sum(scores) / len(scores)


def weighted_mean(scores: Scores) -> float:
    """Mean in which step i of L weighs 1 / (L - i + 1): the later, the more."""
    weights = [1 / (len(scores) - i) for i in range(len(scores))]
    return sum(w * s for w, s in zip(weights, scores, strict=True)) / sum(weights)


def penultimate_mean(scores: Scores) -> float:
    """Mean of the last two steps."""
    return mean(scores[-2:])


AGGREGATIONS: dict[str, Callable[[Scores], float]] = {
    "final": final,
    "mean": mean,
    "weighted-mean": weighted_mean,
    "min": min,
    "product": math.prod,
    "penultimate-mean": penultimate_mean,
}


def aggregate(solution: Solution, name: str, aggregation: str = "final") -> float:
    """One number for a solution from the step scores called `name`; -1 if it has no steps."""
    scores = solution.scores[name]
    return AGGREGATIONS[aggregation](scores) if scores else -1.0


def rank(solutions: Sequence[Solution], name: str, aggregation: str = "final") -> list[Solution]:
    """Best first. Equal scores are ordered by solution id, so input order does not matter."""
    return sorted(solutions, key=lambda s: (-aggregate(s, name, aggregation), s.solution_id))


def majority_vote(
    solutions: Sequence[Solution],
    equal: Callable[[str, str], bool],
    weight: Callable[[Solution], float] = lambda _: 1.0,
) -> Solution | None:
    """A solution with the most frequent answer (maj@k); with `weight`, the heaviest answer.

    Solutions without an answer have no vote; None if nobody votes. Within the winning answer, and
    between answers that tie, the smallest solution id wins.
    """
    ballots: list[tuple[Solution, float]] = []
    for solution in sorted(solutions, key=lambda s: s.solution_id):
        if solution.predicted is None:
            continue
        for i, (first, total) in enumerate(ballots):
            if equal(solution.predicted, first.predicted or ""):
                ballots[i] = (first, total + weight(solution))
                break
        else:
            ballots.append((solution, weight(solution)))
    return max(ballots, key=lambda ballot: ballot[1])[0] if ballots else None


def choose(
    solutions: Sequence[Solution], vote: str, name: str, aggregation: str = "final"
) -> list[Solution]:
    """The solutions of one problem, best first: by `score`, or the winner of a vote.

    `vote` is `score`, `majority` or `weighted` (reward-weighted); `name` is that of the scores. If
    nobody votes, because no solution states an answer, the smallest solution id stands for all.
    """
    if vote == "score":
        return rank(solutions, name, aggregation)
    equal = get_task(solutions[0].problem.task).answer.equal

    def weight(solution: Solution) -> float:
        return max(aggregate(solution, name, aggregation), 0.0) if vote == "weighted" else 1.0

    winner = majority_vote(solutions, equal, weight)
    return [winner or min(solutions, key=lambda s: s.solution_id)]
