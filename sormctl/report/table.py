"""Evaluation rows as tables for people: in the terminal, in a file, in Markdown."""

from __future__ import annotations

import io
import math
import sys
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from textwrap import fill
from typing import TYPE_CHECKING, Any

from sormctl.errors import one_line, show_user
from sormctl.evaluation.evaluation import DRAFT
from sormctl.evaluation.metrics import Estimate
from sormctl.evaluation.rows import Difference, Judgement, ReportRow, Way
from sormctl.evaluation.ways import answer_given
from sormctl.report.formats import as_markdown, gain, interval, percent
from sormctl.report.important import most_important
from sormctl.streams.completions import TELLING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_WIDTH = 160  # where the output is no terminal, so that a log can be read
_LEAST = 60  # room for names beside the figures; a narrower terminal breaks the lines itself
_HEADING = 13  # of figures, wider only if a word is

Rows = Mapping[str, Sequence[ReportRow]]  # by the value of what is reported apart


def print_report(rows: Rows, *, everything: bool = False) -> None:
    """Prints the report on standard error: the lines that matter most, or all."""
    _report(rows, _console(), everything)


def report_text(rows: Rows, *, everything: bool = False) -> str:
    """The same, as a file holds it."""
    text = io.StringIO()
    _report(rows, _console(text), everything)
    return text.getvalue()


def report_markdown(rows: Rows, *, everything: bool = False) -> str:
    """The same in Markdown, a table a section."""
    parts = []
    for value, listed in rows.items():
        parts += [f"## {one_line(value)}\n"] if value else []
        parts += [f"{said}\n"] if (said := headline(listed)) else []
        shown, left_out = (listed, 0) if everything else most_important(listed)
        for section, columns, members in _sections(shown):
            lines = [(section, *columns), *(map(one_line, _cells(row, columns)) for row in members)]
            parts.append(as_markdown([[*line] for line in lines]))
        parts += [f"{_left_out(left_out)}\n"] if left_out else []
    return "\n".join(parts)


def _report(rows: Rows, console: Console, everything: bool) -> None:
    for value, listed in rows.items():
        if value:
            console.print(one_line(f"── {value}"))
        if said := headline(listed):
            console.print(f"{one_line(said)}\n")
        left_out = _print_rows(listed, console, everything)
        if left_out:
            console.print(f"{_left_out(left_out)}\n")


def _left_out(count: int) -> str:
    return f"{count:,} more lines: --all shows them"


def headline(rows: Sequence[ReportRow], given: Way | None = None) -> str | None:
    """What the answer that is given gains over the draft, and costs; None where it is the draft.

    `given` is the way of answering, where the solutions do not say it.
    """
    ways = {row.about: row for row in rows if isinstance(row.about, Way)}
    given = given or answer_given([*ways])
    if given is None:
        return None
    gained = next((row.estimate for row in rows if row.about == Difference(given, DRAFT)), None)
    if gained is None:
        return None
    name = "refined" if len(given.kinds) > 1 else str(given)
    cost = (ways[given].tokens or 0) / max(ways[DRAFT].tokens or 0, 1)
    return (
        f"{name} {percent(ways[given].estimate.value)} %, "
        f"draft {percent(ways[DRAFT].estimate.value)} %: "
        f"{gain(gained.value)} ({interval(gained.low, gained.high)}), "
        f"{cost:.1f} times the tokens"
    )


def _print_rows(rows: Sequence[ReportRow], console: Console, everything: bool) -> int:
    """A table a section; gives the number of lines that are left out.

    The figures of a reward model stand on one line if the terminal is wide enough.
    """
    judgements = [(row.about, row) for row in rows if isinstance(row.about, Judgement)]
    is_wide = not judgements or _fits(_models_table("", judgements), console)
    left_out = 0
    if not everything:
        line = _side_by_side if is_wide else attrgetter("about")
        rows, left_out = most_important(rows, line)
    for section, columns, members in _sections(rows):
        judged = [(row.about, row) for row in members if isinstance(row.about, Judgement)]
        if judged and is_wide:
            console.print(_models_table(section, judged))
        else:
            console.print(_table(section, columns, (_cells(row, columns) for row in members)))
    return left_out


def _side_by_side(row: ReportRow) -> Hashable:
    return row.about.sides if isinstance(row.about, Judgement) else row.about


def _sections(
    rows: Iterable[ReportRow],
) -> Iterator[tuple[str, Sequence[str], Sequence[ReportRow]]]:
    """Name, columns and rows of each section."""
    for section, members in groupby(rows, key=lambda row: row.section):
        listed = list(members)
        endings = any(row.cut_off or row.no_answer for row in listed)
        yield section, (*_FIGURES, *(_ENDINGS if endings else ())), listed


def print_cut_off(rows: Sequence[ReportRow]) -> None:
    """Says on standard error what was cut off and has no answer, if that is more than 1 %."""
    for row in rows:
        cut, unread = row.cut_off or 0, row.no_answer or 0
        said = [f"{percent(cut)} % were cut off; raise --max-tokens"] if cut > TELLING else []
        said += [f"{percent(unread)} % state no answer"] if unread > TELLING else []
        if said:
            _console().print(f"{one_line(row.name)}: {', '.join(reversed(said))}\n")


def print_left_out(unknown: int, repeated: int = 0) -> None:
    """Says on standard error how many solutions the accuracies are without, if any."""
    for count, why in (
        (unknown, "left out: whether the answer is correct is unknown"),
        (repeated, "not counted again: the id came before; other samples need ids of their own"),
    ):
        if count:
            was = "solution is" if count == 1 else "solutions are"
            _console().print(f"{count:,} {was} {why}\n")


def print_stages(costs: Sequence[Mapping[str, Any]]) -> None:
    """Prints what each stage of a pipeline cost (`stage_costs`) on standard error."""
    if costs:
        cells = [
            (cost["file"], cost["command"], *(f"{cost[name]:,.0f}" for name in _COSTS))
            for cost in costs
        ]
        columns = ("made by", "records", "tokens generated", "seconds")
        _console().print(_table("stages", columns, cells))


_FIGURES = ("%", "95 % interval", "n", "tokens")
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


class _StandardError(io.StringIO):
    """Standard error, as rich asks about it; what is written goes through `show_user`."""

    def write(self, text: str) -> int:
        show_user(text)
        return len(text)

    def isatty(self) -> bool:
        return sys.stderr is not None and sys.stderr.isatty()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(sys.stderr, "encoding", "utf-8")


def _console(file: io.StringIO | None = None) -> Console:
    """Of standard error, or of a text; names are shown as they are."""
    from rich.console import Console

    console = Console(file=file or _StandardError(), markup=False, emoji=False)
    console.width = max(console.width, _LEAST) if console.is_terminal else _WIDTH
    return console


def _cells(row: ReportRow, columns: Sequence[str]) -> tuple[str, ...]:
    """The name and the figures of these columns."""
    estimate = row.estimate
    tokens = "" if row.tokens is None else f"{row.tokens:,.0f}"
    ended = ("" if share is None else percent(share) for share in (row.cut_off, row.no_answer))
    found = percent(estimate.value), interval(estimate.low, estimate.high), f"{estimate.n:,}"
    cells = row.name, *found, tokens, *ended
    return cells[: len(columns) + 1]


def _plus_minus(estimate: Estimate) -> str:
    """In percent, with half of the interval."""
    if math.isnan(estimate.low):
        return percent(estimate.value)
    half = (estimate.high - estimate.low) / 2
    return f"{percent(estimate.value)} ±{percent(half)}"
