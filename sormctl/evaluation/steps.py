"""How well a reward model judges steps, held against their labels or an oracle. Paper, 4.1.

A reward model accepts a step whose score is at least `THRESHOLD`. The truth labels a good step 1,
a bad one 0.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sormctl.evaluation import metrics
from sormctl.evaluation.metrics import Estimate
from sormctl.thresholds import THRESHOLD

STEP_BENCHES = ("processbench", "prmbench")  # see `step_benchmarks`
# figures of a judgement (rows.py)
STEP_ACCURACY, FINAL_ACCURACY = "step accuracy", "final accuracy"
PAIRWISE = "pairwise accuracy"
FALSE_POSITIVES, FALSE_NEGATIVES = "false positive rate", "false negative rate"
AUC = "AUC"
LOCATED = "first error found"
PASSED = "no error where there is none"

Shares = dict[str, tuple[Any, Any]]  # figure -> hits of each solution, of how many; numpy arrays


@dataclass(slots=True)
class StepTally:
    """The step scores of one reward model beside one truth, solution by solution.

    `scores` and `labels` are those of all steps in a row, `lengths` the steps of each solution.

    Memory: 9 bytes a step and 8 a solution, until they are summed up.
    """

    scores: array[float] = field(default_factory=lambda: array("d"))
    labels: array[int] = field(default_factory=lambda: array("b"))
    lengths: array[int] = field(default_factory=lambda: array("L"))

    def add(self, scores: Sequence[float], labels: Sequence[int | None]) -> None:
        """Takes the step scores of one solution and its true labels; steps without are left out."""
        if None in labels:
            known = [(s, t) for s, t in zip(scores, labels, strict=True) if t is not None]
            scores, labels = [s for s, _ in known], [t for _, t in known]
        if labels:
            self.scores.fromlist([*scores])  # `extend` grows an array item by item
            self.labels.frombytes(bytes(labels))  # type: ignore[arg-type]
            self.lengths.append(len(labels))

    def shares(self) -> Shares:
        """The figures that are shares of steps or of solutions, of each solution with a label."""
        import numpy as np

        lengths = np.asarray(self.lengths, int)
        starts = np.cumsum(lengths) - lengths
        good = np.asarray(self.labels, bool)
        accepted = np.asarray(self.scores, float) >= THRESHOLD
        steps = np.arange(len(good))

        def count(which: Any) -> Any:
            return np.add.reduceat(which, starts, dtype=int) if len(starts) else lengths

        def first(which: Any) -> Any:  # the index of the first such step, len(good) for none
            indices = np.where(which, steps, len(good))
            return np.minimum.reduceat(indices, starts) if len(starts) else lengths

        num_bad = count(~good)
        same_error = first(~accepted) == first(~good)  # or both none
        return {
            STEP_ACCURACY: (count(accepted == good), lengths),
            FALSE_POSITIVES: (count(accepted & ~good), num_bad),
            FALSE_NEGATIVES: (count(~accepted & good), lengths - num_bad),
            LOCATED: (same_error & (num_bad > 0), num_bad > 0),
            PASSED: (same_error & (num_bad == 0), num_bad == 0),
        }

    def estimates(self) -> Iterator[tuple[str, Estimate]]:
        """Every figure: step accuracy and its errors, AUC, calibration, and first errors found."""
        shares = self.shares()
        for figure in (STEP_ACCURACY, FALSE_POSITIVES, FALSE_NEGATIVES):
            yield figure, metrics.clustered_proportion(*shares[figure])
        n = len(self.labels)
        yield AUC, Estimate(metrics.auc(self.scores, self.labels), n)
        yield "calibration error", Estimate(metrics.calibration_error(self.scores, self.labels), n)
        located, passed = (
            metrics.proportion(int(hits.sum()), int(totals.sum()))
            for hits, totals in (shares[LOCATED], shares[PASSED])
        )
        yield LOCATED, located
        yield PASSED, passed
        f1 = metrics.harmonic_mean(located.value, passed.value)
        yield "first-error F1", Estimate(f1, located.n + passed.n)
