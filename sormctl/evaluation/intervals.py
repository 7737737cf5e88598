"""Intervals over problems and seeds, and McNemar's test.

What is resampled. A *seed* is one run of everything: its own samples, trained models and answers
to its test problems. A replicate draws as many seeds as there are, with replacement, and problems,
with replacement; a problem brings everything that was found of it, its steps included. So all
figures of a replicate are over the same problems, and differences are paired. A figure is the mean
over seeds of a share, hits over totals; its interval holds the middle 95 % of 10,000 replicates.

Problems are drawn in one of two ways, by what the seeds have:

- No problem is in two seeds (each seed of `chain` makes its own): anew for every seed drawn.
- Seeds share problems (a published test set): once a replicate, for all its seeds (Owen, *The
  pigeonhole bootstrap*, 2007). Drawn for each seed anew, a problem that is hard in every seed would
  count as several: seeds that agree on everything would have an interval sqrt(seeds) too narrow.

Three seeds are few: resampling them makes the variance between seeds a third too small, and if
trainings differ more than test sets do, the interval is too narrow. So Student's interval of the
seeds' values alone stands beside it (`t_half`), which is right at any number of seeds, and wide.
Where seeds share problems it speaks of trainings alone: it knows of no other problems.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from sormctl.evaluation.metrics import proportion

REPLICATES = 10_000
# two-sided 95 % of Student's distribution, by degrees of freedom
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Share:
    """Hits and totals of a figure in one seed, by problem; a problem that has none is left out.

    With a share `beside` it, of other things and of equal weight, the figure is the mean of both.
    """

    hits: Mapping[str, float]
    totals: Mapping[str, float]
    beside: Share | None = None

    @property
    def value(self) -> float:
        own = math.fsum(self.hits.values()) / math.fsum(self.totals.values())
        return own if self.beside is None else (own + self.beside.value) / 2

    @property
    def n(self) -> float:
        return sum(self.totals.values()) + (self.beside.n if self.beside else 0)

    @property
    def problems(self) -> list[str]:
        return [*dict.fromkeys([*self.totals, *(self.beside.problems if self.beside else ())])]

    def over(self, names: Collection[str]) -> Share | None:
        """The same over these problems only; None if they have nothing of it, or of one part."""
        totals = {name: total for name, total in self.totals.items() if name in names}
        beside = self.beside and self.beside.over(names)
        if not totals or (self.beside and not beside):
            return None
        return Share({name: self.hits[name] for name in totals}, totals, beside)


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
        """`problems` are those of each seed, by id; an id in two seeds is the same problem."""
        random = np.random.default_rng(0)
        count = len(problems)
        self.replicates = replicates
        self.shared = share_problems(problems)
        if self.shared:
            problems = [[*dict.fromkeys(chain.from_iterable(problems))]]
        drawn = [_weights(random, len(names), replicates) for names in problems]
        places = [{name: i for i, name in enumerate(names)} for names in problems]
        self._places = places * count if self.shared else places
        self._weights = drawn * count if self.shared else drawn
        # of each replicate: which seeds (from 0 to 1), and which resampling of each one's problems
        self._seeds = random.random((replicates, count))
        orders = [np.arange(replicates)] * count
        if not self.shared:
            orders = [random.permutation(replicates) for _ in range(count)]
        self._rows = np.stack(orders, axis=1)

    def share(self, shares: Sequence[Share | None]) -> Interval:
        """The interval of a figure, from its share in each seed (None: the seed has none)."""
        known = [(i, share) for i, share in enumerate(shares) if share]
        values = [share.value for _, share in known]
        resampled = [self._replicates(i, share) for i, share in known]
        found = self.interval(values, resampled, _num_problems(share for _, share in known))
        return replace(found, low=max(0.0, found.low), high=min(1.0, found.high))

    def difference(self, first: Sequence[Share | None], second: Sequence[Share | None]) -> Interval:
        """The interval of first - second over the seeds that have both."""
        both = [(i, a, b) for i, (a, b) in enumerate(zip(first, second, strict=True)) if a and b]
        values = [a.value - b.value for _, a, b in both]
        resampled = [self._replicates(i, a) - self._replicates(i, b) for i, a, b in both]
        return self.interval(values, resampled, _num_problems(a for _, a, _ in both))

    def interval(
        self, values: Sequence[float], resampled: Sequence[Floats], num_problems: int
    ) -> Interval:
        """The interval of the mean over some seeds, from each one's value and replicates of it."""
        count = len(values)
        mean = math.fsum(values) / count
        drawn = np.stack(resampled, axis=1)  # (REPLICATES, seeds)
        seeds = (self._seeds[:, :count] * count).astype(int)
        means = drawn[self._rows[:, :count], seeds].mean(axis=1)
        low, high = np.nanquantile(means, (0.025, 0.975)).tolist()
        if high - low < 1e-9:  # all alike: what so many that are alike can tell
            half = proportion(0, num_problems).high
            low, high = mean - half, mean + half
        return Interval(mean, low, high, [*values], t_half(values))

    def _replicates(self, seed: int, share: Share) -> Floats:
        """The figure of a seed in each replicate of its problems, (REPLICATES,)."""
        places = self._places[seed]
        table = np.zeros((len(places), 2), np.float32)  # of each problem: hits, total
        for name, total in share.totals.items():
            table[places[name]] = share.hits[name], total
        hits, totals = (self._weights[seed] @ table).astype(np.float64).T
        with np.errstate(invalid="ignore"):
            shares: Floats = hits / totals
        return (shares + self._replicates(seed, share.beside)) / 2 if share.beside else shares


def share_problems(problems: Sequence[Sequence[str]]) -> bool:
    """Whether a problem is in more than one seed."""
    return len(set().union(*problems)) < sum(map(len, problems))


def _weights(random: np.random.Generator, count: int, replicates: int) -> NDArray[np.float32]:
    """How often each of so many problems is drawn in each replicate, (REPLICATES, PROBLEMS)."""
    if not count:
        return np.zeros((replicates, 0), np.float32)
    return random.multinomial(count, np.full(count, 1 / count), replicates).astype(np.float32)


def _num_problems(shares: Iterable[Share]) -> int:
    return len({name for share in shares for name in share.problems})


def t_half(values: Sequence[float]) -> float | None:
    """Half of Student's 95 % interval of the mean of the seeds' values."""
    if len(values) < 2:
        return None
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return STUDENT[min(len(values), len(STUDENT) + 1) - 2] * math.sqrt(variance / len(values))


@dataclass(frozen=True)
class McNemar:
    """Problems that the first got right more often, the second more often; two-sided exact p."""

    first: int
    second: int
    p: float


def mcnemar(first: Sequence[Share], second: Sequence[Share]) -> McNemar | None:
    """McNemar's exact test of two answers to the same problems; None if one is not 0 or 1.

    `first` and `second` are of each seed. A problem counts once, however many seeds have it: for
    what got it right in more of them.
    """
    if any(share.beside for share in (*first, *second)):
        return None
    if any(total != 1 for share in (*first, *second) for total in share.totals.values()):
        return None
    if any(hits not in (0, 1) for share in (*first, *second) for hits in share.hits.values()):
        return None
    only_first, only_second = more_often(first, second)
    return McNemar(only_first, only_second, sign_test(only_first, only_second))


def more_often(first: Sequence[Share], second: Sequence[Share]) -> tuple[int, int]:
    """Problems that the first got right more often, over all seeds, and the second more often."""
    gains: defaultdict[str, float] = defaultdict(float)
    for one, two in zip(first, second, strict=True):
        for name, hits in one.hits.items():
            gains[name] += hits - two.hits[name]
    return sum(gain > 0 for gain in gains.values()), sum(gain < 0 for gain in gains.values())


@cache
def sign_test(one: int, other: int) -> float:
    """Chance that fair coins fall at least as unevenly as `one` to `other`, either way."""
    n = one + other
    tail = sum(math.comb(n, i) for i in range(min(one, other) + 1))
    return min(1.0, float(2 * tail / 2**n))
