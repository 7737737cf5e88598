"""The ways of answering a problem that its solutions allow, and what each costs. Paper, 3.2 and D.

What the solutions are decides which ways there are. A *draft* is a greedy sample, the others are
*samples*; *global*, *local* and *value* are refinements. Scores add reranking.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

from sormctl.evaluation.metrics import pass_at_k
from sormctl.records import Solution
from sormctl.reranking import agreeing, best, by_id, choose, elected, reward
from sormctl.tasks.registry import get_task

REFINEMENTS = ("global", "local", "value")
SIZES = [2**i for i in range(1, 12)]  # of pass@k, up to the number of samples


def distinct(group: Sequence[Solution]) -> list[Solution]:
    """Each solution once, by its id."""
    if len({solution.solution_id for solution in group}) == len(group):
        return list(group)
    found: dict[str, Solution] = {}
    for solution in group:
        found.setdefault(solution.solution_id, solution)
    return list(found.values())


def kind_of(solution: Solution) -> str:
    """`draft`, the kind of refinement, or `sample`: also what another tool calls otherwise."""
    kind = str(solution.source.get("kind", "sample"))
    if kind in REFINEMENTS:
        return kind
    return "draft" if kind == "sample" and solution.source.get("temperature") == 0 else "sample"


class Outcome(NamedTuple):
    """How often one way of answering one problem is right (0 to 1), and its tokens."""

    value: float
    tokens: int


Outcomes = dict[str, Outcome]


def outcomes(group: Sequence[Solution], aggregations: Sequence[str]) -> Outcomes:
    """Every way of answering one problem that its solutions allow."""
    if len(group) == 1:
        return {"accuracy": Outcome(_first(group), _tokens(group))}
    kinds: dict[str, list[Solution]] = defaultdict(list)
    for solution in group:
        kinds[kind_of(solution)].append(solution)
    found: Outcomes = {}
    for kind in ("draft", *REFINEMENTS):
        if kind in kinds:
            share = sum(s.correct for s in kinds[kind]) / len(kinds[kind])
            found[kind] = Outcome(share, _tokens(kinds[kind]))
    if samples := kinds.get("sample"):
        found |= _of_samples(samples, aggregations)
    candidates = [s for kind in ("draft", *REFINEMENTS) for s in kinds.get(kind, ())]
    if len({kind_of(s) for s in candidates}) > 1:
        found |= _of_candidates(candidates, aggregations)
    return found


def _of_samples(samples: Sequence[Solution], aggregations: Sequence[str]) -> Outcomes:
    k, correct, tokens = len(samples), sum(s.correct for s in samples), _tokens(samples)
    found = {"sample": Outcome(correct / k, tokens // k)}
    if k == 1:
        return found
    ballots = agreeing(samples, get_task(samples[0].task).answer.equal)
    undecided = by_id(samples)[0]  # stands for all if nobody votes
    found[f"maj@{k}"] = Outcome(float((elected(ballots) or undecided).correct), tokens)
    for name in _scored(samples):
        found |= _reranked(samples, name, aggregations, f"rerank@{k}")
        winner = elected(ballots, reward(name)) or undecided
        found[f"weighted maj@{k} by {name}"] = Outcome(float(winner.correct), tokens)
    for size in (*[size for size in SIZES if size < k], k):
        cost = tokens * size // k
        found[f"pass@{size}"] = Outcome(pass_at_k(k, correct, size), cost)
    return found


def _of_candidates(candidates: Sequence[Solution], aggregations: Sequence[str]) -> Outcomes:
    """Draft and refinements together: reranked by each reward model, by vote, and by an oracle.

    Of two there is no vote: of two answers the better would win, as by reranking.
    """
    present = [kind for kind in ("draft", *REFINEMENTS) if kind in map(kind_of, candidates)]
    found: Outcomes = {}
    for size in range(2, len(present) + 1):
        for kinds in combinations(present, size):
            chosen = [s for s in candidates if kind_of(s) in kinds]
            label = " + ".join(kinds)
            if "draft" in kinds:
                for name in _scored(chosen):
                    found |= _reranked(chosen, name, aggregations, label)
                    if size > 2:
                        found[f"weighted {label} by {name}"] = _voted(chosen, name)
            right = float(any(s.correct for s in chosen))
            found[f"{label}, oracle"] = Outcome(right, _tokens(chosen))
    return found


def _reranked(
    solutions: Sequence[Solution], name: str, aggregations: Sequence[str], label: str
) -> Outcomes:
    tokens = _tokens(solutions)
    return {
        f"{label} by {name}" + ("" if aggregation == "final" else f", {aggregation}"): Outcome(
            float(best(solutions, name, aggregation).correct), tokens
        )
        for aggregation in aggregations
    }


def _voted(solutions: Sequence[Solution], name: str) -> Outcome:
    winner, *_ = choose(solutions, "weighted", name)
    return Outcome(float(winner.correct), _tokens(solutions))


def _first(solutions: Sequence[Solution]) -> float:
    return float(solutions[0].correct)


def _scored(solutions: Sequence[Solution]) -> list[str]:
    """Names of the reward models that scored all of these solutions."""
    return sorted(set(solutions[0].scores).intersection(*[s.scores for s in solutions]))


def _tokens(solutions: Iterable[Solution]) -> int:
    return sum([s.usage.generated_tokens for s in solutions])
