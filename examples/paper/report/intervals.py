"""Intervals over problems and seeds, and McNemar's test.

What is resampled. A *seed* is one run of everything: its own problems, samples, trained models and
test set. A replicate draws as many seeds as there are, with replacement, and for each seed drawn as
many problems as it has, with replacement; a problem brings everything that was found of it, its
steps included. So all figures of a replicate are over the same problems, and differences are
paired. A figure is the mean over seeds of a share, hits over totals; its interval holds the middle
95 % of 10,000 replicates.

Three seeds are few: resampling them makes the variance between seeds a third too small, and if
trainings differ more than test sets do, the interval is too narrow. So Student's interval of the
seeds' values alone stands beside it (`t_half`), which is right at any number of seeds, and wide.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from sormctl.metrics import proportion

REPLICATES = 10_000
# two-sided 95 % of Student's distribution, by degrees of freedom
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Share:
    """Hits and totals of a figure in one seed, by problem; a problem that has none is left out."""

    hits: Mapping[str, float]
    totals: Mapping[str, float]

    @property
    def value(self) -> float:
        return sum(self.hits.values()) / sum(self.totals.values())

    @property
    def n(self) -> float:
        return sum(self.totals.values())

    def over(self, names: Sequence[str]) -> Share:
        """The same over these problems only."""
        return Share({n: self.hits[n] for n in names}, {n: self.totals[n] for n in names})


@dataclass(frozen=True)
class Interval:
    """A figure over the seeds. `t_half` is half of Student's interval; None for one seed."""

    value: float
    low: float
    high: float
    by_seed: list[float]
    t_half: float | None


class Bootstrap:
    """The replicates of a set of seeds, the same for every figure."""

    def __init__(self, problems: Sequence[Sequence[str]], replicates: int = REPLICATES) -> None:
        """`problems` are those of each seed, by id."""
        random = np.random.default_rng(0)
        count = len(problems)
        self._places = [{name: i for i, name in enumerate(names)} for names in problems]
        self._weights = [
            random.multinomial(len(n), np.full(len(n), 1 / len(n)), replicates).astype(np.float32)
            for n in problems
        ]
        # of each replicate: which seeds (from 0 to 1), and which resampling of each one's problems
        self._seeds = random.random((replicates, count))
        self._rows = np.stack([random.permutation(replicates) for _ in range(count)], axis=1)

    def share(self, shares: Sequence[Share | None]) -> Interval:
        """The interval of a figure, from its share in each seed (None: the seed has none)."""
        known = [(i, share) for i, share in enumerate(shares) if share]
        values, sizes = [share.value for _, share in known], [len(s.totals) for _, s in known]
        resampled = [self._replicates(i, share) for i, share in known]
        found = self._interval(values, resampled, sizes)
        return replace(found, low=max(0.0, found.low), high=min(1.0, found.high))

    def difference(self, first: Sequence[Share | None], second: Sequence[Share | None]) -> Interval:
        """The interval of first - second over the seeds that have both."""
        both = [(i, a, b) for i, (a, b) in enumerate(zip(first, second, strict=True)) if a and b]
        values, sizes = [a.value - b.value for _, a, b in both], [len(a.totals) for _, a, _ in both]
        resampled = [self._replicates(i, a) - self._replicates(i, b) for i, a, b in both]
        return self._interval(values, resampled, sizes)

    def _replicates(self, seed: int, share: Share) -> Floats:
        """The figure of a seed in each replicate of its problems, (REPLICATES,)."""
        places = self._places[seed]
        table = np.zeros((len(places), 2), np.float32)  # of each problem: hits, total
        for name, total in share.totals.items():
            table[places[name]] = share.hits[name], total
        hits, totals = (self._weights[seed] @ table).astype(np.float64).T
        with np.errstate(invalid="ignore"):
            shares: Floats = hits / totals
        return shares

    def _interval(
        self,
        values: list[float],
        resampled: Sequence[Floats],
        sizes: Sequence[int],
    ) -> Interval:
        count = len(values)
        mean = sum(values) / count
        drawn = np.stack(resampled, axis=1)  # (REPLICATES, seeds)
        seeds = (self._seeds[:, :count] * count).astype(int)
        means = drawn[self._rows[:, :count], seeds].mean(axis=1)
        low, high = np.nanquantile(means, (0.025, 0.975)).tolist()
        if high - low < 1e-9:  # all alike: what so many that are alike can tell
            half = proportion(0, sum(sizes)).high
            low, high = mean - half, mean + half
        return Interval(mean, low, high, values, t_half(values))


def t_half(values: Sequence[float]) -> float | None:
    """Half of Student's 95 % interval of the mean of the seeds' values."""
    if len(values) < 2:
        return None
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return STUDENT[min(len(values), len(STUDENT) + 1) - 2] * math.sqrt(variance / len(values))


@dataclass(frozen=True)
class McNemar:
    """Problems that only the first got right, only the second; two-sided exact p."""

    first: int
    second: int
    p: float


def mcnemar(first: Sequence[float], second: Sequence[float]) -> McNemar | None:
    """McNemar's exact test of two answers to the same problems; None if one is not 0 or 1."""
    if any(value not in (0, 1) for value in (*first, *second)):
        return None
    only_first = sum(a > b for a, b in zip(first, second, strict=True))
    only_second = sum(a < b for a, b in zip(first, second, strict=True))
    return McNemar(only_first, only_second, sign_test(only_first, only_second))


@cache
def sign_test(one: int, other: int) -> float:
    """Chance that fair coins fall at least as unevenly as `one` to `other`, either way."""
    n = one + other
    tail = sum(math.comb(n, i) for i in range(min(one, other) + 1))
    return min(1.0, float(2 * tail / 2**n))
