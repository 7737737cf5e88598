"""Evaluation rows as tables in the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from sormctl.evaluation import Row
from sormctl.metrics import Estimate

_WIDTH = 120  # where the output is no terminal, so that a log can be read


def print_rows(rows: Sequence[Row]) -> None:
    """Prints the report on standard error: a table a section, reward models side by side."""
    for section, members in groupby(rows, key=lambda row: row.section):
        listed = list(members)
        if section == "steps":
            _print_models(listed)
        else:
            _print(section, ("%", "95 % interval", "n", "tokens"), map(_cells, listed))


def print_stages(costs: Sequence[Mapping[str, Any]]) -> None:
    """Prints what each stage of a pipeline cost (`stage_costs`) on standard error."""
    if costs:
        cells = [
            (cost["file"], cost["command"], *(f"{cost[name]:,.0f}" for name in _COSTS))
            for cost in costs
        ]
        _print("stages", ("made by", "records", "tokens generated", "seconds"), cells)


_COSTS = ("records", "tokens", "seconds")


def _print_models(rows: Iterable[Row]) -> None:
    """One line for each reward model and truth, one column for each figure."""
    table: dict[str, dict[str, str]] = {}
    for row in rows:
        model, _, figure = row.name.rpartition(": ")
        table.setdefault(model, {})[figure] = _plus_minus(row.estimate)
    figures = tuple(dict.fromkeys(figure for found in table.values() for figure in found))
    lines = [(name, *(found.get(f, "") for f in figures)) for name, found in table.items()]
    _print("steps", figures, lines)


def _print(title: str, columns: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(stderr=True)
    if not console.is_terminal:
        console.width = _WIDTH
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column(title, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right")
    for line in lines:
        table.add_row(*line)
    console.print(table)


def _cells(row: Row) -> tuple[str, ...]:
    estimate = row.estimate
    interval = f"{_percent(estimate.low)} to {_percent(estimate.high)}"
    tokens = "" if row.tokens is None else f"{row.tokens:,.0f}"
    return row.name, _percent(estimate.value), interval, f"{estimate.n:,}", tokens


def _plus_minus(estimate: Estimate) -> str:
    """In percent, with half of the interval."""
    if math.isnan(estimate.low):
        return _percent(estimate.value)
    half = (estimate.high - estimate.low) / 2
    return f"{_percent(estimate.value)} ±{_percent(half)}"


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:.1f}"
