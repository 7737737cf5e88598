"""Which problems are worth a look."""

from __future__ import annotations

import pytest

from sormctl.evaluation.rows import Way
from sormctl.evaluation.ways import outcomes
from sormctl.report.filters import chosen, filters_met, way_given
from tests.unit.examples import solution
from tests.unit.report.runs_shown import refined, whole_run

GIVEN = Way("score", ("draft", "global", "local"), model="orm", aggregation="final")


def test_each_problem_meets_its_filters() -> None:
    fixed, broken, wrong, hostile = (
        filters_met(group, GIVEN) - {"models-disagree", "labels-disagree"} for group in whole_run()
    )
    assert fixed == {"fixed"}
    assert broken == {"broken", "wrong", "chosen-wrongly"}
    assert wrong == {"wrong"}
    assert hostile == {"wrong", "cut-off", "no-answer", "chosen-wrongly"}


def test_first_errors_are_held_against_each_other_at_the_threshold() -> None:
    group = refined("p", "7", "6", "6", best="local")
    assert {"models-disagree", "labels-disagree"} <= filters_met(group, GIVEN)
    assert not {"models-disagree", "labels-disagree"} & filters_met(group[:1], GIVEN, 0.6)


@pytest.mark.parametrize(
    ("labels", "disagree"),
    [
        ((None, None), False),
        ((None, 0), False),
        ((1, None), False),
        ((1, 1), True),
        ((0, None), True),
        ((1, 0), False),
    ],
)
def test_labels_that_do_not_tell_the_first_error_disagree_with_nobody(
    labels: tuple[int | None, int | None], disagree: bool
) -> None:
    made = solution(labels=labels, scores={"rm": (0.9, 0.1)})
    assert ("labels-disagree" in filters_met([made], None)) is disagree


def test_without_a_choice_any_refinement_counts() -> None:
    fixed = [solution for solution in refined("p", "7", "6", "7", best="draft")][:3]
    assert "fixed" in filters_met(fixed, None)
    assert "fixed" not in filters_met(fixed, GIVEN)  # the draft was chosen


def test_without_refinements_the_draft_is_the_answer() -> None:
    wrong, right = (refined("p", each, "6", "6", best="draft")[:1] for each in ("7", "6"))
    assert "wrong" in filters_met(wrong, None)
    assert not filters_met(right, None, 0.0)


def test_the_way_of_one_problem_is_that_of_the_run() -> None:
    for group in whole_run():
        assert way_given(group) == GIVEN
        assert chosen(GIVEN, group) is not None


def test_what_is_chosen_is_right_where_eval_says_so() -> None:
    """Of every way of answering that chooses one solution."""
    for group in whole_run():
        found = outcomes(group, ("final", "mean"))
        choosing = [way for way in found if way.chooser in ("score", "majority", "weighted")]
        assert any(way.within for way in choosing) or not any(way.n for way in choosing)
        for way in choosing:
            given = chosen(way, group)
            assert given is not None and float(given.correct is True) == found[way].value


def test_a_problem_that_lacks_a_candidate_has_no_answer_of_that_way() -> None:
    group = refined("p", "7", "6", "7", best="global")
    assert chosen(GIVEN, group[:2]) is None
    assert chosen(Way("only"), group[:1]) is group[0]
    assert chosen(Way("only"), group) is None
