"""What a script asks of a result, and the error where it is not so."""

from __future__ import annotations

from sormctl.errors import SormctlError, UsageError
from sormctl.evaluation.apart import Evaluations
from sormctl.evaluation.rows import Way
from sormctl.evaluation.ways import answer_given, ask_for_answer
from sormctl.missing import no_such


def check_gate(found: Evaluations, name: str | None, least: float) -> None:
    """SormctlError if a row is below `least`, in any of the runs that are reported apart.

    UsageError where a run has no such row; by default it is that of the answer given.
    """
    if not found.rows:
        raise UsageError("nothing to gate: no solutions")
    for run, rows in found.rows.items():
        where = f" of {run}" if run else ""
        ways = {way: row for row in rows if isinstance(way := row.about, Way)}
        if not ways:
            why = "it is unknown of each solution whether it is correct; run `sormctl grade`"
            raise UsageError(f"nothing to gate{where}: {why if found.unknown else 'no solutions'}")
        wanted = name or str(answer_given([*ways]) or "")
        if not wanted:
            asked = ask_for_answer("--gate", [*ways])
            raise UsageError(f"which answer{where} must reach --min-accuracy? give {asked}")
        value = next((row.estimate.value for row in ways.values() if row.name == wanted), None)
        if value is None:
            raise UsageError(no_such(f"row{where} (--gate)", wanted, map(str, ways)))
        if value < least:
            raise SormctlError(f"{wanted}{where} is {value:.4f}, below --min-accuracy {least}")
