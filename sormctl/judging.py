"""How well a reward model judges steps, against labels or the truth. Paper, 4.1."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
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

Shares = dict[str, tuple[int, int]]  # what -> hits, of how many


def judge_steps(scores: Sequence[float], labels: Sequence[int]) -> Shares:
    """What is right and wrong of the scores of one solution's steps, given their true labels."""
    predicted = [int(score >= THRESHOLD) for score in scores]
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
    """Predictions of one reward model against one truth, solution by solution."""

    scores: list[float] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    shares: dict[str, tuple[list[int], list[int]]] = field(
        default_factory=lambda: defaultdict(lambda: ([], []))
    )

    def add(self, scores: Sequence[float], labels: Sequence[int]) -> Shares:
        """Takes the step scores of one solution and its true labels, null ones left out."""
        if not labels:
            return {}
        self.scores += scores
        self.labels += labels
        found = judge_steps(scores, labels)
        for what, (hits, total) in found.items():
            self.shares[what][0].append(hits)
            self.shares[what][1].append(total)
        return found

    def estimates(self) -> Iterator[tuple[str, Estimate]]:
        """Step accuracy and its errors, AUC, calibration, and first errors found."""
        for what in (ACCURACY, "false positive rate", "false negative rate"):
            yield what, clustered_proportion(*self.shares[what])
        n = len(self.labels)
        yield "AUC", _plain(auc(self.scores, self.labels), n)
        yield "calibration error", _plain(calibration_error(self.scores, self.labels), n)
        located, passed = (
            proportion(sum(hits), sum(totals))
            for hits, totals in (self.shares[LOCATED], self.shares[PASSED])
        )
        yield LOCATED, located
        yield PASSED, passed
        f1 = harmonic_mean(located.value, passed.value)
        yield "first-error F1", _plain(f1, located.n + passed.n)


def add_shares(shares: Shares, more: Shares) -> None:
    """Adds `more` to the hits and totals of the same name."""
    for what, (hits, total) in more.items():
        before = shares.get(what, (0, 0))
        shares[what] = (before[0] + hits, before[1] + total)


def _plain(value: float, n: int) -> Estimate:
    return Estimate(value, n, nan, nan)


def _first_error(labels: Sequence[int]) -> int | None:
    return labels.index(0) if 0 in labels else None
