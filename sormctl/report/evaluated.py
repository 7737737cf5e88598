"""The result of an evaluation as text, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence

from sormctl.evaluation.apart import Evaluations
from sormctl.records import Json, encode
from sormctl.report.formats import Format, as_csv
from sormctl.report.table import report_markdown, report_text

_COLUMNS = ("section", "name", "value", "low", "high", "n", "tokens", "cut_off", "no_answer")


def evaluation_as(
    form: Format, found: Evaluations, costs: Sequence[Json], *, everything: bool = False
) -> str:
    """The report in a form: all of it for programs, for people what matters most or `everything`.

    As `json` it is one object, with the `costs` of the stages and the number of solutions that are
    not known to be right or wrong.
    """
    if form is Format.json:
        rows = list(found.rows_json())
        return encode({"rows": rows, "stages": costs, "unknown": found.unknown}).decode()
    if form is Format.csv:
        columns = (*_COLUMNS, "by")
        return as_csv(columns, ([row.get(x) for x in columns] for row in found.rows_json()))
    shown = report_markdown if form is Format.md else report_text
    return shown(found.rows, everything=everything)
