"""The ways of answering a problem that its solutions allow, and what each costs. Paper, 3.2 and D.

What the solutions are decides which ways there are: a student's greedy *draft*, its other
*samples*, and *global*, *local* and *value* refinements of the draft. Scores add reranking.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import accumulate, combinations
from shlex import quote
from typing import NamedTuple

from msgspec.structs import replace

from sormctl.evaluation.metrics import pass_at_k
from sormctl.evaluation.rows import DRAFT_FIRST, Kind, Way
from sormctl.records import Solution
from sormctl.reranking import agreeing, best, choose, elected, in_order, vote_weight
from sormctl.tasks.registry import get_task

SIZES = [2**i for i in range(1, 12)]  # of pass@k, up to the number of samples
SAMPLES: tuple[Kind, ...] = ("sample",)
ONLY = Way("only")


def distinct(group: Sequence[Solution]) -> list[Solution]:
    """Each solution once, by its id, with the scores and labels of all its lines."""
    found: dict[str, Solution] = {}
    for solution in group:
        before = found.get(solution.solution_id)
        found[solution.solution_id] = _both(before, solution) if before else solution
    return list(found.values())


def _both(first: Solution, second: Solution) -> Solution:
    """A solution that came twice, perhaps without its scores or labels; the first is believed."""
    labelled = first if any(label is not None for label in first.labels or ()) else second
    return replace(
        first,
        scores=second.scores | first.scores,
        rewards=second.rewards | first.rewards,
        labels=labelled.labels,
        rollouts=labelled.rollouts,
        verifiers=labelled.verifiers,
    )


def kind_of(solution: Solution) -> Kind:
    """What it is to the report. A solution whose kind another tool named counts as a sample.

    Older files call a draft a sample at temperature 0.
    """
    kind: Kind = solution.source.get("kind", "sample")  # or any other
    if kind == "sample" and solution.source.get("temperature") == 0:
        return "draft"
    return kind if kind in DRAFT_FIRST else "sample"


class Outcome(NamedTuple):
    """How often one way of answering one problem is right (0 to 1), and its tokens."""

    value: float
    tokens: int


Outcomes = dict[Way, Outcome]


def answer_given(ways: Sequence[Way]) -> Way | None:
    """The way of answering whose answer a user is given; None where the solutions do not say it.

    That is the only one; else what a reward model chooses among the draft and most refinements, or
    among samples, where one reward model has scored them all.
    """
    found = answers_possible(ways)
    return found[0] if len(found) == 1 else None


def ask_for_answer(option: str, ways: Sequence[Way]) -> str:
    """What may be typed, as a shell reads it, to say which answer a user is given."""
    return " or ".join(f"{option} {quote(str(way))}" for way in answers_possible(ways))


def answers_possible(ways: Sequence[Way]) -> Sequence[Way]:
    """The ways of answering of which one is that of the answer given.

    What several reward models choose, one each; all that need no oracle where none has scored all.
    """
    unchosen = [way for way in ways if way.chooser in ("only", "each")]
    if len(unchosen) == 1:
        return unchosen
    reranked = [way for way in ways if way.chooser == "score" and way.aggregation == "final"]
    most = max((len(way.kinds) for way in reranked), default=0)
    found = [way for way in reranked if len(way.kinds) == most]
    return found or [way for way in ways if way.chooser != "oracle" and not way.within]


def outcomes(group: Sequence[Solution], aggregations: Sequence[str]) -> Outcomes:
    """Every way of answering one problem that its solutions allow.

    Of each solution it must be known whether it is correct. The only solution of a problem is an
    answer of its kind, and `ONLY`; `ways_reported` says which of these counts.
    """
    if len(group) == 1:
        return dict.fromkeys((ONLY, Way("each", (kind_of(group[0]),))), _of(group[0]))
    kinds: dict[Kind, list[Solution]] = defaultdict(list)
    for solution in group:
        kinds[kind_of(solution)].append(solution)
    found = {
        Way("each", (kind,)): _on_average(kinds[kind]) for kind in DRAFT_FIRST if kind in kinds
    }
    if samples := kinds.get("sample"):
        found |= _of_samples(samples, aggregations)
        found |= _at_equal_cost(samples, kinds, aggregations)
    return found | _of_candidates(kinds, aggregations)


def ways_reported(num_problems: Mapping[Way, int]) -> list[Way]:
    """`ONLY` where every problem has one solution, of whatever kind; else all but `ONLY`.

    `num_problems` has of each way how many problems can be answered so.
    """
    of_kinds = sum(n for way, n in num_problems.items() if way.chooser == "each")
    if ONLY in num_problems and num_problems[ONLY] == of_kinds:
        return [ONLY]
    return [way for way in num_problems if way != ONLY]


def first_within(samples: Sequence[Solution], tokens: int) -> Sequence[Solution]:
    """The samples that so many generated tokens pay for, in the order in which they were drawn.

    All before the first that would pass the budget; the first sample in any case.
    """
    drawn = as_drawn(samples)
    spent = accumulate([sample.usage.generated_tokens for sample in drawn])
    return drawn[: max(1, sum(total <= tokens for total in spent))]


def as_drawn(samples: Sequence[Solution]) -> Sequence[Solution]:
    """By their index; those that have none, or the same, by their id."""

    def place(sample: Solution) -> int:
        index = sample.source.get("index")
        return index if isinstance(index, int) else 0

    return sorted(in_order(samples), key=place)


def _of_samples(samples: Sequence[Solution], aggregations: Sequence[str]) -> Outcomes:
    k, right, tokens = len(samples), _num_right(samples), _tokens(samples)
    found = {Way("each", SAMPLES): _on_average(samples)}
    if k == 1:
        return found
    found |= _chosen(samples, aggregations, partial(Way, kinds=SAMPLES, n=k))
    for size in (*[size for size in SIZES if size < k], k):
        cost = tokens * size // k
        found[Way("oracle", SAMPLES, size)] = Outcome(pass_at_k(k, right, size), cost)
    return found


def _at_equal_cost(
    samples: Sequence[Solution],
    kinds: Mapping[Kind, Sequence[Solution]],
    aggregations: Sequence[str],
) -> Outcomes:
    """What is chosen of as many samples as there are of draft and refinements, or of their cost."""
    pipeline = tuple(kind for kind in DRAFT_FIRST if kind in kinds)
    if len(samples) == 1 or len(pipeline) == 1 or "draft" not in pipeline:
        return {}
    refined = [solution for kind in pipeline for solution in kinds[kind]]
    found: Outcomes = {}
    if (n := len(refined)) < len(samples):
        as_many = as_drawn(samples)[:n]
        found |= _chosen(as_many, aggregations, partial(Way, kinds=SAMPLES, n=n))
    affordable = first_within(samples, _tokens(refined))
    return found | _chosen(affordable, aggregations, partial(Way, kinds=SAMPLES, within=pipeline))


def _chosen(
    samples: Sequence[Solution], aggregations: Sequence[str], way: Callable[..., Way]
) -> Outcomes:
    """What votes and reward models choose; `way` is given the chooser."""
    tokens = _tokens(samples)
    ballots = agreeing(samples, get_task(samples[0].task).answer.equal)
    undecided = in_order(samples)[0]  # stands for all if nobody votes
    found = {way("majority"): _of(elected(ballots) or undecided, tokens)}
    for model in scored_by(samples):
        found |= _reranked(samples, model, aggregations, way)
        winner = elected(ballots, vote_weight(samples, model)) or undecided
        found[way("weighted", model=model, aggregation="final")] = _of(winner, tokens)
    return found


def _of_candidates(
    kinds: Mapping[Kind, Sequence[Solution]], aggregations: Sequence[str]
) -> Outcomes:
    """Draft and refinements together: reranked by each reward model, by vote, and by an oracle.

    Of two there is no vote: of two answers the better would win, as by reranking.
    """
    present = [kind for kind in DRAFT_FIRST if kind in kinds]
    found: Outcomes = {}
    for size in range(2, len(present) + 1):
        for these in combinations(present, size):
            candidates = [solution for kind in these for solution in kinds[kind]]
            if "draft" in these:
                for model in scored_by(candidates):
                    found |= _reranked(candidates, model, aggregations, partial(Way, kinds=these))
                    if size > 2:
                        winner, *_ = choose(candidates, "weighted", model)
                        way = Way("weighted", these, model=model, aggregation="final")
                        found[way] = _of(winner, _tokens(candidates))
            right = float(_num_right(candidates) > 0)
            found[Way("oracle", these)] = Outcome(right, _tokens(candidates))
    return found


def _reranked(
    solutions: Sequence[Solution], model: str, aggregations: Sequence[str], way: Callable[..., Way]
) -> Outcomes:
    tokens = _tokens(solutions)
    return {
        way("score", model=model, aggregation=name): _of(best(solutions, model, name), tokens)
        for name in aggregations
    }


def _on_average(solutions: Sequence[Solution]) -> Outcome:
    """The outcome where any of these may be the answer: what one is right, and what one costs."""
    n = len(solutions)
    return Outcome(_num_right(solutions) / n, _tokens(solutions) // n)


def _of(chosen: Solution, tokens: int | None = None) -> Outcome:
    """The outcome where one solution is the answer; by default it is all that was generated."""
    return Outcome(float(chosen.correct is True), _tokens([chosen]) if tokens is None else tokens)


def _num_right(solutions: Iterable[Solution]) -> int:
    return sum([solution.correct is True for solution in solutions])


def scored_by(solutions: Sequence[Solution]) -> list[str]:
    """Names of the reward models that scored all of these solutions."""
    names = [{*solution.scores, *solution.rewards} for solution in solutions]
    return sorted(set.intersection(*names))


def _tokens(solutions: Iterable[Solution]) -> int:
    return sum([s.usage.generated_tokens for s in solutions])
