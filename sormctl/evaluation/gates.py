"""What a script asks of a result, and the error where it is not so."""

from __future__ import annotations

from sormctl.errors import SormctlError, UsageError
from sormctl.evaluation.apart import Evaluations
from sormctl.evaluation.rows import Way
from sormctl.evaluation.ways import answer_given, ask_for_answer
from sormctl.missing import no_such


def check_gate(found: Evaluations, name: str | None, least: float) -> None:
    """SormctlError if a row is below `least`, in any of the runs that are reported apart."""
    ways = {row.about: row for row in found.all_rows if isinstance(row.about, Way)}
    if not ways:
        why = "it is unknown of each solution whether it is correct; run `sormctl grade`"
        raise UsageError(f"nothing to gate: {why if found.unknown else 'no solutions'}")
    wanted = name or str(answer_given([*ways]) or "")
    gated = [row for row in found.all_rows if isinstance(row.about, Way) and row.name == wanted]
    if not gated:
        if name is None:
            asked = ask_for_answer("--gate", [*ways])
            raise UsageError(f"which answer must reach --min-accuracy? give {asked}")
        raise UsageError(no_such("row (--gate)", name, map(str, ways)))
    for row in gated:
        if row.estimate.value < least:
            value = f"{row.estimate.value:.4f}"
            raise SormctlError(f"{row.name} is {value}, below --min-accuracy {least}")
