"""What is kept apart: solutions of several models are no one run, unless the user says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from sormctl.errors import RecordError
from sormctl.evaluation.evaluation import Evaluation
from sormctl.evaluation.rows import Kind, ReportRow
from sormctl.evaluation.ways import kind_of
from sormctl.missing import no_such
from sormctl.records import Json, Solution, to_json

ALL = ""  # the value of no field: all solutions together


class OneRun:
    """Refuses solutions of one kind that another model made, or the same at other settings."""

    def __init__(self) -> None:
        self._made: dict[Kind, tuple[str, str]] = {}

    def check(self, solution: Solution) -> None:
        """RecordError for a solution that does not belong to those before it."""
        source, kind = solution.source, kind_of(solution)
        made = str(source.get("model")), str(source.get("temperature"))
        first = self._made.setdefault(kind, made)
        if made != first:
            one, other = (f"model {model} at temperature {t}" for model, t in (made, first))
            raise RecordError(
                f"a {kind} by {one}, after one by {other}; `eval --by source` reports them apart, "
                "and `sormctl compare` holds two runs against each other"
            )


class Evaluations:
    """One evaluation of all solutions; with a field, one of those of each value."""

    def __init__(self, aggregations: Sequence[str], field: str | None = None) -> None:
        self.aggregations = aggregations
        self._field = field
        self._found: dict[str, Evaluation] = {}

    @property
    def unknown(self) -> int:
        """Solutions that are neither known to be right nor wrong."""
        return sum(evaluation.unknown for evaluation in self._found.values())

    @property
    def repeated(self) -> int:
        """Solutions whose id had come before; they count once."""
        return sum(evaluation.repeated for evaluation in self._found.values())

    def add(self, group: Sequence[Solution]) -> None:
        """Takes all solutions of one problem."""
        parts: dict[str, list[Solution]] = {}
        for solution in group:
            parts.setdefault(_value(solution, self._field), []).append(solution)
        for value, part in parts.items():
            if value not in self._found:
                self._found[value] = Evaluation(self.aggregations)
            self._found[value].add(part)

    @cached_property
    def rows(self) -> dict[str, list[ReportRow]]:
        """The report of each value, once all problems are taken."""
        return {value: evaluation.rows() for value, evaluation in self._found.items()}

    @property
    def all_rows(self) -> list[ReportRow]:
        """The rows of all values."""
        return [row for listed in self.rows.values() for row in listed]

    def rows_json(self) -> Iterator[Json]:
        """The rows as JSON objects; with the value in `by` where there is a field."""
        for value, listed in self.rows.items():
            yield from ({**row.json(), **({"by": value} if value != ALL else {})} for row in listed)


def _value(solution: Solution, field: str | None) -> str:
    if field is None:
        return ALL
    if field == "source":
        return ", ".join(str(solution.source.get(name)) for name in ("model", "temperature"))
    value: Any = to_json(solution)
    for name in (f"source.{field}" if field == "model" else field).split("."):
        if not isinstance(value, dict) or name not in value:
            known = [*to_json(solution), *(f"source.{name}" for name in solution.source)]
            raise RecordError(no_such("field (--by)", field, known))
        value = value[name]
    return str(value)
