"""What a claim of the paper is, and the rule that judges it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from examples.paper.report.rows import Subject, with_most

Ref = tuple[str, Subject]  # name of a result, where {s} is a student, and one of its rows
REPRODUCED, REFUTED, UNDECIDED = "reproduced", "not reproduced", "undecided"


@dataclass(frozen=True)
class Claim:
    """First - second of each pair lies between `low` and `high` (shares, not percent).

    A pair without a second is a figure that lies there itself. `paper` has the paper's figures for
    GSM8K, `svamp` those for SVAMP; of two, the first is its 7B model's, the second its 13B model's.
    """

    key: str
    text: str
    where: str
    paper: str
    pairs: Sequence[tuple[Ref, Ref | None]]
    low: float = 0.0
    high: float = inf
    svamp: str = ""

    def figures(self, benchmark: str) -> str:
        """The paper's own: those of SVAMP where it has them and a run is of SVAMP, else GSM8K's."""
        if benchmark != "SVAMP" or not any(map(str.isdigit, self.paper)):
            return self.paper
        return self.svamp or f"GSM8K: {self.paper}"

    def concrete(self, student: str, k: int) -> list[tuple[Ref, Ref | None]]:
        """The pairs with the name of a student and the number of samples in their place."""
        return [
            (filled(first, student, k), second and filled(second, student, k))
            for first, second in self.pairs
        ]

    @property
    def by_student(self) -> bool:
        """Whether each student has its own answer."""
        return any("{s}" in first[0] for first, _ in self.pairs)

    def condition(self) -> str:
        """What the differences must do, in words, in points."""
        low, high = 100 * self.low, 100 * self.high
        if self.high == inf:
            return f"above {low:g}"
        return f"below {high:g}" if self.low == -inf else f"between {low:g} and {high:g}"


def within(result: str, first: Subject, second: Subject) -> tuple[Ref, Ref]:
    """A pair of two rows of the same result."""
    return (result, first), (result, second)


def judge(claim: Claim, found: Sequence[Mapping[str, Any]]) -> str:
    """The verdict on a claim from its differences: all must hold, and one that fails refutes it."""
    verdicts = [_judge_one(claim, each) for each in found]
    if REFUTED in verdicts:
        return REFUTED
    return UNDECIDED if UNDECIDED in verdicts else REPRODUCED


def is_certain(claim: Claim, found: Sequence[Mapping[str, Any]]) -> bool:
    """Whether Student's interval of the seeds' values alone gives the verdict, and there is one."""
    if any(each["t_half"] is None for each in found):
        return False
    verdict = judge(claim, found)
    return verdict != UNDECIDED and judge(claim, [*map(_by_student, found)]) == verdict


def _by_student(found: Mapping[str, Any]) -> Mapping[str, Any]:
    value, half = found["value"], found["t_half"]
    return {**found, "low": value - half, "high": value + half}


def _judge_one(claim: Claim, found: Mapping[str, Any]) -> str:
    inside = [claim.low < value < claim.high for value in found["by_seed"]]
    if all(inside) and claim.low < found["low"] and found["high"] < claim.high:
        return REPRODUCED
    outside = found["high"] < claim.low or found["low"] > claim.high
    return REFUTED if outside and not any(inside) else UNDECIDED


def filled(ref: Ref, student: str, k: int) -> Ref:
    """The same with the name of a student and the number of samples in their place."""
    return ref[0].replace("{s}", student), with_most(ref[1], k)
