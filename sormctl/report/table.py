"""Evaluation rows as a table in the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from sormctl.evaluation import Row


def print_rows(rows: Sequence[Row]) -> None:
    """Prints the report on standard error, a table a section."""
    from rich.console import Console
    from rich.table import Table

    console = Console(stderr=True)
    for section, members in groupby(rows, key=lambda row: row.section):
        table = Table("", "value", "95 %", "n", "tokens", title=section, title_justify="left")
        for column in table.columns[1:]:
            column.justify = "right"
        for row in members:
            table.add_row(*_cells(row))
        console.print(table)


def print_stages(costs: Sequence[Mapping[str, Any]]) -> None:
    """Prints what each stage of a pipeline cost (`stage_costs`) on standard error."""
    from rich.console import Console
    from rich.table import Table

    if not costs:
        return
    table = Table("file", "made by", title="stages", title_justify="left")
    for column in ("records", "tokens generated", "seconds"):
        table.add_column(column, justify="right")
    for cost in costs:
        numbers = (cost["records"], cost["tokens"], round(cost["seconds"]))
        table.add_row(cost["file"], cost["command"], *(f"{number:,}" for number in numbers))
    Console(stderr=True).print(table)


def _cells(row: Row) -> tuple[str, ...]:
    estimate = row.estimate
    tokens = "" if row.tokens is None else f"{row.tokens:,.0f}"
    interval = (
        "" if math.isnan(estimate.low) else f"{_share(estimate.low)} … {_share(estimate.high)}"
    )
    return row.name, _share(estimate.value), interval, f"{estimate.n:,}", tokens


def _share(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:.1f}"
