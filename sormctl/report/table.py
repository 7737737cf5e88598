"""Evaluation rows as tables in the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any, TextIO

from sormctl.errors import one_line
from sormctl.evaluation.metrics import Estimate
from sormctl.evaluation.rows import Difference, Judgement, ReportRow, Way
from sormctl.evaluation.ways import answer_given
from sormctl.streams.completions import TELLING
from sormctl.streams.output import writing

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_WIDTH = 160  # where the output is no terminal, so that a log can be read
_LEAST = 60  # room for names beside the figures; a narrower terminal breaks the lines itself
_HEADING = 13  # of figures, wider only if a word is


def print_report(rows: Mapping[str, Sequence[ReportRow]]) -> None:
    """Prints the report on standard error, under the value of what is reported apart."""
    _report(rows, _console())


def write_report(rows: Mapping[str, Sequence[ReportRow]], path: Path) -> None:
    """Writes the same to a file."""
    with writing(path), path.open("w", encoding="utf-8") as file:
        _report(rows, _console(file))


def _report(rows: Mapping[str, Sequence[ReportRow]], console: Console) -> None:
    for value, listed in rows.items():
        if value:
            console.print(f"── {one_line(value)}")
        if said := headline(listed):
            console.print(f"{said}\n")
        _print_rows(listed, console)


def headline(rows: Sequence[ReportRow]) -> str | None:
    """What the answer that is given gains over the draft, and costs; None where it is the draft."""
    ways = {row.about: row for row in rows if isinstance(row.about, Way)}
    given, draft = answer_given([*ways]), Way("each", ("draft",))
    if given is None:
        return None
    gain = next((row.estimate for row in rows if row.about == Difference(given, draft)), None)
    if gain is None:
        return None
    name = "refined" if len(given.kinds) > 1 else str(given)
    cost = (ways[given].tokens or 0) / max(ways[draft].tokens or 0, 1)
    interval = f"{100 * gain.low:.1f} to {100 * gain.high:.1f}"
    return (
        f"{name} {_percent(ways[given].estimate.value)} %, "
        f"draft {_percent(ways[draft].estimate.value)} %: {100 * gain.value:+.1f} ({interval}), "
        f"{cost:.1f} times the tokens"
    )


def _print_rows(rows: Sequence[ReportRow], console: Console) -> None:
    """A table a section.

    The figures of a reward model stand side by side if the terminal is wide enough.
    """
    for section, members in groupby(rows, key=lambda row: row.section):
        listed = list(members)
        endings = any(row.cut_off or row.no_answer for row in listed)
        columns = ("%", "95 % interval", "n", "tokens", *(_ENDINGS if endings else ()))
        table = _table(section, columns, (_cells(row)[: len(columns) + 1] for row in listed))
        if judgements := [(r.about, r) for r in listed if isinstance(r.about, Judgement)]:
            models = _models_table(section, judgements)
            table = models if _fits(models, console) else table
        console.print(table)


def print_cut_off(rows: Sequence[ReportRow]) -> None:
    """Says on standard error what was cut off and has no answer, if that is more than 1 %."""
    for row in rows:
        cut, unread = row.cut_off or 0, row.no_answer or 0
        said = [f"{_percent(cut)} % were cut off; raise --max-tokens"] if cut > TELLING else []
        said += [f"{_percent(unread)} % state no answer"] if unread > TELLING else []
        if said:
            _console().print(f"{row.name}: {', '.join(reversed(said))}\n")


def print_unknown(count: int) -> None:
    """Says on standard error how many solutions the accuracies are without, if any."""
    if count:
        was = "solution is" if count == 1 else "solutions are"
        _console().print(f"{count:,} {was} left out: whether the answer is correct is unknown\n")


def print_stages(costs: Sequence[Mapping[str, Any]]) -> None:
    """Prints what each stage of a pipeline cost (`stage_costs`) on standard error."""
    if costs:
        cells = [
            (cost["file"], cost["command"], *(f"{cost[name]:,.0f}" for name in _COSTS))
            for cost in costs
        ]
        columns = ("made by", "records", "tokens generated", "seconds")
        _console().print(_table("stages", columns, cells))


_ENDINGS = ("cut off %", "no answer %")
_COSTS = ("records", "tokens", "seconds")


def _models_table(title: str, rows: Iterable[tuple[Judgement, ReportRow]]) -> Table:
    """One line for each reward model and truth, one column for each figure."""
    lines = []
    for _, group in groupby(rows, key=lambda row: (row[0].model, row[0].truth)):
        members = list(group)
        found = {about.figure: _plus_minus(row.estimate) for about, row in members}
        lines.append((members[0][0].sides, found))
    figures = dict.fromkeys(figure for _, found in lines for figure in found)
    cells = [(name, *(found.get(figure, "") for figure in figures)) for name, found in lines]
    table = _table(title, figures, cells)
    table.collapse_padding = True
    return table


def _table(title: str, columns: Iterable[str], lines: Iterable[Sequence[str]]) -> Table:
    """Names, which are wrapped where they do not fit, and figures, which never are."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column(title, overflow="fold")
    for heading in columns:
        table.add_column(fill(heading, _HEADING), justify="right", no_wrap=True)
    for line in lines:
        table.add_row(*map(one_line, line))
    return table


def _fits(table: Table, console: Console) -> bool:
    unlimited = console.options.update_width(1000)
    return console.measure(table, options=unlimited).maximum <= console.width


def _console(file: TextIO | None = None) -> Console:
    """Of standard error, or of a file; names are shown as they are."""
    from rich.console import Console

    console = Console(file=file, stderr=file is None, markup=False, emoji=False)
    console.width = max(console.width, _LEAST) if console.is_terminal else _WIDTH
    return console


def _cells(row: ReportRow) -> tuple[str, ...]:
    estimate = row.estimate
    interval = f"{_percent(estimate.low)} to {_percent(estimate.high)}"
    if math.isnan(estimate.low):
        interval = ""
    tokens = "" if row.tokens is None else f"{row.tokens:,.0f}"
    ended = ("" if share is None else _percent(share) for share in (row.cut_off, row.no_answer))
    return row.name, _percent(estimate.value), interval, f"{estimate.n:,}", tokens, *ended


def _plus_minus(estimate: Estimate) -> str:
    """In percent, with half of the interval."""
    if math.isnan(estimate.low):
        return _percent(estimate.value)
    half = (estimate.high - estimate.low) / 2
    return f"{_percent(estimate.value)} ±{_percent(half)}"


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:.1f}"
