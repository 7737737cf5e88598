"""Results of `eval` read back, for a run whose solutions are gone."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec

from sormctl.errors import UsageError
from sormctl.evaluation.metrics import Estimate
from sormctl.evaluation.rows import About, ReportRow


class _Row(msgspec.Struct):
    about: About
    value: float | None
    n: int
    low: float | None = None
    high: float | None = None
    tokens: float | None = None
    cut_off: float | None = None
    no_answer: float | None = None
    by: str | None = None


class _Results(msgspec.Struct):
    rows: list[_Row]


def read_results(path: Path) -> list[ReportRow]:
    """The rows of a file that `eval -o FILE.json` made; UsageError for any other, and with --by."""
    try:
        rows = msgspec.json.decode(path.read_bytes(), type=_Results).rows
    except (OSError, msgspec.MsgspecError) as error:
        raise UsageError(f"{path} has no results of eval: {error}") from None
    if any(row.by is not None for row in rows):
        raise UsageError(f"{path} has several runs (--by); give the solutions of one")
    return [_report_row(row) for row in rows]


def _report_row(row: _Row) -> ReportRow:
    values: list[Any] = [math.nan if x is None else x for x in (row.value, row.low, row.high)]
    estimate = Estimate(values[0], row.n, *values[1:])
    return ReportRow(row.about, estimate, row.tokens, row.cut_off, row.no_answer)
