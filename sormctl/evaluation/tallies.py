"""What is counted of problems and solutions one by one, before it is summed up: a few numbers."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from sormctl.records import Solution


@dataclass(slots=True)
class Column:
    """One way of answering: the problems that allow it, by number, and its outcomes."""

    problems: array[int] = field(default_factory=lambda: array("L"))
    values: array[float] = field(default_factory=lambda: array("d"))
    tokens: array[int] = field(default_factory=lambda: array("q"))


@dataclass(slots=True)
class FinalVerdicts:
    """Whether a reward model's last score tells right from wrong answers, solution by solution.

    `solutions` are all that it scored, by number; of each, `hits` has 1 where it is right about the
    answer, 0 where it is wrong, -1 where the truth is unknown.
    """

    solutions: array[int] = field(default_factory=lambda: array("L"))
    hits: array[int] = field(default_factory=lambda: array("b"))

    def known(self) -> Sequence[int]:
        """The hits where the truth is known."""
        return [hit for hit in self.hits if hit >= 0] if -1 in self.hits else self.hits


@dataclass(slots=True)
class Preferences:
    """Whether a reward model prefers right to wrong answers of the same question.

    Of each problem `totals` counts the pairs of a right and a wrong solution that it scores
    differently, `hits` those in which the right one scores higher.
    """

    hits: array[int] = field(default_factory=lambda: array("Q"))
    totals: array[int] = field(default_factory=lambda: array("Q"))

    def add(self, right: Sequence[float], wrong: Sequence[float]) -> None:
        """Takes the scores of one problem's solutions."""
        ranked = sorted(wrong)
        below = [(bisect_left(ranked, score), bisect_right(ranked, score)) for score in right]
        ties = sum(high - low for low, high in below)
        if total := len(right) * len(wrong) - ties:
            self.hits.append(sum(low for low, _ in below))
            self.totals.append(total)


@dataclass(slots=True)
class Endings:
    """How the solutions of one kind ended."""

    total: int = 0
    cut_off: int = 0
    no_answer: int = 0

    def add(self, solution: Solution) -> None:
        """Counts one of them."""
        self.total += 1
        self.cut_off += solution.is_cut_off
        self.no_answer += solution.predicted is None
