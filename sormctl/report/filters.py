"""Which problems are worth a look: what refinement fixed or broke, and who disagrees with whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sormctl.evaluation.rows import Way
from sormctl.evaluation.ways import (
    answer_given,
    as_drawn,
    first_within,
    kind_of,
    outcomes,
    scored_by,
    ways_reported,
)
from sormctl.records import REFINEMENTS, Solution
from sormctl.reranking import choose
from sormctl.targets import NO_ERROR, first_error
from sormctl.thresholds import THRESHOLD, first_below

FIXED, BROKEN, CHOSEN_WRONGLY = "fixed", "broken", "chosen-wrongly"
MODELS_DISAGREE, LABELS_DISAGREE = "models-disagree", "labels-disagree"
CUT_OFF, NO_ANSWER, WRONG = "cut-off", "no-answer", "wrong"
FILTERS = {
    FIXED: "the draft is wrong, the answer given is right",
    BROKEN: "the draft is right, the answer given is wrong",
    CHOSEN_WRONGLY: "the answer given is wrong, another candidate is right",
    WRONG: "the answer given is wrong",
    MODELS_DISAGREE: "reward models see the first error of a solution at different steps",
    LABELS_DISAGREE: "a reward model sees it at another step than the labels",
    CUT_OFF: "a solution ended at the token limit",
    NO_ANSWER: "a solution states no answer",
}


def filters_met(
    group: Sequence[Solution], way: Way | None, threshold: float = THRESHOLD
) -> set[str]:
    """The names of the filters that the solutions of a problem pass.

    `way` is the one whose answer a user gets. Where nothing says which that is, the answer may be
    any refinement; without refinements the draft; without that any sample.
    """
    return {*_by_answers(group, way), *_by_steps(group, threshold)}


def candidates_of(way: Way, group: Sequence[Solution]) -> Sequence[Solution]:
    """The solutions among which a way of answering chooses; none if the problem lacks some."""
    if way.chooser == "only":
        return group if len(group) == 1 else ()
    found = [solution for solution in group if kind_of(solution) in way.kinds]
    if {kind_of(solution) for solution in found} != {*way.kinds}:
        return ()
    if way.within:
        tokens = [s.usage.generated_tokens for s in group if kind_of(s) in way.within]
        return first_within(found, sum(tokens))
    return found if way.n is None else as_drawn(found)[: way.n]


def chosen(way: Way | None, group: Sequence[Solution]) -> Solution | None:
    """The solution that a way of answering gives; None where it gives none, or any of several."""
    candidates = candidates_of(way, group) if way else ()
    if way is None or way.chooser in ("only", "each", "oracle"):
        return candidates[0] if len(candidates) == 1 else None
    if not candidates or (way.model and way.model not in scored_by(candidates)):
        return None
    first, *_ = choose(candidates, way.chooser, way.model or "", way.aggregation or "final")
    return first


def way_given(group: Sequence[Solution]) -> Way | None:
    """The way whose answer a user gets, as far as the solutions of one problem alone say it."""
    known = [solution for solution in group if solution.correct is not None]
    found = outcomes(known, ("final",)) if known else {}
    return answer_given(ways_reported(dict.fromkeys(found, 1)))


def _by_answers(group: Sequence[Solution], way: Way | None) -> Iterator[str]:
    given = chosen(way, group)
    drafts = [solution for solution in group if kind_of(solution) == "draft"]
    refined = [solution for solution in group if kind_of(solution) in REFINEMENTS]
    draft = {solution.correct for solution in drafts}
    answers = {solution.correct for solution in ([given] if given else refined or drafts or group)}
    if False in draft and True in answers:
        yield FIXED
    if True in draft and False in answers:
        yield BROKEN
    if answers == {False}:
        yield WRONG
        if way and any(solution.correct for solution in candidates_of(way, group)):
            yield CHOSEN_WRONGLY
    if any(solution.is_cut_off for solution in group):
        yield CUT_OFF
    if any(solution.predicted is None for solution in group):
        yield NO_ANSWER


def _by_steps(group: Sequence[Solution], threshold: float) -> Iterator[str]:
    for solution in group:
        seen = {first_below(scores, threshold) for scores in solution.scores.values()}
        if len(seen) > 1:
            yield MODELS_DISAGREE
        known = None if solution.labels is None else first_error(solution.labels)
        if known is not None and seen - {None if known == NO_ERROR else known}:
            yield LABELS_DISAGREE
