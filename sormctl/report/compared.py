"""Two runs beside each other: for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from msgspec import to_builtins

from sormctl.errors import one_line
from sormctl.evaluation.comparing import Comparison
from sormctl.report.formats import Format, as_columns, as_csv, as_markdown

SIGNIFICANT = 0.05
_HEADINGS = ("row", "old", "new", "difference", "n", "won", "lost", "p", "tokens")


def comparison_as(form: Format, rows: Sequence[Comparison]) -> str:
    """The rows in a form; as `json` one object a line."""
    if form is Format.json:
        return "".join(orjson.dumps(to_builtins(row)).decode() + "\n" for row in rows)
    if form is Format.csv:
        names = [name for name in Comparison.__struct_fields__ if name != "by_seed"]
        return as_csv(names, ([getattr(row, name) for name in names] for row in rows))
    lines = [_HEADINGS, *([*map(one_line, _cells(row))] for row in rows)]
    return as_markdown(lines) if form is Format.md else as_columns(lines)


def verdict(row: Comparison, least: float) -> tuple[str, bool]:
    """What is found of the decisive row, and whether it has gained more than `least`.

    A gain above 0 must be told by McNemar's test, too: of few problems the interval knows little.
    """
    has_passed = row.low > least and (least != 0 or row.p is None or row.p < SIGNIFICANT)
    wanted = "better"
    if least:
        wanted = f"{'better by more' if least > 0 else 'worse by less'} than {abs(100 * least):g}%"
    said = wanted if has_passed else f"not shown to be {wanted}"
    return f"{row.row}: {_gain(row)} on {row.n:,} problems: {said}", has_passed


def _cells(row: Comparison) -> tuple[str, ...]:
    return (
        row.row,
        f"{row.old:.1%}",
        f"{row.new:.1%}",
        _gain(row),
        f"{row.n:,}",
        f"{row.won:,}",
        f"{row.lost:,}",
        "" if row.p is None else f"{row.p:.2g}",
        f"{row.old_tokens:,.0f} → {row.new_tokens:,.0f}",
    )


def _gain(row: Comparison) -> str:
    low, high = 100 * row.low, 100 * row.high
    return f"{100 * row.difference:+.1f} ({low:.1f} to {high:.1f})"
