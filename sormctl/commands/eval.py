"""`sormctl eval`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from sormctl import options
from sormctl.asking import AskingSettings
from sormctl.engines.running import Running, SamplingSettings
from sormctl.errors import SormctlError, UsageError
from sormctl.evaluation.evaluation import Evaluation, problem_part
from sormctl.evaluation.rows import ReportRow
from sormctl.evaluation.steps import THRESHOLD
from sormctl.problems import read_problems
from sormctl.records import Json, Solution
from sormctl.report.table import print_cut_off, print_rows, print_stages, print_unknown
from sormctl.reranking import AGGREGATIONS
from sormctl.streams.driver import pipe_groups, write_records
from sormctl.streams.grouping import group_solutions
from sormctl.streams.jobs import side_file
from sormctl.streams.manifest import stage_costs
from sormctl.test_time import Models, TestTime


@dataclass(frozen=True)
class Bench:
    """The whole test-time path on a benchmark, in the place of solutions that are read."""

    bench: Annotated[
        str | None,
        typer.Option(
            help="Run the whole test-time path on this benchmark (or your own file, with --answer) "
            "instead of reading solutions."
        ),
    ] = None
    split: Annotated[str | None, typer.Option(help="Split of the benchmark; test by default.")] = (
        None
    )
    limit: Annotated[
        int | None, typer.Option("-n", "--limit", min=1, help="Problems of the benchmark.")
    ] = None
    data_dir: options.DataDir = None
    answer: options.Answer = None
    student: Annotated[str | None, typer.Option(help="Drafts.", metavar="M")] = None
    orm: Annotated[str | None, typer.Option(help="Chooses among solutions.", metavar="M")] = None
    sorm: Annotated[str | None, typer.Option(help="Locates first errors.", metavar="M")] = None
    global_: Annotated[
        str | None, typer.Option("--global", help="Global refiner.", metavar="M")
    ] = None
    local: Annotated[
        str | None, typer.Option("--local", help="Local refiner; needs --sorm.", metavar="M")
    ] = None
    best_of: Annotated[
        int, typer.Option(min=0, help="Samples for the best-of-n baseline; 0 leaves it out.")
    ] = 3
    threshold: options.Threshold = THRESHOLD


@dataclass(frozen=True)
class Gate:
    """What a script asks of the result."""

    min_accuracy: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Exit with 1 if the row --gate is below this (0 to 1)."),
    ] = None
    gate: Annotated[
        str | None, typer.Option(help="Row that --min-accuracy looks at; the first by default.")
    ] = None


def eval(
    *,
    aggregation: Annotated[
        list[str],
        typer.Option("--agg", help=f"Repeatable: {', '.join(AGGREGATIONS)}."),
    ] = ["final"],  # noqa: B006 (Typer copies it)
    stages: Annotated[
        Path | None,
        typer.Option(
            help="Add what the stages cost, from the manifests in this folder.", metavar="DIR"
        ),
    ] = None,
    outcomes: Annotated[
        Path | None,
        typer.Option(
            help="Write each problem's part of the rows here: what a paired bootstrap needs.",
            metavar="FILE",
        ),
    ] = None,
    bench: Bench,
    gate: Gate,
    sampling: options.SamplingOptions,
    asking: options.AskingOptions,
    running: options.RunningOptions,
    streams: options.Streams,
) -> None:
    """Say what can be said of solutions: a table on standard error, its rows as JSON.

    Drafts, samples and refinements of a problem may stand together: each way of answering gets its
    accuracy, interval and tokens, and choices are compared with drafts and best of n, paired.
    Scores add reranking, labels step accuracy. The rows go to standard output unless that is a
    terminal.

    Example: cat drafts.jsonl global.jsonl local.jsonl | sormctl score --rm orm/ | sormctl eval
    """
    if unknown := [name for name in aggregation if name not in AGGREGATIONS]:
        raise UsageError(f"--agg {unknown[0]}: must be one of {', '.join(AGGREGATIONS)}")
    if bench.bench and streams.inputs:
        raise UsageError("--bench makes its own solutions; give it no files")
    if bench.student and not bench.bench:
        raise UsageError("--student goes with --bench; to read solutions, give files alone")
    evaluation = Evaluation(aggregation)
    rows: list[ReportRow] = []
    costs = stage_costs(stages) if stages else []
    said = asking.settings()
    path = {**vars(bench), **vars(sampling), **said.identity(), **running.identity()}
    job = streams.job("eval", {"agg": aggregation, **(path if bench.bench else {})})

    def report(groups: Iterable[list[Solution]]) -> Iterator[Json]:
        with side_file(job, outcomes) as write:
            for group in groups:
                evaluation.add(group)
                if outcomes is not None:
                    write(problem_part(group, aggregation))
        rows.extend(evaluation.rows())
        if streams.output is not None or not sys.stdout.isatty():
            found = [row.json() for row in rows]
            yield {"rows": found, "stages": costs, "unknown": evaluation.unknown}

    if bench.bench is None:
        pipe_groups(job, report)
    else:
        solved = _solve(bench.bench, bench, sampling, said, running, streams.quiet)
        files = [bench.bench] if Path(bench.bench).is_file() else ()
        write_records(job, report(group_solutions(solved)), files)
    print_rows(rows)
    print_cut_off(rows)
    print_unknown(evaluation.unknown)
    print_stages(costs)
    _check_gate(rows, gate.gate, gate.min_accuracy)


def _solve(
    name: str,
    bench: Bench,
    sampling: SamplingSettings,
    said: AskingSettings,
    running: Running,
    quiet: bool,
) -> list[Solution]:
    if bench.student is None:
        raise UsageError("--bench needs --student, the model that drafts")
    if bench.local is not None and bench.sorm is None:
        raise UsageError("--local needs --sorm, which shows it the first error")
    problems = read_problems(
        name,
        bench.split,
        data_dir=bench.data_dir,
        answer=bench.answer,
        seed=sampling.seed,
        limit=bench.limit,
    )
    models = Models(bench.student, bench.orm, bench.sorm, bench.global_, bench.local)

    def announce(message: str) -> None:
        if not quiet:
            typer.echo(f"eval: {message}", err=True)

    path = TestTime(said, running, sampling, bench.threshold, bench.best_of, announce)
    return asyncio.run(path.solve(list(problems), models))


def _check_gate(rows: list[ReportRow], name: str | None, least: float | None) -> None:
    if least is None:
        return
    found = [r for r in rows if r.section == "accuracy" and name in (None, r.name)]
    if not found:
        raise UsageError(f"--gate {name}: no such row" if name else "nothing to gate: no solutions")
    value = found[0].estimate.value
    if value < least:
        raise SormctlError(f"{found[0].name} is {value:.4f}, below --min-accuracy {least}")
