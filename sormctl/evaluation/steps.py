"""How well a reward model judges steps, against labels or the truth. Paper, 4.1."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Any

from sormctl.evaluation.metrics import (
    Estimate,
    auc,
    calibration_error,
    clustered_proportion,
    harmonic_mean,
    proportion,
)

THRESHOLD = 0.5  # T: a step that scores below it is wrong (3.2)
ACCURACY = "step accuracy"
LOCATED = "first error found"
PASSED = "no error where there is none"

Shares = dict[str, tuple[Any, Any]]  # what -> hits of each solution, of how many; numpy arrays


@dataclass(slots=True)
class StepTally:
    """Predictions of one reward model against one truth, solution by solution.

    Memory: 9 bytes a step and 8 a solution, until they are summed up.
    """

    scores: array[float] = field(default_factory=lambda: array("d"))
    labels: array[int] = field(default_factory=lambda: array("b"))
    lengths: array[int] = field(default_factory=lambda: array("L"))

    def add(self, scores: Sequence[float], labels: Sequence[int | None]) -> None:
        """Takes the step scores of one solution and its true labels; null ones are left out."""
        if None in labels:
            known = [(s, t) for s, t in zip(scores, labels, strict=True) if t is not None]
            scores, labels = [s for s, _ in known], [t for _, t in known]
        if labels:
            self.scores.fromlist([*scores])  # `extend` grows an array item by item
            self.labels.frombytes(bytes(labels))  # type: ignore[arg-type]
            self.lengths.append(len(labels))

    def shares(self) -> Shares:
        """What is right and wrong of the predictions, of each solution that has a label."""
        import numpy as np

        lengths = np.asarray(self.lengths, int)
        starts = np.cumsum(lengths) - lengths
        good = np.asarray(self.labels, bool)
        accepted = np.asarray(self.scores, float) >= THRESHOLD
        steps = np.arange(len(good))

        def count(steps: Any) -> Any:
            return np.add.reduceat(steps, starts, dtype=int) if len(starts) else lengths

        def first(steps_found: Any) -> Any:  # the index of the first, len(good) for none
            found = np.where(steps_found, steps, len(good))
            return np.minimum.reduceat(found, starts) if len(starts) else lengths

        num_bad = count(~good)
        exact = first(~accepted) == first(~good)
        return {
            ACCURACY: (count(accepted == good), lengths),
            "false positive rate": (count(accepted & ~good), num_bad),
            "false negative rate": (count(~accepted & good), lengths - num_bad),
            LOCATED: (exact & (num_bad > 0), num_bad > 0),
            PASSED: (exact & (num_bad == 0), num_bad == 0),
        }

    def estimates(self) -> Iterator[tuple[str, Estimate]]:
        """Step accuracy and its errors, AUC, calibration, and first errors found."""
        shares = self.shares()
        for what in (ACCURACY, "false positive rate", "false negative rate"):
            yield what, clustered_proportion(*shares[what])
        n = len(self.labels)
        yield "AUC", _plain(auc(self.scores, self.labels), n)
        yield "calibration error", _plain(calibration_error(self.scores, self.labels), n)
        located, passed = (
            proportion(int(hits.sum()), int(totals.sum()))
            for hits, totals in (shares[LOCATED], shares[PASSED])
        )
        yield LOCATED, located
        yield PASSED, passed
        f1 = harmonic_mean(located.value, passed.value)
        yield "first-error F1", _plain(f1, located.n + passed.n)


def _plain(value: float, n: int) -> Estimate:
    return Estimate(value, n, nan, nan)
