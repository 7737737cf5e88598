"""Everything that can be said of a set of solutions. Paper, 3.2, 4 and B.

Solutions of one problem come together. What can be answered with them is in `answering`, how well
reward models judge their steps in `judging`; a task that knows the truth adds its oracle.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from sormctl.evaluation.choices import REFINEMENTS, distinct, outcomes
from sormctl.evaluation.metrics import (
    Estimate,
    average,
    clustered_difference,
    clustered_proportion,
    paired_difference,
)
from sormctl.evaluation.steps import ACCURACY, THRESHOLD, StepTally
from sormctl.records import Json, Labels, Solution
from sormctl.tasks.registry import get_task

AGREEMENT = f"labels against oracle: {ACCURACY}"
FINAL = "{} against answers: final accuracy"
Comparison = tuple[str, str]  # name of a reward model, and the truth that it is held against


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


@dataclass(slots=True)
class Column:
    """One way of answering: the problems that allow it, by number, and its outcomes."""

    problems: array[int] = field(default_factory=lambda: array("L"))
    values: array[float] = field(default_factory=lambda: array("d"))
    tokens: array[int] = field(default_factory=lambda: array("q"))


@dataclass(slots=True)
class Verdicts:
    """The solutions that a reward model scored, by number, and whether its last score is right."""

    solutions: array[int] = field(default_factory=lambda: array("L"))
    right: array[int] = field(default_factory=lambda: array("b"))


class Evaluation:
    """Collects problems one by one; keeps a few numbers of each, not the solutions.

    Memory: 24 bytes of each problem for each way of answering, and for each reward model 17 bytes
    of each solution with labels and 9 of each label.
    """

    def __init__(self, aggregations: Sequence[str] = ("final",)) -> None:
        self._aggregations = aggregations
        self._num_problems = 0
        self._columns: dict[str, Column] = defaultdict(Column)
        self._steps: dict[Comparison, StepTally] = defaultdict(StepTally)
        self._final: dict[str, Verdicts] = defaultdict(Verdicts)
        self._num_labelled = 0
        self._agreement: tuple[list[int], list[int]] = ([], [])
        self._on_wrong: dict[str, list[float]] = defaultdict(list)

    def add(self, group: Sequence[Solution]) -> None:
        """Takes all solutions of one problem; one that comes twice counts once."""
        group = distinct(group)
        found = outcomes(group, self._aggregations)
        for name, (value, tokens) in found.items():
            column = self._columns[name]
            column.problems.append(self._num_problems)
            column.values.append(value)
            column.tokens.append(tokens)
        self._num_problems += 1
        if "draft" in found and found["draft"].value == 0:
            for name, outcome in found.items():
                if name.split(" ")[0].rstrip(",") in REFINEMENTS:
                    self._on_wrong[name].append(outcome.value)
        for solution in group:
            if solution.labels is not None and solution.steps:
                self._add_steps(solution, solution.labels)

    def outcomes(self) -> dict[str, list[float]]:
        """Of each row of accuracy the values of the problems that it is taken over."""
        return {name: column.values.tolist() for name, column in self._columns.items()}

    def shares(self) -> dict[str, tuple[int, int]]:
        """Hits, and of how many, of each row of steps that is a share."""
        shares = {
            f"{name} against {truth}: {what}": (int(hits.sum()), int(totals.sum()))
            for (name, truth), tally in self._steps.items()
            for what, (hits, totals) in tally.shares().items()
        }
        shares |= {
            FINAL.format(name): (sum(verdicts.right), len(verdicts.right))
            for name, verdicts in self._final.items()
        }
        if self._agreement[1]:
            shares[AGREEMENT] = sum(self._agreement[0]), sum(self._agreement[1])
        return shares

    def rows(self) -> list[Row]:
        """The report, section by section."""
        rows = [*self._accuracies(), *self._differences()]
        rows += [
            Row("wrong drafts", f"{name}: fixed", average(values))
            for name, values in self._on_wrong.items()
        ]
        for (name, truth), tally in self._steps.items():
            rows += [
                Row("steps", f"{name} against {truth}: {what}", e) for what, e in tally.estimates()
            ]
        rows += [
            Row("steps", FINAL.format(name), average(verdicts.right))
            for name, verdicts in self._final.items()
        ]
        if self._agreement[1]:
            agreement = clustered_proportion(*self._agreement)
            rows.append(Row("steps", AGREEMENT, agreement))
        return [*rows, *self._between_models()]

    def _add_steps(self, solution: Solution, labels: Labels) -> None:
        truths = [("labels", labels)]
        oracle = get_task(solution.problem.task).oracle
        if oracle is not None:
            exact = tuple(oracle(solution))
            truths.append(("oracle", exact))
            both = [(a, b) for a, b in zip(labels, exact, strict=True) if a is not None]
            self._agreement[0].append(sum(a == b for a, b in both))
            self._agreement[1].append(len(both))
        for name, scores in solution.scores.items():
            for source, truth in truths:
                self._steps[name, source].add(scores, truth)
            verdicts = self._final[name]
            verdicts.solutions.append(self._num_labelled)
            verdicts.right.append((scores[-1] >= THRESHOLD) == solution.correct)
        self._num_labelled += 1

    def _between_models(self) -> Iterator[Row]:
        """Paired differences of the reward models that judged the same solutions."""
        for ((one, truth), first), ((two, also), second) in combinations(self._steps.items(), 2):
            if truth == also and self._final[one].solutions == self._final[two].solutions:
                (hits, totals), (others, _) = (t.shares()[ACCURACY] for t in (first, second))
                better = clustered_difference(hits, others, totals)
                name = f"{one} - {two} against {truth}: step accuracy"
                yield Row("reward models", name, better)
        for (one, here), (two, there) in combinations(self._final.items(), 2):
            if here.solutions == there.solutions:
                name = f"{one} - {two} against answers: final accuracy"
                yield Row("reward models", name, paired_difference(here.right, there.right))

    def _accuracies(self) -> Iterator[Row]:
        for name, column in self._columns.items():
            tokens = sum(column.tokens) / len(column.tokens)
            yield Row("accuracy", name, average(column.values), tokens)

    def _differences(self) -> Iterator[Row]:
        """Paired differences: whatever is chosen or refined, against drafts and best of k."""
        for baseline, second in self._columns.items():
            if baseline != "draft" and not baseline.startswith("rerank@"):
                continue
            for name, first in self._columns.items():
                if _comparable(name, baseline):
                    estimate = paired_difference(*_both(first, second))
                    yield Row("difference", f"{name} - {baseline}", estimate)


def problem_part(group: Sequence[Solution], aggregations: Sequence[str] = ("final",)) -> Json:
    """What one problem adds to the rows, for statistics that are paired or clustered by problem.

    `outcomes` has the value of each row of accuracy, `steps` the [hits, of how many] of each row of
    steps that is a share.
    """
    alone = Evaluation(aggregations)
    alone.add(group)
    return {
        "task": group[0].problem.task,
        "problem_id": group[0].problem.problem_id,
        "outcomes": {name: value for name, (value,) in alone.outcomes().items()},
        "steps": alone.shares(),
    }


def _both(first: Column, second: Column) -> tuple[Sequence[float], Sequence[float]]:
    """The values of the problems that allow both ways of answering."""
    if first.problems == second.problems:
        return first.values, second.values
    ones, others = (dict(zip(c.problems, c.values, strict=True)) for c in (first, second))
    shared = [problem for problem in ones if problem in others]
    return [ones[problem] for problem in shared], [others[problem] for problem in shared]


def _comparable(name: str, baseline: str) -> bool:
    """Whether a row is a refinement or a choice among several, and the baseline is fair."""
    if baseline == "draft":
        return name in REFINEMENTS or " by " in name
    return "+" in name and " by " in name and baseline.split(" by ")[1] == name.split(" by ")[1]
