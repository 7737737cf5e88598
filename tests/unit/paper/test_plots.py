"""Plots show the numbers of their run, and say so in the SVG."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest

from examples.paper.report.plotted import Plot, Point, Series, plots_in, plots_of

RESULTS = Path(__file__).parents[3] / "docs" / "results"
DESCRIPTION = ".//{http://purl.org/dc/elements/1.1/}description"


def described(path: Path) -> Plot:
    text = ElementTree.parse(path).findtext(DESCRIPTION)
    assert text
    return msgspec.json.decode(text, type=Plot)


def has_names(axis: Any) -> bool:
    return bool(axis.yaxis.get_tick_params()["labelleft"])


PLOTS = plots_in(RESULTS)


def test_committed_plots_are_fresh() -> None:
    """`make results` makes them, with any release of matplotlib."""
    assert {path.name: described(path) for path in RESULTS.glob("*.svg")} == PLOTS


def test_plots_are_the_same_each_time(tmp_path: Path) -> None:
    plots = pytest.importorskip("examples.paper.report.plots", exc_type=ImportError)
    for folder in (tmp_path / "one", tmp_path / "two"):
        shutil.copytree(RESULTS, folder, ignore=shutil.ignore_patterns("*.svg"))
        plots.draw(folder)
    for name in PLOTS:
        one, two = (tmp_path / folder / name for folder in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()
        assert described(one) == PLOTS[name]


@pytest.mark.parametrize("name", [name for name in PLOTS if "budget" not in name])
def test_bars_are_as_long_as_the_shares(name: str) -> None:
    plots = pytest.importorskip("examples.paper.report.plots", exc_type=ImportError)
    axes = [axis for axis in plots.drawn(PLOTS[name]).axes if axis.get_visible()]
    for axis, series in zip(axes, PLOTS[name].series, strict=True):
        assert axis.get_title("left") == series.label
        if has_names(axis):
            assert [tick.get_text() for tick in axis.get_yticklabels()] == [
                point.label for point in series.points
            ]
        widths = [bar.get_width() for bar in axis.patches]
        assert widths == pytest.approx([100 * point.value for point in series.points])
        assert [text.get_text() for text in axis.texts] == [f"{width:.1f}" for width in widths]
        (intervals,) = axis.collections
        drawn = [(low, high) for (low, _), (high, _) in intervals.get_segments()]
        assert_intervals(drawn, series.points)


def test_many_panels_share_the_names_of_a_row() -> None:
    plots = pytest.importorskip("examples.paper.report.plots", exc_type=ImportError)
    one, other = (Series("", (Point(0.5, None, None, name),)) for name in ("draft", "sample"))
    figure = plots.drawn(Plot("figure-4", (one, one, one, other, one)))
    figure.draw_without_rendering()
    shown = [has_names(axis) for axis in figure.axes if axis.get_visible()]
    assert shown == [True, False, True, True, True]  # the fourth has a name of its own


@pytest.mark.parametrize("name", [name for name in PLOTS if "budget" in name])
def test_marks_stand_at_tokens_and_shares(name: str) -> None:
    plots = pytest.importorskip("examples.paper.report.plots", exc_type=ImportError)
    (axis,) = plots.drawn(PLOTS[name]).axes
    for container, series in zip(axis.containers, PLOTS[name].series, strict=True):
        line, _, (intervals,) = container.lines
        assert container.get_label() == f"{series.label} ({series.problems:,} problems)"
        assert [*line.get_xdata()] == [point.tokens for point in series.points]
        shares = [100 * point.value for point in series.points]
        assert [*line.get_ydata()] == pytest.approx(shares)
        drawn = [(low, high) for (_, low), (_, high) in intervals.get_segments()]
        assert_intervals(drawn, series.points)


def assert_intervals(drawn: list[tuple[Any, Any]], points: tuple[Point, ...]) -> None:
    ends = [
        (point.value if point.low is None else point.low, point.high or point.value)
        for point in points
    ]
    assert drawn == [pytest.approx((100 * low, 100 * high)) for low, high in ends]


def test_a_share_without_an_interval_is_drawn() -> None:
    """And a student who has none of an experiment's rows has no panel."""
    rows = {"draft": {"value": 0.5}, "maj@3": {"value": 0.25, "low": 0.125, "high": 0.5}}
    run = {"students": ["sft", "ei"], "samples": 4, "results": {"sft/main": rows}}
    (plot,) = plots_of(run)
    assert [series.points for series in plot.series] == [
        (
            Point(0.5, None, None, "draft (greedy)"),
            Point(0.25, 0.125, 0.5, "majority of three samples"),
        )
    ]
    plots = pytest.importorskip("examples.paper.report.plots", exc_type=ImportError)
    (axis,) = plots.drawn(plot).axes
    assert [text.get_text() for text in axis.texts] == ["50.0", "25.0"]
