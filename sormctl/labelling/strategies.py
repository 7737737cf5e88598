"""Which rollouts to make for step labels: exact, all, binary search, guided. Paper, 3.1 step 2.

A wrong solution of L steps has prefixes P_1 … P_(L-1) to try; P_L, the whole, is negative. Its
labels are ones up to the last positive prefix b and zeros after it (post-processing 1), so every
strategy is a way of finding b. A strategy is pure: it sees what was tried and says what to try
next. It never sees a model, and the caller may share what was tried among solutions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import fsum, log2

TOLERANCE = 0.02
_TRUST = 0.9  # in a reward model's scores; the rest of the prior is uniform


@dataclass(frozen=True, slots=True)
class Tried:
    """The rollouts of one prefix so far."""

    rollouts: int = 0
    succeeded: int = 0


@dataclass(frozen=True, slots=True)
class Ask:
    """A wish: `upto` rollouts, in all, of the prefix of `length` steps."""

    length: int
    upto: int


@dataclass(frozen=True, slots=True)
class Strategy(ABC):
    """How one solution is labelled by at most `k` rollouts from a prefix.

    `tried[i]` belongs to the prefix of i + 1 steps; there are L - 1 of them (none if L is 0).
    """

    k: int

    @abstractmethod
    def asks(self, correct: bool, tried: Sequence[Tried], scores: Sequence[float]) -> list[Ask]:
        """What to try next; nothing if the solution is decided.

        `scores` are a reward model's P(correct) after each of the L steps, or empty.
        """

    def last_positive(self, tried: Sequence[Tried], scores: Sequence[float]) -> int:
        """b, the length of the last positive prefix of a wrong solution that is decided."""
        return _last_success(tried)

    def _more(self, length: int, tried: Sequence[Tried]) -> Ask:
        """The next wave, of 1, 1, 2, 4, …: few rollouts are wasted, and the batch stays busy."""
        made = tried[length - 1].rollouts
        return Ask(length, min(max(1, 2 * made), self.k))


class Exact(Strategy):
    """The paper's labels by the fewest rollouts that leave them exact.

    Walks backwards, and stops at the first prefix with a success; at each prefix stops at the
    first success. A correct solution needs none: its last step is positive.
    """

    def asks(self, correct: bool, tried: Sequence[Tried], scores: Sequence[float]) -> list[Ask]:
        if not correct:
            for length in range(len(tried), _last_success(tried), -1):
                if tried[length - 1].rollouts < self.k:
                    return [self._more(length, tried)]
        return []


class Exhaustive(Strategy):
    """The plain way: all K rollouts from every prefix. Their successes are values (appendix J)."""

    def asks(self, correct: bool, tried: Sequence[Tried], scores: Sequence[float]) -> list[Ask]:
        lengths = range(1, len(tried) + 1)
        return [Ask(length, self.k) for length in lengths if tried[length - 1].rollouts < self.k]


class Bisect(Strategy):
    """Binary search for the first error, as OmegaPRM does.

    Labels differ from the exact ones where a prefix fails and a longer one succeeds.
    """

    def asks(self, correct: bool, tried: Sequence[Tried], scores: Sequence[float]) -> list[Ask]:
        low, high = 0, len(tried) + 1
        last = _last_success(tried)  # by a solution that shares the prefix, say
        while not correct and high - low > 1:
            middle = (low + high) // 2
            found = tried[middle - 1]
            if middle <= last:
                low = middle
            elif found.rollouts < self.k:
                return [self._more(middle, tried)]
            else:
                high = middle
        return []


@dataclass(frozen=True, slots=True)
class Guided(Strategy):
    """A search for b that stops once few labels are expected to be wrong.

    It keeps P(b) given what was tried, starting from the reward model's scores (without them,
    uniform); tries the prefix whose next outcome says most about b for its length; and ends when
    the expected share of wrong labels is below `tolerance`. At 0 the labels are the exact ones.
    """

    tolerance: float = TOLERANCE

    def asks(self, correct: bool, tried: Sequence[Tried], scores: Sequence[float]) -> list[Ask]:
        belief = self._belief(tried, scores)
        if correct or _expected_error(belief) <= self.tolerance:
            return []
        at_least = _tails(belief)
        # after n failures alone the next rollout of a positive prefix succeeds with 1 / (n + 2)
        worth = {
            length: _information(at_least[length], 1 / (tried[length - 1].rollouts + 2))
            / (len(tried) + 1 - length)  # the steps that a rollout has to write
            for length in range(_last_success(tried) + 1, len(tried) + 1)
            if tried[length - 1].rollouts < self.k
        }
        if not worth:
            return []
        best = max(worth, key=lambda length: worth[length])
        return [Ask(best, tried[best - 1].rollouts + 1)]

    def last_positive(self, tried: Sequence[Tried], scores: Sequence[float]) -> int:
        return _median(self._belief(tried, scores))

    def _belief(self, tried: Sequence[Tried], scores: Sequence[float]) -> list[float]:
        """P(b) for b in 0 … L-1."""
        weights = _prior(len(tried) + 1, scores)
        low = _last_success(tried)
        shorter = 1.0  # P(the failures at all prefixes shorter than b)
        for b in range(len(weights)):
            made = tried[b - 1].rollouts if b > low else 0
            weights[b] *= shorter * _unlucky(made, self.k) if b >= low else 0.0
            shorter *= 1 / (made + 1)
        total = fsum(weights)
        return [weight / total for weight in weights]


def _unlucky(made: int, k: int) -> float:
    """P(the first `made` rollouts fail, if one of `k` succeeds).

    Any rate of success is as likely as any other, so P(n failures) is 1 / (n + 1).
    """
    never = 1 / (k + 1)
    return (1 / (made + 1) - never) / (1 - never)


def strategy(name: str, k: int, tolerance: float = TOLERANCE) -> Strategy:
    """The strategy of that name: exact, exhaustive, bisect or guided."""
    found: dict[str, Strategy] = {
        "exact": Exact(k),
        "exhaustive": Exhaustive(k),
        "bisect": Bisect(k),
        "guided": Guided(k, tolerance),
    }
    return found[name]


def _last_success(tried: Sequence[Tried]) -> int:
    """The longest prefix with a success; 0 if there is none."""
    return max((i + 1 for i, found in enumerate(tried) if found.succeeded), default=0)


def _prior(size: int, scores: Sequence[float]) -> list[float]:
    """P(b) before anything is tried.

    A step is positive in every correct solution, so of P(positive) = `score` the share
    P(correct) = `scores[-1]` is already spent: the solution is known to be wrong.
    """
    uniform = 1 / size
    if len(scores) != size or size < 2:
        return [uniform] * size
    right = min(scores[-1], 0.99)
    positive = [max(0.0, (score - right) / (1 - right)) for score in scores[:-1]]
    tails = [1.0, *accumulate(positive, min), 0.0]  # P(b >= length), which cannot rise
    model = [tails[b] - tails[b + 1] for b in range(size)]
    return [_TRUST * weight + (1 - _TRUST) * uniform for weight in model]


def _tails(belief: Sequence[float]) -> list[float]:
    """P(b >= length) by length."""
    return list(accumulate(reversed(belief)))[::-1]


def _median(belief: Sequence[float]) -> int:
    return sum(tail > 0.5 for tail in _tails(belief)[1:])


def _expected_error(belief: Sequence[float]) -> float:
    """The share of the L labels that is expected to be wrong, if the median is taken for b."""
    median = _median(belief)
    return fsum(p * abs(b - median) for b, p in enumerate(belief)) / len(belief)


def _information(positive: float, success: float) -> float:
    """Bits that a rollout's outcome tells of b: it succeeds with `success` if b is far enough."""
    return _entropy(positive * success) - positive * _entropy(success)


def _entropy(p: float) -> float:
    return -sum(q * log2(q) for q in (p, 1 - p) if q > 0)
