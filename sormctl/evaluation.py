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

from sormctl.answering import REFINEMENTS, Outcomes, distinct, outcomes
from sormctl.judging import ACCURACY, THRESHOLD, Shares, StepTally, total_shares
from sormctl.metrics import (
    Estimate,
    average,
    clustered_difference,
    clustered_proportion,
    paired_difference,
)
from sormctl.records import Json, Labels, Problem, Solution
from sormctl.tasks.registry import get_task

AGREEMENT = "labels against oracle", ACCURACY
FINAL = "against answers", "final accuracy"


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


@dataclass(frozen=True, slots=True)
class Part:
    """What one problem adds to the rows, for statistics that are paired or clustered by problem."""

    problem: Problem
    outcomes: Outcomes
    judged: list[tuple[str, Shares]]  # of each solution, by each judge

    def json(self) -> Json:
        """Of each row of accuracy its value, of each row of steps its [hits, of how many]."""
        return {
            "task": self.problem.task,
            "problem_id": self.problem.problem_id,
            "outcomes": {name: outcome.value for name, outcome in self.outcomes.items()},
            "steps": total_shares(self.judged),
        }


class Evaluation:
    """Collects problems one by one; keeps a few numbers of each, not the solutions.

    Memory: 24 bytes of each problem for each way of answering, and for each reward model 16 bytes
    of each solution with labels and 9 of each label.
    """

    def __init__(self, aggregations: Sequence[str] = ("final",)) -> None:
        self._aggregations = aggregations
        self._num_problems = 0
        self._columns: dict[str, Column] = defaultdict(Column)
        self._steps: dict[str, StepTally] = defaultdict(StepTally)
        self._final: dict[str, list[bool]] = defaultdict(list)
        self._agreement: tuple[list[int], list[int]] = ([], [])
        self._on_wrong: dict[str, list[float]] = defaultdict(list)

    def add(self, group: Sequence[Solution]) -> Part:
        """Takes all solutions of one problem; one that comes twice counts once."""
        group = distinct(group)
        found = outcomes(group, self._aggregations)
        for name, outcome in found.items():
            column = self._columns[name]
            column.problems.append(self._num_problems)
            column.values.append(outcome.value)
            column.tokens.append(outcome.tokens)
        self._num_problems += 1
        if "draft" in found and found["draft"].value == 0:
            for name, outcome in found.items():
                if name.split(" ")[0].rstrip(",") in REFINEMENTS:
                    self._on_wrong[name].append(outcome.value)
        judged: list[tuple[str, Shares]] = []
        for solution in group:
            if solution.labels is not None and solution.steps:
                judged += self._add_steps(solution, solution.labels)
        return Part(group[0].problem, found, judged)

    def rows(self) -> list[Row]:
        """The report, section by section."""
        rows = [*self._accuracies(), *self._differences()]
        rows += [
            Row("wrong drafts", f"{name}: fixed", average(values))
            for name, values in self._on_wrong.items()
        ]
        for name, tally in self._steps.items():
            rows += [Row("steps", f"{name}: {what}", e) for what, e in tally.estimates()]
        rows += [
            Row("steps", f"{name} {': '.join(FINAL)}", average(values))
            for name, values in self._final.items()
        ]
        if self._agreement[1]:
            agreement = clustered_proportion(*self._agreement)
            rows.append(Row("steps", ": ".join(AGREEMENT), agreement))
        return [*rows, *self._between_models()]

    def _add_steps(self, solution: Solution, labels: Labels) -> Iterator[tuple[str, Shares]]:
        """Takes the labels and scores of one solution; gives each judge's shares of it."""
        oracle = get_task(solution.problem.task).oracle
        truths: dict[str, Labels] = {"labels": labels}
        if oracle is not None:
            truths["oracle"] = exact = tuple(oracle(solution))
            both = [(a, b) for a, b in zip(labels, exact, strict=True) if a is not None]
            agreed = sum(a == b for a, b in both)
            self._agreement[0].append(agreed)
            self._agreement[1].append(len(both))
            yield AGREEMENT[0], {AGREEMENT[1]: (agreed, len(both))}
        for name, scores in solution.scores.items():
            for source, truth in truths.items():
                judge = f"{name} against {source}"
                yield judge, self._steps[judge].add(scores, truth)
            right = (scores[-1] >= THRESHOLD) == solution.correct
            self._final[name].append(right)
            yield f"{name} {FINAL[0]}", {FINAL[1]: (int(right), 1)}

    def _between_models(self) -> Iterator[Row]:
        """Paired differences of the reward models that judged the same solutions."""
        for (one, first), (two, second) in combinations(self._steps.items(), 2):
            name, _, truth = one.rpartition(" against ")
            (hits, totals), (others, also) = first.shares(ACCURACY), second.shares(ACCURACY)
            if two.endswith(f" against {truth}") and totals == also:
                better = clustered_difference(hits, others, totals)
                yield Row("reward models", f"{name} - {two}: step accuracy", better)
        for (one, right), (two, other) in combinations(self._final.items(), 2):
            if len(right) == len(other):
                name = f"{one} - {two} against answers: final accuracy"
                yield Row("reward models", name, paired_difference(right, other))

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
