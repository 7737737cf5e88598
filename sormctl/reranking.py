"""One solution out of several: aggregations of step scores, and votes. Paper, 3.2 and D."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from sormctl.errors import UsageError
from sormctl.missing import no_such
from sormctl.records import REFINEMENTS, Solution
from sormctl.tasks.registry import get_task

Scores = Sequence[float]


def final(scores: Scores) -> float:
    """Score after the last step."""
    return scores[-1]


def mean(scores: Scores) -> float:
    """Mean over all steps."""
    return math.fsum(scores) / len(scores)


def weighted_mean(scores: Scores) -> float:
    """Mean in which step i of L weighs 1 / (L - i + 1): the later, the more."""
    weights = [1 / (len(scores) - i) for i in range(len(scores))]
    return math.fsum(w * s for w, s in zip(weights, scores, strict=True)) / math.fsum(weights)


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


def known_aggregations(names: Sequence[str]) -> None:
    """UsageError for a name of `--agg` that is none."""
    for name in names:
        if name not in AGGREGATIONS:
            raise UsageError(no_such("aggregation (--agg)", name, AGGREGATIONS))


def check_judged(solution: Solution, name: str) -> None:
    """RecordError for a solution that has neither scores nor a reward of that name."""
    if name not in solution.rewards:
        solution.scores_of(name)


def scorer(name: str, aggregation: str = "final") -> Callable[[Solution], float]:
    """One number for a solution: the reward called `name`, or of the step scores of that name.

    It is -1 without steps, and below all others for a solution that is too long for its model.
    """
    combine = AGGREGATIONS[aggregation]

    def score(solution: Solution) -> float:
        if name in solution.rewards:
            reward = solution.rewards[name]
            return -math.inf if reward is None else reward
        scores = solution.scores[name]
        return combine(scores) if scores else -1.0

    return score


def rank(solutions: Sequence[Solution], name: str, aggregation: str = "final") -> list[Solution]:
    """Best first. Equal scores are `in_order`, so the order of the input does not matter."""
    return sorted(in_order(solutions), key=scorer(name, aggregation), reverse=True)


def best(solutions: Iterable[Solution], name: str, aggregation: str = "final") -> Solution:
    """The first that `rank` gives."""
    return max(in_order(solutions), key=scorer(name, aggregation))


def in_order(solutions: Iterable[Solution]) -> list[Solution]:
    """The order of equals: refinements last, since none is needed that is no better; then by id."""
    return sorted(solutions, key=lambda s: (_is_refinement(s), s.solution_id))


def _is_refinement(solution: Solution) -> bool:
    source = solution.source
    return source.get("kind") in REFINEMENTS or source.get("draft_id") is not None


def agreeing(
    solutions: Iterable[Solution], equal: Callable[[str, str], bool]
) -> list[list[Solution]]:
    """The solutions that state each answer, `in_order`, as are the answers.

    Solutions without an answer are left out.
    """
    ballots: list[list[Solution]] = []
    known: dict[str, list[Solution]] = {}  # by the text of the answer, to compare each text once
    for solution in in_order(solutions):
        answer = solution.predicted
        if answer is None:
            continue
        ballot = known.get(answer)
        if ballot is None:
            same = (ballot for ballot in ballots if equal(answer, ballot[0].predicted or ""))
            ballot = known[answer] = next(same, [])
            if not ballot:
                ballots.append(ballot)
        ballot.append(solution)
    return ballots


def elected(
    ballots: Iterable[list[Solution]], weight: Callable[[Solution], float] = lambda _: 1.0
) -> Solution | None:
    """The first solution of the heaviest answer; of several, the first. None without any."""
    first = max(ballots, key=lambda ballot: math.fsum(map(weight, ballot)), default=None)
    return first[0] if first else None


def majority_vote(
    solutions: Sequence[Solution],
    equal: Callable[[str, str], bool],
    weight: Callable[[Solution], float] = lambda _: 1.0,
) -> Solution | None:
    """A solution with the most frequent answer (maj@k); with `weight`, the heaviest answer.

    Solutions without an answer have no vote; None if nobody votes. Within the winning answer, and
    between answers that tie, the first `in_order` wins.
    """
    return elected(agreeing(solutions, equal), weight)


def vote_weight(
    solutions: Sequence[Solution], name: str, aggregation: str = "final"
) -> Callable[[Solution], float]:
    """The weight of a vote among the solutions of a problem, in `weighted`.

    It is the score, and 0 for a solution without steps. Of rewards only differences mean anything,
    so they weigh as their softmax over the solutions.
    """
    score = scorer(name, aggregation)
    if not any(name in solution.rewards for solution in solutions):
        return lambda solution: max(score(solution), 0.0)
    highest = max(map(score, solutions))
    if highest == -math.inf:
        return lambda _: 0.0
    return lambda solution: math.exp(score(solution) - highest)


def choose(
    solutions: Sequence[Solution], vote: str, name: str, aggregation: str = "final"
) -> list[Solution]:
    """The solutions of one problem, best first: by `score`, or the winner of a vote.

    `vote` is `score`, `majority` or `weighted` (reward-weighted); `name` is that of the scores. If
    nobody votes, because no solution states an answer, the first `in_order` stands for all.
    """
    if vote == "score":
        return rank(solutions, name, aggregation)
    equal = get_task(solutions[0].task).answer.equal
    weights = (vote_weight(solutions, name, aggregation),) if vote == "weighted" else ()
    winner = majority_vote(solutions, equal, *weights)
    return [winner or in_order(solutions)[0]]
