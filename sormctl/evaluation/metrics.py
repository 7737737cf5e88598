"""The statistics of the report: numbers in, a number or an `Estimate` out.

An estimate is a value with its n and its 95 % interval: over independent units, over pairs of them,
or over steps, which come in clusters: those of one solution are alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Z = 1.959964  # two-sided 95 % of the normal distribution


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value, the number of units it is taken over, and its 95 % interval; nan for none."""

    value: float
    n: int
    low: float = math.nan
    high: float = math.nan


def proportion(successes: float, n: int) -> Estimate:
    """A share of n independent units, with Wilson's interval."""
    if n == 0:
        return Estimate(math.nan, 0)
    share = successes / n
    centre = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return Estimate(share, n, min(share, low), max(share, high))


def average(values: Sequence[float]) -> Estimate:
    """The mean of independent shares; Wilson's interval if all are 0 or 1, else a normal one."""
    if set(values) <= {0, 1}:
        return proportion(sum(values), len(values))
    return _normal(values, least=0.0)


def paired_difference(first: Sequence[float], second: Sequence[float]) -> Estimate:
    """Mean of first - second, shares of the same problems in the same order."""
    differences = [a - b for a, b in zip(first, second, strict=True)]
    return _normal(differences, least=-1.0)


def clustered_difference(
    first: Sequence[int], second: Sequence[int], totals: Sequence[int]
) -> Estimate:
    """How much larger a share of the same steps is: sum(first - second) / sum(totals).

    Paired by solution, which is the unit of chance as in `clustered_proportion`.
    """
    one, two, sizes = map(_whole, (first, second, totals))
    differences = one - two
    n, clusters = int(sizes.sum()), int((sizes > 0).sum())
    share = int(differences.sum()) / n if n else math.nan
    if clusters < 2:
        return Estimate(share, n)
    if (differences * n == differences.sum() * sizes).all():
        return _alike(share, n, clusters, least=-1.0)
    spread = float(((differences - share * sizes) ** 2).sum())
    half = Z * math.sqrt(spread * clusters / (clusters - 1)) / n
    return Estimate(share, n, max(-1.0, share - half), min(1.0, share + half))


def clustered_proportion(hits: Sequence[int], totals: Sequence[int]) -> Estimate:
    """A share of steps whose unit of chance is the solution: sum(hits) / sum(totals).

    The steps of one solution are alike, so the interval is that of a ratio of sums over solutions;
    n is the number of steps.
    """
    counts, sizes = _whole(hits), _whole(totals)
    n, hit, clusters = int(sizes.sum()), int(counts.sum()), int((sizes > 0).sum())
    share = hit / n if n else math.nan
    if clusters < 2:
        return Estimate(share, n)
    # n^2 times the sum of (h - share * t)^2 over solutions: whole numbers, so that 0 is 0
    squares, products, others = int(counts @ counts), int(counts @ sizes), int(sizes @ sizes)
    spread = n * n * squares - 2 * n * hit * products + hit**2 * others
    if spread == 0:  # all solutions alike, such as all right: what so many of them can tell
        alike = proportion(share * clusters, clusters)
        return Estimate(share, n, alike.low, alike.high)
    half = Z * math.sqrt(spread / (n * n) * clusters / (clusters - 1)) / n
    return Estimate(share, n, max(0.0, share - half), min(1.0, share + half))


def _whole(numbers: Sequence[int]) -> Any:
    import numpy as np

    return np.asarray(numbers, np.int64)


def pass_at_k(n: int, correct: int, k: int) -> float:
    """Chance that k of n samples, drawn without replacement, hold a correct one (unbiased)."""
    if not 1 <= k <= n:
        raise ValueError(f"pass@{k} of {n} samples")
    return 1.0 - math.comb(n - correct, k) / math.comb(n, k)


def auc(scores: Sequence[float], labels: Sequence[int]) -> float:
    """Chance that a positive scores above a negative, ties counting half; nan without both."""
    import numpy as np

    values, positive = np.asarray(scores, float), np.asarray(labels, bool)
    positives, negatives = np.sort(values[positive]), np.sort(values[~positive])
    if not len(positives) or not len(negatives):
        return math.nan
    below = np.searchsorted(negatives, positives, "left").sum()
    with_ties = np.searchsorted(negatives, positives, "right").sum()
    return float(below + with_ties) / 2 / (len(positives) * len(negatives))


def calibration_error(scores: Sequence[float], labels: Sequence[int], bins: int = 10) -> float:
    """Expected calibration error: mean |score - share of positives| over equal-width bins."""
    import numpy as np

    values = np.asarray(scores, float)
    if not len(values):
        return math.nan
    cells = np.clip((values * bins).astype(int), 0, bins - 1)
    expected, positive = (
        np.bincount(cells, weights=weights, minlength=bins) for weights in (values, labels)
    )
    return float(np.abs(expected - positive).sum()) / len(values)


def harmonic_mean(first: float, second: float) -> float:
    """F1 of two shares; 0 if both are 0."""
    return 2 * first * second / (first + second) if first + second else 0.0


def _normal(values: Sequence[float], least: float) -> Estimate:
    """The mean of values from `least` to 1; of few the interval may reach beyond, and is cut."""
    n = len(values)
    centre = math.fsum(values) / n if n else math.nan
    if n < 2:
        return Estimate(centre, n)
    if len(set(values)) == 1:
        return _alike(centre, n, n, least)
    variance = math.fsum((value - centre) ** 2 for value in values) / (n - 1)
    half = Z * math.sqrt(variance / n)
    return Estimate(centre, n, max(least, centre - half), min(1.0, centre + half))


def _alike(value: float, n: int, units: int, least: float) -> Estimate:
    """No unit differs from another: an interval as wide as so many agreements leave it."""
    half = proportion(0, units).high
    return Estimate(value, n, max(least, value - half), min(1.0, value + half))
