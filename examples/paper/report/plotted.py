"""What the plots of a collected run show, as values; plots.py draws them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from examples.paper.report.experiments import BUDGETS, CHOICES, EXPERIMENTS, SINGLE, Experiment
from examples.paper.report.read import read_runs
from examples.paper.report.rows import ONLY
from examples.paper.report.tables import STUDENT_NAMES, figures

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
    problems: int = 0  # that a line's points are of


@dataclass(frozen=True)
class Plot:
    """All that a plot says in numbers."""

    name: str
    series: tuple[Series, ...]


# the lines of figure 4 that the first page shows
SUMMARY = (
    "draft (greedy)",
    "majority of three samples",
    "ORM-weighted vote of three samples",
    "draft + global + local by the ORM",
    "draft + global + local, ORM-weighted vote",
)


def plots_in(folder: Path) -> dict[str, Plot]:
    """The plots of all collected files of a folder by the name of their file."""
    runs = read_runs(folder)
    found = {f"{run['name']}.{plot.name}.svg": plot for run in runs for plot in plots_of(run)}
    return found | {"summary.svg": summary(runs)}


def summary(runs: Sequence[Run]) -> Plot:
    """The method beside what costs as much, of every run and student."""
    (figure_4,) = (each for each in EXPERIMENTS if each.key == "figure-4")
    series = (
        Series(
            f"{run['name']}, {each.label}",
            tuple(point for point in each.points if point.label in SUMMARY),
        )
        for run in runs
        for each in _by_student(run, figure_4)
    )
    return Plot("summary", tuple(series))


def plots_of(run: Run) -> Iterator[Plot]:
    """The plots that a run has figures for; of accuracy at equal budget one for each student."""
    for experiment in EXPERIMENTS:
        if experiment.plot == "budget":
            for student in run["students"]:
                if found := tuple(_budget(run, experiment, student)):
                    yield Plot(f"budget-{student}", found)
        elif experiment.plot and (found := tuple(_by_student(run, experiment))):
            yield Plot(experiment.plot, found)


def _by_student(run: Run, experiment: Experiment) -> Iterator[Series]:
    """Accuracies, a series for each student."""
    for student in run["students"]:
        lines = experiment.concrete(student, run["samples"])
        found = [(label, figures(run, result, row)) for label, result, row in lines]
        if points := tuple(_point(each, label=label) for label, each in found if each):
            yield Series(STUDENT_NAMES.get(student, student), points)


def _budget(run: Run, experiment: Experiment, student: str) -> Iterator[Series]:
    """Accuracy against generated tokens: samples to choose from, and refinements."""
    one = figures(run, f"{student}/budget-1", ONLY)
    if one is None:
        return
    for label, choice in CHOICES.items():
        found = [figures(run, f"{student}/budget-{n}", choice(n)) for n in BUDGETS]
        points = tuple(_point(each, tokens=each["tokens"]) for each in (one, *found) if each)
        yield Series(CHOICE_LABELS[label], points, one["n"])
    for label, result, row in experiment.concrete(student, run["samples"]):
        if label in SINGLE and (each := figures(run, result, row)):
            yield Series(label, (_point(each, tokens=each["tokens"]),), each["n"])


def _point(row: Mapping[str, Any], label: str = "", tokens: float | None = None) -> Point:
    return Point(row["value"], row.get("low"), row.get("high"), label, tokens)
