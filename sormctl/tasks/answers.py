"""How final answers are read from steps and compared, by kind of answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

_NUMBER = re.compile(r"-?(?:\d[\d,]*)?\.?\d+")


@dataclass(frozen=True, slots=True)
class AnswerKind:
    """`read` finds the final answer in a solution's steps; `equal` compares two answers."""

    name: str
    read: Callable[[Sequence[str]], str | None]
    equal: Callable[[str, str], bool]


def read_number(steps: Sequence[str]) -> str | None:
    """The number after `####`, else the last number of the last step; None if there is none."""
    if not steps:
        return None
    numbers = _NUMBER.findall(steps[-1].split("####")[-1])
    return numbers[-1].replace(",", "") if numbers else None


def equal_numbers(first: str, second: str) -> bool:
    """Whether two answers are the same number."""
    try:
        return Fraction(first) == Fraction(second)
    except ValueError:
        return first == second


NUMERIC = AnswerKind("numeric", read_number, equal_numbers)
