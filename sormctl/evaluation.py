"""Everything that can be said of a set of solutions. Paper, 3.2, 4 and B.

Solutions of one problem come together. What can be answered with them is in `answering`, how well
reward models judge their steps in `judging`; a task that knows the truth adds its oracle.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from sormctl.answering import REFINEMENTS, Outcomes, distinct, outcomes
from sormctl.judging import ACCURACY, THRESHOLD, Shares, StepTally, add_shares
from sormctl.metrics import (
    Estimate,
    average,
    clustered_difference,
    clustered_proportion,
    paired_difference,
)
from sormctl.records import Json, Solution
from sormctl.tasks.registry import get_task

AGREEMENT = f"labels against oracle: {ACCURACY}"
FINAL = "{} against answers: final accuracy"


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


class Evaluation:
    """Collects problems one by one; keeps a few numbers of each, not the solutions."""

    def __init__(self, aggregations: Sequence[str] = ("final",)) -> None:
        self._aggregations = aggregations
        self._problems: list[Outcomes] = []
        self._steps: dict[str, StepTally] = defaultdict(StepTally)
        self._final: dict[str, list[bool]] = defaultdict(list)
        self._agreement: tuple[list[int], list[int]] = ([], [])
        self._on_wrong: dict[str, list[float]] = defaultdict(list)

    def add(self, group: Sequence[Solution]) -> Json:
        """Takes all solutions of one problem; one that comes twice counts once.

        Returns its part of the rows, for statistics that are paired or clustered by problem:
        `outcomes`, the value of each row of accuracy, and `steps`, [hits, of how many] of each row
        of steps that is a share.
        """
        group = distinct(group)
        found = outcomes(group, self._aggregations)
        self._problems.append(found)
        if "draft" in found and found["draft"].value == 0:
            for name, outcome in found.items():
                if name.split(" ")[0].rstrip(",") in REFINEMENTS:
                    self._on_wrong[name].append(outcome.value)
        shares: Shares = {}
        for solution in group:
            if solution.labels is not None and solution.steps:
                self._add_steps(solution, shares)
        return {
            "task": group[0].problem.task,
            "problem_id": group[0].problem.problem_id,
            "outcomes": {name: outcome.value for name, outcome in found.items()},
            "steps": shares,
        }

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
            Row(
                "steps",
                FINAL.format(name),
                average([float(v) for v in values]),
            )
            for name, values in self._final.items()
        ]
        if self._agreement[1]:
            agreement = clustered_proportion(*self._agreement)
            rows.append(Row("steps", AGREEMENT, agreement))
        return [*rows, *self._between_models()]

    def _add_steps(self, solution: Solution, shares: Shares) -> None:
        """Takes the labels and scores of one solution; adds to the shares of its problem."""
        labels = solution.labels or ()
        oracle = get_task(solution.problem.task).oracle
        truths: dict[str, Sequence[int | None]] = {"labels": labels}
        if oracle is not None:
            truths["oracle"] = exact = oracle(solution)
            both = [(a, b) for a, b in zip(labels, exact, strict=True) if a is not None]
            agreed = sum(a == b for a, b in both)
            self._agreement[0].append(agreed)
            self._agreement[1].append(len(both))
            add_shares(shares, {AGREEMENT: (agreed, len(both))})
        for name, scores in solution.scores.items():
            for source, truth in truths.items():
                known = [(s, t) for s, t in zip(scores, truth, strict=True) if t is not None]
                model = f"{name} against {source}"
                judged = self._steps[model].add([s for s, _ in known], [t for _, t in known])
                add_shares(shares, {f"{model}: {what}": share for what, share in judged.items()})
            right = (scores[-1] >= THRESHOLD) == solution.correct
            self._final[name].append(right)
            add_shares(shares, {FINAL.format(name): (int(right), 1)})

    def _between_models(self) -> Iterator[Row]:
        """Paired differences of the reward models that judged the same solutions."""
        for (one, first), (two, second) in combinations(self._steps.items(), 2):
            name, _, truth = one.rpartition(" against ")
            (hits, totals), (others, also) = first.shares[ACCURACY], second.shares[ACCURACY]
            if two.endswith(f" against {truth}") and totals == also:
                better = clustered_difference(hits, others, totals)
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


def _comparable(name: str, baseline: str) -> bool:
    """Whether a row is a refinement or a choice among several, and the baseline is fair."""
    if baseline == "draft":
        return name in REFINEMENTS or " by " in name
    return "+" in name and " by " in name and baseline.split(" by ")[1] == name.split(" by ")[1]
