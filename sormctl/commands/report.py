"""`sormctl report`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sormctl import __version__, options
from sormctl.errors import UsageError, tell_user
from sormctl.evaluation.rows import Way
from sormctl.evaluation.ways import ask_for_answer
from sormctl.report.filters import FILTERS
from sormctl.report.page.document import as_document
from sormctl.report.page.found import find_files
from sormctl.report.page.shown_run import RunRead, read_run, run_shown
from sormctl.reranking import known_aggregations
from sormctl.streams.job_outputs import opened_output
from sormctl.streams.progress import counted
from sormctl.thresholds import THRESHOLD

if TYPE_CHECKING:
    from sormctl.records import Json

MAX_BYTES = 5_000_000  # of a page that shows as many samples as fit
MAX_SAMPLES = 8


def report(
    inputs: Annotated[
        list[str],
        typer.Argument(
            help="Folder of a run, or its files. Of two folders the first is the old run, the "
            "second the new one.",
            metavar="FILES|DIR",
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The page.")] = Path("report.html"),
    against: Annotated[
        list[str] | None,
        typer.Option(help="The old run: its folder, or a file; repeatable.", metavar="OLD"),
    ] = None,
    row: Annotated[
        str | None,
        typer.Option(
            help="Row of `eval` whose answer is given; by default the solutions say it.",
            metavar="NAME",
        ),
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Samples of each problem that are shown; all of them vote. By default 8, or fewer "
            "if the page would pass 5 MB.",
        ),
    ] = None,
    aggregation: options.Aggregations = ["final"],  # noqa: B006 (Typer copies it)
    overwrite: options.Overwrite = False,
) -> None:
    """Make one page of a run, to look at in a browser: figures, charts, every problem.

    It is made of what is there: solutions with their scores and labels, manifests, and the curves
    of the models that were trained. In a folder the files count that `eval` has read there; before
    there was an `eval`, all solutions of the problems that have a draft. The page is one file and
    loads nothing. With two runs it also shows what has changed between them.

    Example: sormctl report runs/demo -o report.html
    """
    known_aggregations(aggregation)
    opened = opened_output(output, overwrite)
    olds, news = _sides(inputs, against or [])
    runs = [read_run(find_files(side), aggregation, row) for side in (olds, news) if side]
    for run in runs:
        if not (run.groups or run.rows):
            raise UsageError(f"no solutions in {run.files.name}; there is nothing to look at")
    page, shown = _page(runs, _comparison(runs, aggregation, row), samples)
    with opened as sink:
        sink.write(page)
    tell_user(f"wrote {output}: {_counted(runs[-1])}, {len(page) / 1e6:.1f} MB")
    if runs[-1].given is None and len(runs[-1].rows) > 1:
        ways = [row.about for row in runs[-1].rows if isinstance(row.about, Way)]
        tell_user(f"which answer is given? say {ask_for_answer('--row', ways)}")
    if samples is None and shown < MAX_SAMPLES:
        tell_user(f"{shown} samples of each problem are shown; --samples asks for more")


def _page(
    runs: Sequence[RunRead], comparison: Json | None, samples: int | None
) -> tuple[bytes, int]:
    """The page, and the samples of each problem on it: as many as asked for, or as fit."""
    asked = [samples] if samples is not None else [MAX_SAMPLES, 4, 2, 1, 0]
    page = b""
    for count in asked:
        data = {
            "version": __version__,
            "threshold": THRESHOLD,
            "filters": FILTERS,
            "runs": [run_shown(run, count) for run in runs],
            "comparison": comparison,
        }
        page = as_document(data).encode()
        if len(page) <= MAX_BYTES:
            break
    return page, count


def _sides(inputs: Sequence[str], against: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """The names of the old run, if there is one, and of the new one."""
    if not against and len(inputs) == 2 and all(Path(name).is_dir() for name in inputs):
        return inputs[:1], inputs[1:]
    return against, inputs


def _comparison(
    runs: Sequence[RunRead], aggregations: Sequence[str], row: str | None
) -> Json | None:
    """What `compare` says of the problems that both runs have; None where one has no solutions."""
    if len(runs) < 2 or not all(run.groups for run in runs):
        return None
    from msgspec import to_builtins

    from sormctl.evaluation.comparing import RowPair, Run, answers_given, compare_runs
    from sormctl.report.compared import verdict

    old, new = ([Run(run.groups, aggregations)] for run in runs)
    decisive = RowPair(row, row) if row else answers_given(old, new)
    rows = list(compare_runs(old, new, decisive, only_common=True))
    found: dict[str, Any] = {"rows": to_builtins(rows)}
    return {**found, "verdict": verdict(rows[0], 0.0)[0] if decisive else None}


def _counted(run: RunRead) -> str:
    solutions = counted(sum(map(len, run.groups)), "solution")
    return f"{counted(len(run.groups), 'problem')}, {solutions}"
