"""What the plots of a collected run show, as values; plots.py draws them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from examples.paper.report.experiments import BUDGETS, CHOICES, EXPERIMENTS, SINGLE, Experiment
from examples.paper.report.rows import ONLY
from examples.paper.report.tables import STUDENT_NAMES, figures
from examples.paper.report.verdicts import filled

Run = Mapping[str, Any]
CHOICE_LABELS = {choice: f"{choice}, n samples" for choice in CHOICES}


@dataclass(frozen=True)
class Point:
    """A share and its interval, if it has one; the label of a bar, or the tokens of a mark."""

    value: float
    low: float | None
    high: float | None
    label: str = ""
    tokens: float | None = None


@dataclass(frozen=True)
class Series:
    """Points that belong together: a student's bars, or a line."""

    label: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Plot:
    """All that a plot says in numbers."""

    name: str
    series: tuple[Series, ...]


def plots_of(run: Run) -> Iterator[Plot]:
    """The plots that a run has figures for."""
    for experiment in EXPERIMENTS:
        if experiment.plot == "budget":
            found = [*_budget(run)]
        elif experiment.plot:
            found = [*_by_student(run, experiment)]
        else:
            continue
        if found:
            yield Plot(experiment.plot, tuple(found))


def _by_student(run: Run, experiment: Experiment) -> Iterator[Series]:
    """Accuracies, a series for each student."""
    for student in run["students"]:
        points = []
        for label, ref in experiment.lines.items():
            result, row = filled(ref, student, run["samples"])
            if found := figures(run, result, row):
                points.append(_point(found, label=label.format(k=run["samples"])))
        if points:
            yield Series(STUDENT_NAMES.get(student, student), tuple(points))


def _budget(run: Run) -> Iterator[Series]:
    """Accuracy against generated tokens: samples to choose from, and refinements."""
    if "sft/budget-1" not in run["results"]:
        return
    one = figures(run, "sft/budget-1", ONLY)
    for label, choice in CHOICES.items():
        found = [figures(run, f"sft/budget-{n}", choice(n)) for n in BUDGETS]
        points = tuple(_point(each, tokens=each["tokens"]) for each in (one, *found) if each)
        yield Series(CHOICE_LABELS[label], points)
    for label, ref in SINGLE.items():
        if each := figures(run, *ref):
            yield Series(label, (_point(each, tokens=each["tokens"]),))


def _point(row: Mapping[str, Any], label: str = "", tokens: float | None = None) -> Point:
    return Point(row["value"], row.get("low"), row.get("high"), label, tokens)
