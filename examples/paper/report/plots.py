"""Draws plots as SVG, each with the numbers that it shows in its description.

The same bytes each time by the same release of matplotlib; by any release the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import msgspec
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from examples.paper.report.experiments import SINGLE
from examples.paper.report.plotted import CHOICE_LABELS, Plot, Point, Series, plots_in

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
CHOICE_STYLES = ((GREY, "o"), ("#319795", "v"), (BLUE, "s"), (GREEN, "^"))
SINGLE_STYLES = (
    ("black", "D"),
    (ORANGE, "P"),
    ("#b7791f", "X"),
    (RED, "*"),
    (RED, "p"),
    ("#805ad5", "d"),
)
STYLES = dict(
    zip((*CHOICE_LABELS.values(), *SINGLE), (*CHOICE_STYLES, *SINGLE_STYLES), strict=True)
)
MOST_IN_A_COLUMN = 3  # panels
ERRORS: dict[str, Any] = {"fmt": "none", "ecolor": "#2d3748", "elinewidth": 1, "capsize": 2.5}


def draw(folder: Path) -> None:
    """Draws every plot of the collected files of a folder beside them."""
    for name, plot in plots_in(folder).items():
        save(drawn(plot), folder / name, msgspec.json.encode(plot).decode("utf-8"))


def save(figure: Figure, path: Path, description: str | None = None) -> None:
    """Writes a plot; nothing in it tells when, or by which release of matplotlib."""
    metadata = {"Date": None, "Creator": None, "Description": description}
    with mpl.rc_context(STYLE):
        figure.savefig(path, format="svg", metadata=metadata)
    text = path.read_text("utf-8")
    path.write_text("\n".join(line.rstrip() for line in text.splitlines()) + "\n", "utf-8")


def drawn(plot: Plot) -> Figure:
    """The plot as matplotlib has it."""
    with mpl.rc_context(STYLE):
        return budget(plot) if plot.name.startswith("budget") else bars(plot)


def bars(plot: Plot) -> Figure:
    """Accuracies with their intervals as horizontal bars, a panel for each series.

    Many panels stand in two columns; what all bars of a row are called stands at its left.
    """
    panels = plot.series
    size = max(len(series.points) for series in panels)
    columns = 1 if len(panels) <= MOST_IN_A_COLUMN else 2
    rows = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(8.5, rows * (0.34 * size + 0.85)), layout="constrained")
    grid = figure.subplots(rows, columns, sharex=True, squeeze=False)
    for axis, series in zip(grid.flat, panels, strict=False):
        _bars(axis, series.points)
        axis.set_title(series.label, loc="left", fontsize=10)
    for axis in grid.flat[len(panels) :]:
        axis.set_visible(False)
    for left, *others in grid:
        for axis in others:
            if _names(axis) == _names(left):
                axis.tick_params(labelleft=False)
    for axis in grid[-1]:
        axis.set_xlabel("accuracy, %")
    return figure


def _names(axis: Axes) -> list[str]:
    return [label.get_text() for label in axis.get_yticklabels()]


def _bars(axis: Axes, points: Sequence[Point]) -> None:
    values = [100 * point.value for point in points]
    places = range(len(points))
    colours = [_colour(point.label) for point in points]
    axis.barh(places, values, color=colours, height=0.7)
    axis.errorbar(values, places, xerr=_errors(points), **ERRORS)
    for place, (value, point) in enumerate(zip(values, points, strict=True)):
        end = 100 * (point.value if point.high is None else point.high)
        axis.text(end + 1, place, f"{value:.1f}", va="center", fontsize=9)
    axis.set_yticks(places, [point.label for point in points])
    axis.invert_yaxis()
    axis.set_xlim(0, 107)


def _colour(label: str) -> str:
    """Refinements, oracles and what they are held against differ."""
    if "oracle" in label:
        return "#cbd5e0"
    return ORANGE if "+" in label else BLUE


def _errors(points: Sequence[Point]) -> list[list[float]]:
    """Distances to the ends of the intervals, in points: below, above."""

    def distance(point: Point, end: float | None) -> float:
        return 0.0 if end is None else abs(100 * (end - point.value))

    return [[distance(each, each.low) for each in points], [distance(e, e.high) for e in points]]


def budget(plot: Plot) -> Figure:
    """Accuracy against generated tokens: a line for each choice, a point for each single way."""
    figure = Figure(figsize=(8.5, 5.2), layout="constrained")
    axis = figure.subplots()
    for series in plot.series:
        _points(axis, series)
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_xlabel("generated tokens a problem (log scale)")
    axis.set_ylabel("accuracy, %")
    axis.grid(alpha=0.25)
    axis.legend(frameon=False, fontsize=9, loc="best")
    return figure


def _points(axis: Axes, series: Series) -> None:
    colour, marker = STYLES[series.label]
    axis.errorbar(
        [math.nan if point.tokens is None else point.tokens for point in series.points],
        [100 * point.value for point in series.points],
        yerr=_errors(series.points),
        label=f"{series.label} ({series.problems:,} problems)",
        color=colour,
        marker=marker,
        markersize=12 if marker == "*" else 6,
        linestyle="none" if series.label in SINGLE else "-",
        elinewidth=1,
        capsize=2.5,
    )
