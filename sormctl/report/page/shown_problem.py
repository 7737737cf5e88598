"""One problem as the page holds it: plain JSON, without what nobody looks at."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from sormctl.errors import RecordError
from sormctl.evaluation.rows import DRAFT_FIRST, Way
from sormctl.evaluation.ways import kind_of, scored_by
from sormctl.records import Json, Solution
from sormctl.report.filters import LABELS_DISAGREE, MODELS_DISAGREE, chosen, filters_met
from sormctl.reranking import agreeing, elected, vote_weight
from sormctl.tasks.registry import get_task

TICKS = 10_000  # steps between score 0 and 1
THOUGHT = 2_000  # characters of a thought that are kept
_BY_THRESHOLD = {MODELS_DISAGREE, LABELS_DISAGREE}  # the page finds these, at its threshold


def ticks(score: float) -> int:
    """A score as a whole number, such that `score >= t / TICKS` just where `ticks(score) >= t`.

    >>> ticks(0.57), ticks(0.56999)
    (5700, 5699)
    """
    below = math.floor(score * TICKS)
    return below + 1 if score >= (below + 1) / TICKS else below


def problem_shown(group: Sequence[Solution], way: Way | None, max_samples: int) -> Json:
    """A problem with its solutions, draft and refinements first, and the votes on its answer.

    `way` is the one whose answer is given. Of the samples only the first `max_samples` are shown;
    all of them vote.
    """
    first = group[0]
    main = sorted((s for s in group if kind_of(s) in DRAFT_FIRST), key=_place)
    samples = [s for s in group if kind_of(s) not in DRAFT_FIRST]
    given = chosen(way, group)
    return {
        "id": first.problem_id,
        "task": first.task,
        "question": first.question,
        "answer": first.answer,
        **({"reference": first.reference} if first.reference else {}),
        "solutions": [*map(_solution, (*main, *samples[:max_samples]))],
        "left_out": len(samples[max_samples:]),
        "given": given and _solution(given) if given in samples[max_samples:] else None,
        "given_id": given and given.solution_id,
        "votes": [_votes(*each) for each in _electorates(main, samples)],
        "filters": sorted(filters_met(group, way) - _BY_THRESHOLD),
    }


def exact_labels(solution: Solution) -> Sequence[int] | None:
    """The truth of its steps, by the task's oracle; None where the task or the record has none."""
    oracle = get_task(solution.task).oracle
    with suppress(RecordError):
        return oracle(solution) if oracle else None
    return None


def _place(solution: Solution) -> int:
    return DRAFT_FIRST.index(kind_of(solution))


def _solution(solution: Solution) -> Json:
    """Its text and what was found out about it; what is absent is left out."""
    source = solution.source
    return _without_none(
        id=solution.solution_id,
        kind=kind_of(solution),
        steps=solution.steps,
        predicted=solution.predicted,
        correct=solution.correct,
        tokens=solution.usage.generated_tokens or None,
        cut_off=solution.is_cut_off or None,
        first_error=source.get("first_error"),
        thought=solution.thought and solution.thought[:THOUGHT],
        labels=solution.labels,
        exact=exact_labels(solution),
        rollouts=solution.rollouts
        and [[each.succeeded, each.tried] if each.made else None for each in solution.rollouts],
        rewards=solution.rewards or None,
        scores={name: [*map(ticks, values)] for name, values in solution.scores.items()} or None,
    )


def _without_none(**fields: Any) -> Json:
    return {name: value for name, value in fields.items() if value is not None}


def _electorates(
    main: Sequence[Solution], samples: Sequence[Solution]
) -> Iterator[tuple[str, Sequence[Solution]]]:
    """Those that vote together, as `evaluation.ways` lets them."""
    if len(main) > 2:
        yield " + ".join(dict.fromkeys(kind_of(solution) for solution in main)), main
    if len(samples) > 1:
        yield f"{len(samples)} samples", samples


def _votes(voters: str, solutions: Sequence[Solution]) -> Json:
    """The answers with their votes, and the weight that each reward model gives them."""
    ballots = agreeing(solutions, get_task(solutions[0].task).answer.equal)
    models = scored_by(solutions)
    weights = {model: vote_weight(solutions, model) for model in models}
    winners = {"": elected(ballots), **{m: elected(ballots, weights[m]) for m in models}}
    return {
        "of": voters,
        "models": models,
        "answers": [
            {
                "answer": ballot[0].predicted,
                "correct": ballot[0].correct,
                "votes": len(ballot),
                "weights": [round(math.fsum(map(weights[m], ballot)), 3) for m in models],
                "wins": [name for name, winner in winners.items() if winner is ballot[0]],
            }
            for ballot in sorted(ballots, key=len, reverse=True)
        ],
    }
