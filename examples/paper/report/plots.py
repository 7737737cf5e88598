"""Plots of a collected run as SVG: the same bytes each time for the same file and matplotlib."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from examples.paper.report.experiments import (
    BUDGETS,
    CHOICES,
    EXPERIMENTS,
    SINGLE,
    Experiment,
)
from examples.paper.report.read import read_runs
from examples.paper.report.rows import ONLY, Subject
from examples.paper.report.tables import STUDENT_NAMES, figures
from examples.paper.report.verdicts import filled
from sormctl.evaluation.rows import Way

Run = Mapping[str, Any]
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "sormctl",
    "svg.fonttype": "path",  # the reader may not have the font
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "white",
}
BLUE, ORANGE, GREEN, RED, GREY = "#2b6cb0", "#dd6b20", "#2f855a", "#c53030", "#718096"
# colour and marker of each choice, of each single way, in the order of experiments.py
CHOICE_STYLES = ((GREY, "o"), (BLUE, "s"), (GREEN, "^"))
SINGLE_STYLES = (("black", "D"), (ORANGE, "P"), ("#b7791f", "X"), (RED, "*"), ("#805ad5", "d"))


def draw(folder: Path) -> None:
    """Draws every plot of every collected file of a folder beside it."""
    for run in read_runs(folder):
        for name, figure in plots(run):
            save(figure, folder / f"{run['name']}.{name}.svg")


def plots(run: Run) -> Iterator[tuple[str, Figure]]:
    """The plots that a run has figures for, by name."""
    with mpl.rc_context(STYLE):
        for experiment in EXPERIMENTS:
            if experiment.plot == "budget":
                figure = budget(run)
            elif experiment.plot:
                figure = bars(run, experiment)
            else:
                continue
            if figure is not None:
                yield experiment.plot, figure


def save(figure: Figure, path: Path) -> None:
    """Writes a plot; nothing in it tells when, or by which release of matplotlib."""
    with mpl.rc_context(STYLE):
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    text = path.read_text("utf-8")
    path.write_text("\n".join(line.rstrip() for line in text.splitlines()) + "\n", "utf-8")


def bars(run: Run, experiment: Experiment) -> Figure | None:
    """Accuracies with their intervals as horizontal bars, a panel for each student."""
    panels = [(student, _bars_of(run, experiment, student)) for student in run["students"]]
    panels = [(student, found) for student, found in panels if found]
    if not panels:
        return None
    size = max(len(found) for _, found in panels)
    figure = Figure(figsize=(8.5, len(panels) * (0.34 * size + 0.85)), layout="constrained")
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axis, (student, found) in zip(axes, panels, strict=True):
        _bars(axis, found)
        axis.set_title(STUDENT_NAMES.get(student, student), loc="left", fontsize=10)
    axes[-1].set_xlabel("accuracy, %")
    return figure


Bar = tuple[str, Subject, Mapping[str, Any]]  # label, row, its figures


def _bars_of(run: Run, experiment: Experiment, student: str) -> list[Bar]:
    bars = []
    for label, ref in experiment.lines.items():
        result, row = filled(ref, student, run["samples"])
        if found := figures(run, result, row):
            bars.append((label.format(k=run["samples"]), row, found))
    return bars


def _bars(axis: Axes, bars: Sequence[Bar]) -> None:
    values = [100 * row["value"] for _, _, row in bars]
    places = range(len(bars))
    colours = [_colour(row) for _, row, _ in bars]
    axis.barh(places, values, color=colours, height=0.7)
    axis.errorbar(values, places, xerr=_errors([row for _, _, row in bars]), **ERRORS)
    for place, (value, (_, _, row)) in enumerate(zip(values, bars, strict=True)):
        end = 100 * (row["high"] if row.get("high") is not None else row["value"])
        axis.text(end + 1, place, f"{value:.1f}", va="center", fontsize=9)
    axis.set_yticks(places, [label for label, _, _ in bars])
    axis.invert_yaxis()
    axis.set_xlim(0, 107)


ERRORS: dict[str, Any] = {"fmt": "none", "ecolor": "#2d3748", "elinewidth": 1, "capsize": 2.5}


def _colour(row: Subject) -> str:
    """Refinements, oracles and what they are held against differ."""
    if isinstance(row, Way) and row.chooser == "oracle":
        return "#cbd5e0"
    return ORANGE if isinstance(row, Way) and len(row.kinds) > 1 else BLUE


def _errors(rows: Sequence[Mapping[str, Any]]) -> list[list[float]]:
    """Distances to the ends of the intervals, in points: below, above."""

    def distance(row: Mapping[str, Any], end: str) -> float:
        return 0.0 if row.get(end) is None else abs(100 * (row[end] - row["value"]))

    return [[distance(row, "low") for row in rows], [distance(row, "high") for row in rows]]


def budget(run: Run) -> Figure | None:
    """Accuracy against generated tokens: samples to choose from, and refinements."""
    if "sft/budget-1" not in run["results"]:
        return None
    figure = Figure(figsize=(8.5, 5.2), layout="constrained")
    axis = figure.subplots()
    one = figures(run, "sft/budget-1", ONLY)
    for (label, choice), style in zip(CHOICES.items(), CHOICE_STYLES, strict=True):
        found = [figures(run, f"sft/budget-{n}", choice(n)) for n in BUDGETS]
        _points(axis, f"{label}, n samples", [each for each in (one, *found) if each], *style, "-")
    for (label, ref), style in zip(SINGLE.items(), SINGLE_STYLES, strict=True):
        if each := figures(run, *ref):
            _points(axis, label, [each], *style, "none")
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_xlabel("generated tokens a problem (log scale)")
    axis.set_ylabel("accuracy, %")
    axis.grid(alpha=0.25)
    axis.legend(frameon=False, fontsize=9, loc="best")
    return figure


def _points(
    axis: Axes,
    label: str,
    rows: Sequence[Mapping[str, Any]],
    colour: str,
    marker: str,
    line: str,
) -> None:
    big = 12 if marker == "*" else 6
    axis.errorbar(
        [row["tokens"] for row in rows],
        [100 * row["value"] for row in rows],
        yerr=_errors(rows),
        label=label,
        color=colour,
        marker=marker,
        markersize=big,
        linestyle=line,
        elinewidth=1,
        capsize=2.5,
    )
