"""The scores of a reward model, read without a server."""

from __future__ import annotations

from math import isnan
from typing import Any

import pytest

from sormctl.engines.openai.scores import reward_of, step_scores
from sormctl.errors import EngineError, ModelError


def pooled(*rows: Any) -> dict[str, Any]:
    return {"data": [{"index": 0, "data": list(rows)}]}


def test_scores_are_read_at_the_ends_of_steps() -> None:
    answer = pooled([0.75, 0.25], [0.5, 0.5], [0.25, 0.75], [0.125, 0.875])
    assert step_scores(answer, 4, [1, 3], "s", "m") == [0.5, 0.875]
    assert step_scores(pooled([0.25, 0.25, 0.5]), 1, [0], "s", "m") == [0.75]
    assert step_scores(pooled([0.0, 1.0000001]), 1, [0], "s", "m") == [1.0]


def test_some_servers_know_where_steps_end() -> None:
    answer = pooled([0.5, 0.5], [0.125, 0.875])
    assert step_scores(answer, 4, [1, 3], "s", "m", may_be_picked=True) == [0.5, 0.875]
    with pytest.raises(EngineError):
        step_scores(answer, 4, [1, 3], "s", "m")


def test_a_reward_is_one_number() -> None:
    assert reward_of(pooled(-11.5), "s", "m") == -11.5
    assert isnan(reward_of(pooled(None), "s", "m"))
    nothing: dict[str, Any] = {"data": []}
    for answer in (pooled(1.0, 2.0), pooled([1.0, 2.0]), nothing):
        with pytest.raises(ModelError, match="s: m gives a text other than one number"):
            reward_of(answer, "s", "m")


@pytest.mark.parametrize("value", [None, float("nan")])
def test_scores_that_are_no_numbers_stay_so(value: float | None) -> None:
    for row in ([value, value], [value, 0.7], [0.3, value], [value, 0.2, 0.5]):
        (score,) = step_scores(pooled(row), 1, [0], "s", "m")
        assert isnan(score)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (pooled([0.5, 0.5]), ModelError),  # fewer tokens than were asked for
        (pooled([0.2, 0.2, 0.3, 0.3], [0.2, 0.2, 0.3, 0.3]), ModelError),
        (pooled([11.7, 5.3], [8.7, 5.3]), ModelError),  # no probabilities
        (pooled(0.1, 0.2), EngineError),  # an embedding
        ({"data": []}, EngineError),
        ({}, EngineError),
    ],
)
def test_what_are_no_scores(answer: dict[str, Any], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        step_scores(answer, 2, [0], "s", "m")
