"""Labels as strangers write them: marks, ratings, numbers from 0 to 1."""

from __future__ import annotations

from typing import Any

from sormctl.errors import RecordError
from sormctl.formats.base import Neutral
from sormctl.formats.values import whole
from sormctl.tasks.fields import is_missing

GOOD, BAD = "+", "-"
_TRUTHS = {"true": 1, "false": 0, "1": 1, "0": 0}
_NEUTRAL = {Neutral.correct: 1, Neutral.incorrect: 0, Neutral.null: None}


def label_of_mark(mark: Any, place: str) -> int:
    """1 for `+`, 0 for `-`; RecordError names the `place` of anything else."""
    text = mark.strip() if isinstance(mark, str) else ""
    if text not in (GOOD, BAD):
        raise RecordError(f"`{place}` must be + or -")
    return int(text == GOOD)


def hard_label(value: Any, place: str) -> int:
    """1 or 0, as a mark, a number or a truth; RecordError names the `place` of anything else."""
    label = share_of(whole(value), place)
    if type(label) is not int:
        raise RecordError(f"`{place}` must be + or -, or 1 or 0")
    return label


def mark_of(label: int | None) -> str:
    """`+` for a label 1, `-` for 0."""
    return GOOD if label else BAD


def rating_of(value: Any) -> int | None:
    """A rating by a person: -1 wrong, 0 neutral, 1 right, None where there is none."""
    rating = None if is_missing(value) else whole(value)
    if rating is not None and (type(rating) is not int or rating not in (-1, 0, 1)):
        raise RecordError("`rating` must be -1, 0, 1 or null")
    return rating


def rating_label(rating: int | None, neutral: Neutral) -> int | None:
    """The label of a step that was rated; `neutral` says that of a rating 0."""
    return {-1: 0, 0: _NEUTRAL[neutral], 1: 1, None: None}[rating]


def share_of(value: Any, place: str) -> int | float | None:
    """A label as a number from 0 to 1, an `int` where it is no soft one; None for none."""
    if is_missing(value):
        return None
    if value in (GOOD, BAD):
        return label_of_mark(value, place)
    word = value.strip().lower() if isinstance(value, str) else ""
    if word in _TRUTHS:  # as a table of texts writes them
        return _TRUTHS[word]
    number = int(value) if isinstance(value, bool) else _number(value)
    if number is not None and 0 <= number <= 1:
        return number
    if number == -1:
        raise RecordError(f"`{place}` is -1; name the field `ratings` if it holds -1, 0 and 1")
    raise RecordError(f"`{place}` must be true, false, + or -, or a number from 0 to 1")


def _number(value: Any) -> int | float | None:
    """A number, also one of more digits than a float keeps, which comes as a text."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return value if isinstance(value, int | float) else None
