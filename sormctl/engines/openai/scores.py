"""The scores of a reward model, read from the answers of a pooling API. Nothing here waits."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan, nan
from typing import Any

from sormctl.errors import EngineError, ModelError
from sormctl.records import Json

_WRONG = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError)


def step_scores(
    answer: Json,
    length: int,
    positions: Sequence[int],
    server: str,
    model: str,
    *,
    may_be_picked: bool = False,
) -> list[float]:
    """P(correct) at positions of a text of `length` tokens, from the classes of each token.

    Class 0 is incorrect. With `may_be_picked` the server may give those at the positions alone. NaN
    where it has no number. ModelError if they are not those of a reward model.
    """
    try:
        rows = answer["data"][0]["data"]
        is_picked = may_be_picked and len(rows) == len(positions)
        read = rows if is_picked else [rows[place] for place in positions]
        classes = [[_number(value) for value in row] for row in read]
    except _WRONG as error:
        raise EngineError("the server's answer is not one of the pooling API") from error
    if not (is_picked or len(rows) == length) or not all(map(_are_probabilities, classes)):
        raise ModelError(
            f"{server}: {model} does not score: it is no reward model, which gives each token a "
            "probability of 2 or 3 classes"
        )
    return [nan if any(map(isnan, row)) else min(1.0, sum(row[1:])) for row in classes]


def reward_of(answer: Json, server: str, model: str) -> float:
    """The one number of a text; NaN where the server has none. ModelError if there are others."""
    try:
        (reward,) = (_number(value) for value in answer["data"][0]["data"])
    except _WRONG as error:
        raise ModelError(f"{server}: {model} gives a text other than one number") from error
    return reward


def _number(value: Any) -> float:
    return nan if value is None else float(value)  # JSON has no other word for it


def _are_probabilities(row: Sequence[float]) -> bool:
    """Whether they are of 2 or 3 classes, or no numbers, of which the caller has more to say."""
    if len(row) not in (2, 3):
        return False
    total = sum(row)
    return isnan(total) or (min(row) >= 0 and abs(total - 1) < 0.05)  # bfloat16 is that coarse
