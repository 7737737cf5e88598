"""Everything that can be said of a set of solutions. Paper, 3.2, 4 and B.

Solutions of one problem come together; what they are decides what is reported. A *draft* is a
greedy sample, the others are *samples*; *global*, *local* and *value* are refinements. Scores add
reranking, labels add step accuracy, and a task that knows the truth adds its oracle.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from sormctl.errors import RecordError
from sormctl.metrics import (
    Estimate,
    auc,
    average,
    calibration_error,
    clustered_difference,
    clustered_proportion,
    harmonic_mean,
    paired_difference,
    pass_at_k,
    proportion,
)
from sormctl.records import Solution
from sormctl.reranking import choose, rank
from sormctl.tasks.registry import get_task

REFINEMENTS = ("global", "local", "value")
THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report. `tokens` is the mean number generated for one problem."""

    section: str
    name: str
    estimate: Estimate
    tokens: float | None = None

    def json(self) -> dict[str, Any]:
        """The row as a JSON object."""
        e = self.estimate
        data = {"section": self.section, "name": self.name, "value": e.value, "n": e.n}
        data |= {"low": e.low, "high": e.high}
        return data if self.tokens is None else data | {"tokens": self.tokens}


def distinct(group: Sequence[Solution]) -> list[Solution]:
    """Each solution once; RecordError if two different ones have the same id."""
    found: dict[str, Solution] = {}
    for solution in group:
        if found.setdefault(solution.solution_id, solution).steps != solution.steps:
            raise RecordError(f"two different solutions have the id {solution.solution_id}")
    return list(found.values())


def kind_of(solution: Solution) -> str:
    """`draft`, `sample`, or the kind of refinement."""
    kind = str(solution.source.get("kind", "sample"))
    return "draft" if kind == "sample" and solution.source.get("temperature") == 0 else kind


# ── answers ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Outcome:
    """How often one way of answering one problem is right (0 to 1), and its tokens."""

    value: float
    tokens: int


Outcomes = dict[str, Outcome]


def outcomes(group: Sequence[Solution], aggregations: Sequence[str]) -> Outcomes:
    """Every way of answering one problem that its solutions allow."""
    if len(group) == 1:
        return {"accuracy": Outcome(_first(group), _tokens(group))}
    kinds: dict[str, list[Solution]] = defaultdict(list)
    for solution in group:
        kinds[kind_of(solution)].append(solution)
    found: Outcomes = {}
    for kind in ("draft", *REFINEMENTS):
        if kind in kinds:
            share = sum(s.correct for s in kinds[kind]) / len(kinds[kind])
            found[kind] = Outcome(share, _tokens(kinds[kind]))
    if samples := kinds.get("sample"):
        found |= _of_samples(samples, aggregations)
    candidates = [s for kind in ("draft", *REFINEMENTS) for s in kinds.get(kind, ())]
    if len({kind_of(s) for s in candidates}) > 1:
        found |= _of_candidates(candidates, aggregations)
    return found


def _of_samples(samples: Sequence[Solution], aggregations: Sequence[str]) -> Outcomes:
    k, correct, tokens = len(samples), sum(s.correct for s in samples), _tokens(samples)
    found = {"sample": Outcome(correct / k, tokens // k)}
    if k == 1:
        return found
    found[f"maj@{k}"] = Outcome(_first(choose(samples, "majority", "")), tokens)
    for name in _scored(samples):
        found |= _reranked(samples, name, aggregations, f"rerank@{k}")
        found[f"weighted maj@{k} by {name}"] = Outcome(
            _first(choose(samples, "weighted", name)), tokens
        )
    sizes = [size for size in (2**i for i in range(1, 12)) if size < k]
    for size in (*sizes, k):
        cost = tokens * size // k
        found[f"pass@{size}"] = Outcome(pass_at_k(k, correct, size), cost)
    return found


def _of_candidates(candidates: Sequence[Solution], aggregations: Sequence[str]) -> Outcomes:
    """Draft and refinements together: reranked by each reward model, and by an oracle."""
    present = [kind for kind in ("draft", *REFINEMENTS) if kind in map(kind_of, candidates)]
    found: Outcomes = {}
    for size in range(2, len(present) + 1):
        for kinds in combinations(present, size):
            chosen = [s for s in candidates if kind_of(s) in kinds]
            label = " + ".join(kinds)
            if "draft" in kinds:
                for name in _scored(chosen):
                    found |= _reranked(chosen, name, aggregations, label)
            right = float(any(s.correct for s in chosen))
            found[f"{label}, oracle"] = Outcome(right, _tokens(chosen))
    return found


def _reranked(
    solutions: Sequence[Solution], name: str, aggregations: Sequence[str], label: str
) -> Outcomes:
    tokens = _tokens(solutions)
    return {
        f"{label} by {name}" + ("" if aggregation == "final" else f", {aggregation}"): Outcome(
            _first(rank(solutions, name, aggregation)), tokens
        )
        for aggregation in aggregations
    }


def _first(solutions: Sequence[Solution]) -> float:
    return float(solutions[0].correct)


def _scored(solutions: Sequence[Solution]) -> list[str]:
    """Names of the reward models that scored all of these solutions."""
    return sorted(set.intersection(*(set(s.scores) for s in solutions)))


def _tokens(solutions: Iterable[Solution]) -> int:
    return sum(s.usage.generated_tokens for s in solutions)


# ── steps ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class StepTally:
    """Predictions of one reward model against one truth, solution by solution."""

    scores: list[float] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    hits: list[int] = field(default_factory=list)
    totals: list[int] = field(default_factory=list)
    # label -> how many of its steps were misjudged, and how many there are, in each solution
    errors: dict[int, tuple[list[int], list[int]]] = field(
        default_factory=lambda: {0: ([], []), 1: ([], [])}
    )
    located: list[bool] = field(default_factory=list)  # solutions with an error: found exactly
    passed: list[bool] = field(default_factory=list)  # solutions without: none reported

    def add(self, scores: Sequence[float], labels: Sequence[int]) -> None:
        """Takes the step scores of one solution and its true labels, null ones left out."""
        if not labels:
            return
        predicted = [int(score >= THRESHOLD) for score in scores]
        for label, (wrong, totals) in self.errors.items():
            of_label = [p != t for p, t in zip(predicted, labels, strict=True) if t == label]
            wrong.append(sum(of_label))
            totals.append(len(of_label))
        self.scores += scores
        self.labels += labels
        self.hits.append(sum(p == t for p, t in zip(predicted, labels, strict=True)))
        self.totals.append(len(labels))
        exact = _first_error(predicted) == _first_error(labels)
        (self.passed if _first_error(labels) is None else self.located).append(exact)

    def rows(self, name: str) -> Iterator[Row]:
        """Step accuracy and its errors, AUC, calibration, and first errors found."""
        yield Row("steps", f"{name}: step accuracy", clustered_proportion(self.hits, self.totals))
        for label, what in ((0, "false positive rate"), (1, "false negative rate")):
            yield Row("steps", f"{name}: {what}", clustered_proportion(*self.errors[label]))
        n = len(self.labels)
        yield Row("steps", f"{name}: AUC", _plain(auc(self.scores, self.labels), n))
        error = calibration_error(self.scores, self.labels)
        yield Row("steps", f"{name}: calibration error", _plain(error, n))
        located = proportion(sum(self.located), len(self.located))
        passed = proportion(sum(self.passed), len(self.passed))
        yield Row("steps", f"{name}: first error found", located)
        yield Row("steps", f"{name}: no error where there is none", passed)
        f1 = harmonic_mean(located.value, passed.value)
        yield Row("steps", f"{name}: first-error F1", _plain(f1, located.n + passed.n))


def _comparable(name: str, baseline: str) -> bool:
    """Whether a row is a refinement or a choice among several, and the baseline is fair."""
    if baseline == "draft":
        return name in REFINEMENTS or " by " in name
    return "+" in name and " by " in name and baseline.split(" by ")[1] == name.split(" by ")[1]


def _plain(value: float, n: int) -> Estimate:
    return Estimate(value, n, float("nan"), float("nan"))


def _first_error(labels: Sequence[int]) -> int | None:
    return labels.index(0) if 0 in labels else None


# ── the report ───────────────────────────────────────────────────────────────────────────────────


class Evaluation:
    """Collects problems one by one; keeps a few numbers of each, not the solutions."""

    def __init__(self, aggregations: Sequence[str] = ("final",)) -> None:
        self._aggregations = aggregations
        self._problems: list[Outcomes] = []
        self._steps: dict[str, StepTally] = defaultdict(StepTally)
        self._final: dict[str, list[bool]] = defaultdict(list)
        self._agreement: tuple[list[int], list[int]] = ([], [])
        self._on_wrong: dict[str, list[float]] = defaultdict(list)

    def add(self, group: Sequence[Solution]) -> None:
        """Takes all solutions of one problem; one that comes twice counts once."""
        group = distinct(group)
        found = outcomes(group, self._aggregations)
        self._problems.append(found)
        if "draft" in found and found["draft"].value == 0:
            for name, outcome in found.items():
                if name.split(" ")[0].rstrip(",") in REFINEMENTS:
                    self._on_wrong[name].append(outcome.value)
        for solution in group:
            if solution.labels is not None and solution.steps:
                self._add_steps(solution)

    def rows(self) -> list[Row]:
        """The report, section by section."""
        rows = [*self._accuracies(), *self._differences()]
        rows += [
            Row("wrong drafts", f"{name}: fixed", average(values))
            for name, values in self._on_wrong.items()
        ]
        for name, tally in self._steps.items():
            rows += tally.rows(name)
        rows += [
            Row(
                "steps",
                f"{name} against answers: final accuracy",
                average([float(v) for v in values]),
            )
            for name, values in self._final.items()
        ]
        if self._agreement[1]:
            agreement = clustered_proportion(*self._agreement)
            rows.append(Row("steps", "labels against oracle: step accuracy", agreement))
        return [*rows, *self._between_models()]

    def _add_steps(self, solution: Solution) -> None:
        labels = solution.labels or ()
        oracle = get_task(solution.problem.task).oracle
        truths: dict[str, Sequence[int | None]] = {"labels": labels}
        if oracle is not None:
            truths["oracle"] = exact = oracle(solution)
            both = [(a, b) for a, b in zip(labels, exact, strict=True) if a is not None]
            self._agreement[0].append(sum(a == b for a, b in both))
            self._agreement[1].append(len(both))
        for name, scores in solution.scores.items():
            for source, truth in truths.items():
                known = [(s, t) for s, t in zip(scores, truth, strict=True) if t is not None]
                self._steps[f"{name} against {source}"].add(
                    [s for s, _ in known], [t for _, t in known]
                )
            self._final[name].append((scores[-1] >= THRESHOLD) == solution.correct)

    def _between_models(self) -> Iterator[Row]:
        """Paired differences of the reward models that judged the same solutions."""
        for (one, first), (two, second) in combinations(self._steps.items(), 2):
            name, _, truth = one.rpartition(" against ")
            if two.endswith(f" against {truth}") and first.totals == second.totals:
                better = clustered_difference(first.hits, second.hits, first.totals)
                yield Row("reward models", f"{name} - {two}: step accuracy", better)
        for (one, right), (two, other) in combinations(self._final.items(), 2):
            if len(right) == len(other):
                name = f"{one} - {two} against answers: final accuracy"
                yield Row("reward models", name, paired_difference(right, other))

    def _accuracies(self) -> Iterator[Row]:
        for name in self._names():
            found = [problem[name] for problem in self._problems if name in problem]
            tokens = sum(outcome.tokens for outcome in found) / len(found)
            yield Row("accuracy", name, average([outcome.value for outcome in found]), tokens)

    def _differences(self) -> Iterator[Row]:
        """Paired differences: whatever is chosen or refined, against drafts and best of k."""
        names = self._names()
        baselines = [name for name in names if name == "draft" or name.startswith("rerank@")]
        for baseline in baselines:
            for name in names:
                if not _comparable(name, baseline):
                    continue
                both = [p for p in self._problems if name in p and baseline in p]
                first = [p[name].value for p in both]
                second = [p[baseline].value for p in both]
                yield Row("difference", f"{name} - {baseline}", paired_difference(first, second))

    def _names(self) -> list[str]:
        return list(dict.fromkeys(name for problem in self._problems for name in problem))
