"""The solver whose demonstrations the embedded models learn from."""

from __future__ import annotations

from random import Random

import pytest

from examples import careless
from examples.careless import Demonstration, demonstrations
from sormctl.tasks.chain import problems
from sormctl.tasks.chain.stories import EASY, HARD, Level


def shown(level: Level, count: int) -> list[Demonstration]:
    return list(demonstrations(level, seed=0, count=count))


def test_the_first_demonstration_of_chain_never_changes() -> None:
    """The embedded student has learned from it."""
    assert shown(EASY, 1) == [
        Demonstration(
            "Ruth starts with 28 pears. She misplaces 10 pears. On Friday Ruth sells 17 pears. "
            "Maya has 20 pears. Ruth picks up 14 pears. How many pears does Ruth have in the end?",
            ["28 - 10 = 18", "18 - 17 = 1", "1 + 14 = 15", "#### 15"],
        )
    ]


@pytest.mark.parametrize("level", [EASY, HARD], ids=lambda level: level.name)
def test_about_half_of_the_demonstrations_are_right(level: Level) -> None:
    right = [
        list(problems.problem("train", 0, index, level).reference or ()) == list(each.steps)
        for index, each in enumerate(shown(level, 1000))
    ]
    assert 0.4 < sum(right) / len(right) < 0.6


def test_a_third_of_chain_hard_is_shown_after_a_draft() -> None:
    drafts = [each for each in shown(HARD, 1000) if each.draft is not None]
    assert 300 < len(drafts) < 400
    for each in drafts:
        assert each.draft is not None
        if each.first_error is not None:
            assert each.draft[: each.first_error] == each.steps[: each.first_error]
            assert [each.draft[each.first_error]] != each.steps[each.first_error :][:1]
    differ = [each for each in drafts if each.draft != each.steps]
    told = [each for each in differ if each.first_error is not None]
    assert 0.4 < len(told) / len(differ) < 0.6
    assert all(each.draft is None for each in shown(EASY, 1000))


@pytest.mark.parametrize(("first", "second", "results"), [(7, 8, {56}), (17, 8, {136, 86})])
def test_long_products_lose_their_carry(first: int, second: int, results: set[int]) -> None:
    rng = Random(0)
    assert {careless.product(rng, first, second) for _ in range(50)} == results


@pytest.mark.parametrize(("step", "whole"), [("36 / 4 = 9", True), ("37 / 4 = 9", False)])
def test_quotients_are_whole(step: str, whole: bool) -> None:
    assert careless.comes_out([step, "#### 9"]) is whole
