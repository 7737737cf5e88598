"""How well a reward model judges steps, against labels or the truth. Paper, 4.1."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import nan

from sormctl.metrics import (
    Estimate,
    auc,
    calibration_error,
    clustered_proportion,
    harmonic_mean,
    proportion,
)

THRESHOLD = 0.5
ACCURACY = "step accuracy"
LOCATED = "first error found"
PASSED = "no error where there is none"

Shares = Mapping[str, tuple[int, int]]  # what -> hits, of how many


def judge_steps(scores: Sequence[float], labels: Sequence[int]) -> Shares:
    """What is right and wrong of the scores of one solution's steps, given their true labels."""
    return _judge(tuple([score >= THRESHOLD for score in scores]), tuple(labels))


@lru_cache(maxsize=1 << 14)  # there are few patterns, and many solutions
def _judge(predicted: tuple[bool, ...], labels: tuple[int, ...]) -> Shares:
    hits = [p == t for p, t in zip(predicted, labels, strict=True)]
    of_bad = [hit for hit, label in zip(hits, labels, strict=True) if label == 0]
    of_good = [hit for hit, label in zip(hits, labels, strict=True) if label == 1]
    exact = _first_error(predicted) == _first_error(labels)
    return {
        ACCURACY: (sum(hits), len(hits)),
        "false positive rate": (len(of_bad) - sum(of_bad), len(of_bad)),
        "false negative rate": (len(of_good) - sum(of_good), len(of_good)),
        LOCATED: (int(exact and bool(of_bad)), int(bool(of_bad))),
        PASSED: (int(exact and not of_bad), int(not of_bad)),
    }


@dataclass(slots=True)
class StepTally:
    """Predictions of one reward model against one truth, solution by solution.

    Memory: 9 bytes a step and 8 a solution.
    """

    scores: array[float] = field(default_factory=lambda: array("d"))
    labels: array[int] = field(default_factory=lambda: array("b"))
    judged: list[Shares] = field(default_factory=list)

    def add(self, scores: Sequence[float], labels: Sequence[int | None]) -> Shares:
        """Takes the step scores of one solution and its true labels; null ones are left out."""
        if None in labels:
            known = [(s, t) for s, t in zip(scores, labels, strict=True) if t is not None]
            scores, labels = [s for s, _ in known], [t for _, t in known]
        if not labels:
            return {}
        self.scores.extend(scores)
        self.labels.extend(labels)  # type: ignore[arg-type]
        found = judge_steps(scores, labels)  # type: ignore[arg-type]
        self.judged.append(found)
        return found

    def shares(self, what: str) -> tuple[list[int], list[int]]:
        """Hits, and of how many, of each solution."""
        return [found[what][0] for found in self.judged], [found[what][1] for found in self.judged]

    def estimates(self) -> Iterator[tuple[str, Estimate]]:
        """Step accuracy and its errors, AUC, calibration, and first errors found."""
        for what in (ACCURACY, "false positive rate", "false negative rate"):
            yield what, clustered_proportion(*self.shares(what))
        n = len(self.labels)
        yield "AUC", _plain(auc(self.scores, self.labels), n)
        yield "calibration error", _plain(calibration_error(self.scores, self.labels), n)
        located, passed = (
            proportion(sum(hits), sum(totals))
            for hits, totals in (self.shares(LOCATED), self.shares(PASSED))
        )
        yield LOCATED, located
        yield PASSED, passed
        f1 = harmonic_mean(located.value, passed.value)
        yield "first-error F1", _plain(f1, located.n + passed.n)


def total_shares(judged: Iterable[tuple[str, Shares]]) -> Shares:
    """The sums of hits and totals of equal name; each name is that of its judge and its own."""
    sums: dict[str, tuple[int, int]] = {}
    for judge, shares in judged:
        for what, (hits, total) in shares.items():
            before = sums.get(f"{judge}: {what}", (0, 0))
            sums[f"{judge}: {what}"] = (before[0] + hits, before[1] + total)
    return sums


def _plain(value: float, n: int) -> Estimate:
    return Estimate(value, n, nan, nan)


def _first_error(labels: Sequence[int]) -> int | None:
    return labels.index(0) if 0 in labels else None
