"""How well a reward model judges steps, held against their labels or an oracle. Paper, 4.1.

A reward model accepts a step whose score is at least `THRESHOLD`. The truth labels a good step 1,
a bad one 0. A step without a label counts nowhere, but keeps its place among the others.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sormctl.evaluation import metrics
from sormctl.evaluation.metrics import Estimate
from sormctl.targets import NO_ERROR, first_error
from sormctl.thresholds import THRESHOLD

BAD, GOOD, UNKNOWN = range(3)  # the labels of a tally
UNTOLD = -2  # the first error where the labels do not tell it
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

    `scores` and `labels` are those of all steps in a row, `lengths` the steps of each solution, and
    `errors` its first error.

    Memory: 9 bytes a step and 16 a solution, until they are summed up.
    """

    scores: array[float] = field(default_factory=lambda: array("d"))
    labels: array[int] = field(default_factory=lambda: array("b"))
    lengths: array[int] = field(default_factory=lambda: array("L"))
    errors: array[int] = field(default_factory=lambda: array("l"))

    def add(self, scores: Sequence[float], labels: Sequence[int | None]) -> None:
        """Takes the step scores of one solution and its true labels, unless none is known."""
        error = first_error(labels)
        if None in labels:
            labels = [UNKNOWN if label is None else label for label in labels]
        if BAD in labels or GOOD in labels:
            self.scores.fromlist([*scores])  # `extend` grows an array item by item
            self.labels.frombytes(bytes(labels))  # type: ignore[arg-type]
            self.lengths.append(len(labels))
            self.errors.append(UNTOLD if error is None else error)

    def shares(self) -> Shares:
        """The figures that are shares of steps or of solutions, of each solution with a label."""
        import numpy as np

        lengths, errors = np.asarray(self.lengths, int), np.asarray(self.errors, int)
        starts = np.cumsum(lengths) - lengths
        labels = np.asarray(self.labels, int)
        good, bad = labels == GOOD, labels == BAD
        accepted = np.asarray(self.scores, float) >= THRESHOLD

        def count(which: Any) -> Any:
            return np.add.reduceat(which, starts, dtype=int) if len(starts) else lengths

        indices = np.where(accepted, len(good), np.arange(len(good)))
        first = np.minimum.reduceat(indices, starts) if len(starts) else lengths
        located = np.where(first < len(good), first - starts, NO_ERROR)
        has_error, has_none = errors >= 0, errors == NO_ERROR
        return {
            STEP_ACCURACY: (count(np.where(accepted, good, bad)), count(good | bad)),
            FALSE_POSITIVES: (count(accepted & bad), count(bad)),
            FALSE_NEGATIVES: (count(~accepted & good), count(good)),
            LOCATED: ((located == errors) & has_error, has_error),
            PASSED: ((located == errors) & has_none, has_none),
        }

    def estimates(self) -> Iterator[tuple[str, Estimate]]:
        """Every figure: step accuracy and its errors, AUC, calibration, and first errors found."""
        shares = self.shares()
        for figure in (STEP_ACCURACY, FALSE_POSITIVES, FALSE_NEGATIVES):
            yield figure, metrics.clustered_proportion(*shares[figure])
        scores, labels = self._known()
        n = len(labels)
        yield AUC, Estimate(metrics.auc(scores, labels), n)
        yield "calibration error", Estimate(metrics.calibration_error(scores, labels), n)
        located, passed = (
            metrics.proportion(int(hits.sum()), int(totals.sum()))
            for hits, totals in (shares[LOCATED], shares[PASSED])
        )
        yield LOCATED, located
        yield PASSED, passed
        f1 = metrics.harmonic_mean(located.value, passed.value)
        yield "first-error F1", Estimate(f1, located.n + passed.n)

    def _known(self) -> tuple[Any, Any]:
        """The scores and labels of the steps that have a label."""
        import numpy as np

        labels = np.asarray(self.labels, int)
        known = labels != UNKNOWN
        return np.asarray(self.scores, float)[known], labels[known]
