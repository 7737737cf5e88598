"""Reward models on a benchmark of labelled steps, side by side: for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sormctl.evaluation.metrics import Estimate
from sormctl.evaluation.step_benchmarks import StepDifference, StepRow, row_json
from sormctl.records import encode
from sormctl.report.formats import Format, as_columns, as_csv, as_markdown, gain, interval, percent

_COLUMNS = ("model", "first", "second", "split", "chosen", "threshold", "value", "low", "high", "n")


def step_results_as(form: Format, rows: Sequence[StepRow | StepDifference]) -> str:
    """The rows in a form; as `json` one object."""
    if form is Format.json:
        return encode({"rows": [row_json(row) for row in rows]}).decode()
    if form is Format.csv:
        data = [row_json(row) for row in rows]
        return as_csv(_COLUMNS, ([row.get(name) for name in _COLUMNS] for row in data))
    shown = as_markdown if form is Format.md else as_columns
    judged = [row for row in rows if isinstance(row, StepRow)]
    apart = [row for row in rows if isinstance(row, StepDifference)]
    names = [*judged[0].figures] if judged else []
    heading = ("model", "split", "T", *names, "95 %", "n")
    tables = [shown([heading, *map(_figures, judged)])] if judged else []
    if apart:
        tables.append(shown([("difference", "split", "T", "", "95 %", "n"), *map(_apart, apart)]))
    return "\n".join(tables)


def _figures(row: StepRow) -> tuple[str, ...]:
    figures = map(percent, row.figures.values())
    return row.model, row.split, _threshold(row), *figures, *_interval(row.main)


def _apart(row: StepDifference) -> tuple[str, ...]:
    threshold = "best" if row.chosen else "fixed"
    name = f"{row.first} - {row.second}"
    return name, row.split, threshold, gain(row.main.value), *_interval(row.main)


def _threshold(row: StepRow) -> str:
    return f"best {row.threshold:.3g}" if row.chosen else f"{row.threshold:g}"


def _interval(estimate: Estimate) -> Iterator[str]:
    yield interval(estimate.low, estimate.high)
    yield f"{estimate.n:,}"
