"""`sormctl compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sormctl import options
from sormctl.errors import DataError, SormctlError, UsageError, tell_user
from sormctl.report.formats import Format
from sormctl.reranking import known_aggregations
from sormctl.streams.jsonl import RecordReader
from sormctl.test_time import solutions_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sormctl.evaluation.comparing import Run


def compare(
    *,
    old: Annotated[
        str,
        typer.Argument(
            help="Solutions of the old run, or the folder of its eval --bench; of several seeds "
            "FILE,FILE,…",
            metavar="OLD",
        ),
    ],
    new: Annotated[
        str, typer.Argument(help="Solutions of the new run; as many seeds.", metavar="NEW")
    ],
    row: Annotated[
        str | None,
        typer.Option(
            help="Row of the report that decides; by default the answer that is given.",
            metavar="NAME",
        ),
    ] = None,
    old_row: Annotated[
        str | None, typer.Option(help="Row of the old run, if it is another.", metavar="NAME")
    ] = None,
    common: Annotated[
        bool, typer.Option("--common", help="Leave out problems that only one of them has.")
    ] = False,
    min_gain: Annotated[
        float | None,
        typer.Option(
            min=-100,
            max=100,
            help="Exit with 1 unless the new run is better by more than this: per cent of the "
            "problems, by the low end of the interval; 0 by default.",
        ),
    ] = None,
    no_worse_than: Annotated[
        float | None,
        typer.Option(min=0, help="Only guard: exit with 1 if it may be worse by this or more."),
    ] = None,
    aggregation: options.Aggregations = ["final"],  # noqa: B006 (Typer copies it)
    form: Annotated[Format, typer.Option("--format", help="Of standard output.")] = Format.table,
) -> None:
    """Say whether a new run is better than an old one on the same problems.

    Every row that both have, paired: the difference with its 95 % interval, problems won and lost,
    McNemar's test, tokens. Exit code 0 if the row that decides has gained, else 1.

    Example: sormctl compare yesterday.jsonl today.jsonl --min-gain 0.5
    """
    from sormctl.evaluation.comparing import RowPair, answers_given, ask_for_rows, compare_runs
    from sormctl.report.compared import comparison_as, verdict
    from sormctl.report.table import print_left_out

    known_aggregations(aggregation)
    if old_row and not row:
        raise UsageError("--old-row goes with --row, the row of the new run")
    if min_gain is not None and no_worse_than is not None:
        raise UsageError("give --min-gain or --no-worse-than, not both")
    before, after = ([_run(name, aggregation) for name in _files(side)] for side in (old, new))
    for side, runs in (("old", before), ("new", after)):
        if not all(run.rows for run in runs):
            raise DataError(f"the {side} run has no solution that is known to be right or wrong")
    decisive = RowPair(old_row or row, row) if row else answers_given(before, after)
    if decisive is None:
        raise UsageError(f"which answer decides? give {ask_for_rows(before[0], after[0])}")
    first, *others = compare_runs(before, after, decisive, only_common=common)
    typer.echo(comparison_as(form, [first, *others]), nl=False)
    print_left_out(sum(run.unknown for run in (*before, *after)))
    least = min_gain or 0.0 if no_worse_than is None else -no_worse_than
    text, has_passed = verdict(first, least / 100)
    if not has_passed:
        raise SormctlError(text)
    tell_user(f"compare: {text}")


def _files(side: str) -> Sequence[str]:
    return [side] if Path(side).exists() else side.split(",")


def _run(name: str, aggregations: Sequence[str]) -> Run:
    from sormctl.evaluation.comparing import Run

    return Run(RecordReader([solutions_of(name)]).groups(), aggregations)
