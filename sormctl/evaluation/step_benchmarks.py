"""How well reward models do on benchmarks of labelled steps, with each benchmark's own figure.

ProcessBench (Zheng et al., 2024): of the solutions with an error, the share whose first error is
found; of those without, the share in which none is; their harmonic mean. PRMBench (Song et al.,
2025): the mean of the F1 of right steps and of the F1 of wrong ones. Each is given at the fixed
threshold, and at the one that is best on a fifth of the problems, over the others. A share of
nothing is nan, and so is a figure made of it; means are over the splits that have the figure.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sormctl.errors import RecordError
from sormctl.evaluation.metrics import Estimate, proportion
from sormctl.records import Json, Labels, Solution
from sormctl.targets import first_error
from sormctl.thresholds import THRESHOLD, first_below

ALL = "all"  # all splits together, as published: their mean, or their solutions as one
OTHER = "other"  # solutions of no split
HELD_OUT = 5  # one problem in so many chooses the threshold
_CANDIDATES = 200
_REPLICATES = 2000
_NUMBERED = re.compile(r"([^/]+)-\d+")  # the id of a row of ProcessBench

Counts = tuple[int, int, int, int]
Sums = NDArray[np.float64]  # (..., 4): sums of the counts


class StepBenchmark(NamedTuple):
    """What is counted of a solution at a threshold, and the figures of sums of that.

    `labels` are a solution's, checked to say what is counted.
    """

    labels: Callable[[Solution], Labels]
    counts: Callable[[Sequence[float], Labels, float], Counts]
    figures: Callable[[Sums], dict[str, Sums]]
    main: str
    split: Callable[[Solution], str]
    is_pooled: bool


class StepRow(NamedTuple):
    """One reward model on one split; `chosen` says that the threshold was chosen, not fixed."""

    model: str
    split: str
    chosen: bool
    threshold: float
    figures: dict[str, float]
    main: Estimate


class StepDifference(NamedTuple):
    """How much better the first is than the second in the main figure, on the same solutions."""

    first: str
    second: str
    split: str
    chosen: bool
    main: Estimate


@dataclass(frozen=True, slots=True)
class _Judged:
    split: str
    labels: Labels
    scores: dict[str, tuple[float, ...]]
    is_held_out: bool


@dataclass
class StepResults:
    """The solutions of a benchmark with their scores, and what they come to."""

    benchmark: StepBenchmark
    _solutions: list[_Judged] = field(default_factory=list)

    def add(self, solution: Solution) -> None:
        """Takes a solution; RecordError without labels that tell, or scores of its steps."""
        labels = self.benchmark.labels(solution)
        if not solution.scores:
            raise RecordError("no `scores`; run `sormctl score --rm MODEL` first")
        digest = blake2b(solution.problem_id.encode(), digest_size=4).digest()
        is_held_out = int.from_bytes(digest) % HELD_OUT == 0
        split = self.benchmark.split(solution)
        self._solutions.append(_Judged(split, labels, solution.scores, is_held_out))

    @cached_property
    def models(self) -> list[str]:
        """Those that scored all solutions; others would stand beside them on fewer."""
        names = [set(solution.scores) for solution in self._solutions]
        return sorted(set.intersection(*names)) if names else []

    def rows(self) -> Iterator[StepRow | StepDifference]:
        """Each model on each split and on all, then the models two by two."""
        for chosen in (False, True):
            sums = {model: self._replicates(model, chosen) for model in self.models}
            for model, (threshold, by_split) in sums.items():
                for split, of_split in by_split.items():
                    figures = {name: float(values[0]) for name, values in of_split.items()}
                    main = self._estimate(of_split[self.benchmark.main], split, chosen)
                    yield StepRow(model, split, chosen, threshold, figures, main)
            for first, second in combinations(sums, 2):
                for split, of_split in sums[first][1].items():
                    name = self.benchmark.main
                    apart = of_split[name] - sums[second][1][split][name]
                    estimate = self._estimate(apart, split, chosen, least=-1.0)
                    yield StepDifference(first, second, split, chosen, estimate)

    def _replicates(self, model: str, chosen: bool) -> tuple[float, dict[str, dict[str, Sums]]]:
        """The threshold, and of each split each figure: as it is, then in each replicate."""
        threshold = self._best(model) if chosen else THRESHOLD
        drawn_sums = {}
        for i, (split, solutions) in enumerate(self._reported(chosen).items()):
            counts = self._counts(solutions, model, threshold)  # (n, 4)
            even = np.full(len(counts), 1 / len(counts))
            # the same weights for every model, so that the replicates are paired
            drawn = np.random.default_rng(i).multinomial(len(counts), even, _REPLICATES)
            drawn_sums[split] = np.vstack([counts.sum(0), drawn @ counts])  # (1 + REPLICATES, 4)
        return threshold, self._by_split(drawn_sums)

    def _by_split(self, sums: dict[str, Sums]) -> dict[str, dict[str, Sums]]:
        """The figures of each split, and of several together."""
        figures = self.benchmark.figures
        found = {split: figures(of_split) for split, of_split in sums.items()}
        if len(sums) < 2:
            return {split if split != OTHER else ALL: each for split, each in found.items()}
        if self.benchmark.is_pooled:
            return found | {ALL: figures(sum(sums.values(), np.zeros(4)))}
        published = [each for split, each in found.items() if split != OTHER]
        names = next(iter(found.values()))
        mean = {name: _mean(np.stack([each[name] for each in published])) for name in names}
        return found | {ALL: mean}

    def _best(self, model: str) -> float:
        """The threshold that is best on the held-out problems; of several, the nearest to 1/2."""
        splits = self._splits(True)
        scores = [s for group in splits.values() for each in group for s in each.scores[model]]
        if not scores:
            return THRESHOLD
        tried = np.unique(np.quantile(scores, np.linspace(0, 1, _CANDIDATES)))

        def quality(threshold: float) -> tuple[float, float]:
            sums = {s: self._counts(group, model, threshold).sum(0) for s, group in splits.items()}
            found = self._by_split(sums)
            main = found.get(ALL, next(iter(found.values())))[self.benchmark.main]
            return float(np.nan_to_num(main)), -abs(threshold - THRESHOLD)

        return max((THRESHOLD, *map(float, tried)), key=quality)

    def _reported(self, chosen: bool) -> dict[str, list[_Judged]]:
        """The solutions that a row is taken over: not those that chose its threshold."""
        return self._splits(False if chosen else None)

    def _splits(self, held_out: bool | None) -> dict[str, list[_Judged]]:
        """The solutions by split: those that are held out, those that are not, or all (None)."""
        found: dict[str, list[_Judged]] = defaultdict(list)
        for solution in self._solutions:
            if held_out is None or solution.is_held_out == held_out:
                found[solution.split].append(solution)
        return dict(sorted(found.items()))

    def _counts(self, solutions: Sequence[_Judged], model: str, threshold: float) -> Sums:
        count = self.benchmark.counts
        return np.asarray([count(s.scores[model], s.labels, threshold) for s in solutions], float)

    def _estimate(self, values: Sums, split: str, chosen: bool, least: float = 0.0) -> Estimate:
        value, replicates = float(values[0]), values[1:][~np.isnan(values[1:])]
        solutions = self._of_split(split, chosen)
        n = len(solutions)
        if np.isnan(value):
            return Estimate(value, n)
        low, high = np.quantile(replicates, (0.025, 0.975)).tolist()
        if high - low < 1e-9:  # all alike: what so many that are alike can tell
            wrong = sum(0 in solution.labels for solution in solutions)
            rarer = min(wrong, n - wrong)  # of a solution with an error and one without
            half = proportion(0, 2 * rarer or n).high
            low, high = max(least, value - half), min(1.0, value + half)
        return Estimate(value, n, low, high)

    def _of_split(self, split: str, chosen: bool) -> list[_Judged]:
        groups = self._reported(chosen)
        if split != ALL:
            return groups[split]
        is_mean = len(groups) > 1 and not self.benchmark.is_pooled
        taken = (group for name, group in groups.items() if name != OTHER or not is_mean)
        return [solution for group in taken for solution in group]


def _located(solution: Solution) -> Labels:
    """The labels; RecordError unless they tell the first error, or that there is none."""
    labels = solution.labels_given()
    if first_error(labels) is None:
        unknown = f"`labels[{labels.index(None)}]` is null"
        raise RecordError(f"the first error is not known: {unknown}; leave this solution out")
    return labels


def _found(scores: Sequence[float], labels: Labels, threshold: float) -> Counts:
    """Of a solution with an error: found, one; of one without: let pass, one."""
    predicted = first_below(scores, threshold)
    if 0 in labels:
        return int(predicted == labels.index(0)), 1, 0, 0
    return 0, 0, int(predicted is None), 1


def _f1_of_errors(sums: Sums) -> dict[str, Sums]:
    wrong, right = _share(sums[..., 0], sums[..., 1]), _share(sums[..., 2], sums[..., 3])
    total = wrong + right
    f1 = np.divide(2 * wrong * right, total, out=np.zeros_like(total), where=total != 0)
    return {"error": wrong, "correct": right, "F1": f1}


def _steps(scores: Sequence[float], labels: Labels, threshold: float) -> Counts:
    """Right steps accepted, wrong ones accepted, right ones refused, wrong ones refused."""
    counts = [0, 0, 0, 0]
    for score, label in zip(scores, labels, strict=True):
        if label is not None:
            counts[2 * (score < threshold) + (label == 0)] += 1
    return counts[0], counts[1], counts[2], counts[3]


def _prm_score(sums: Sums) -> dict[str, Sums]:
    good, taken, lost, caught = (sums[..., i] for i in range(4))
    positive = np.where(good + lost > 0, _share(2 * good, 2 * good + taken + lost), np.nan)
    negative = np.where(taken + caught > 0, _share(2 * caught, 2 * caught + taken + lost), np.nan)
    return {"F1 right": positive, "F1 wrong": negative, "PRM-score": (positive + negative) / 2}


def _share(part: Sums, whole: Sums) -> Sums:
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)


def _mean(values: Sums) -> Sums:
    """The mean over the first axis of what is known."""
    known = ~np.isnan(values)
    return _share(np.where(known, values, 0).sum(0), known.sum(0).astype(float))


def _split_of_id(solution: Solution) -> str:
    """`gsm8k` of `gsm8k-12`; ids that are no such name and number are of no split."""
    named = _NUMBERED.fullmatch(str(solution.source.get("id", solution.solution_id)))
    return named[1] if named else OTHER


def _classification(solution: Solution) -> str:
    return str(solution.source.get("classification") or OTHER)


STEP_BENCHMARKS = {
    "processbench": StepBenchmark(
        _located, _found, _f1_of_errors, "F1", _split_of_id, is_pooled=False
    ),
    "prmbench": StepBenchmark(
        Solution.labels_given, _steps, _prm_score, "PRM-score", _classification, is_pooled=True
    ),
}


def row_json(row: StepRow | StepDifference) -> Json:
    """A row as JSON, its main figure spread out."""
    data = row._asdict()
    main = data.pop("main")
    return {**data, "value": main.value, "n": main.n, "low": main.low, "high": main.high}
