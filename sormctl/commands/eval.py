"""`sormctl eval`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from msgspec import Raw

from sormctl import model_options, options
from sormctl.benching import Bench
from sormctl.errors import IncompleteError, RecordError, UsageError, show_user
from sormctl.evaluation.apart import Evaluations, OneRun
from sormctl.evaluation.evaluation import problem_part
from sormctl.evaluation.gates import check_gate
from sormctl.evaluation.steps import STEP_BENCHES
from sormctl.problems import Unreadable, input_files
from sormctl.records import Json, Solution, parse_record
from sormctl.report.evaluated import evaluation_as
from sormctl.report.formats import Format
from sormctl.report.important import MOST_LINES
from sormctl.report.table import (
    print_cut_off,
    print_left_out,
    print_report,
    print_stages,
)
from sormctl.reranking import known_aggregations
from sormctl.streams.driver import pipe_groups, pipe_records
from sormctl.streams.job_outputs import Job, side_file
from sormctl.streams.jsonl import accept
from sormctl.streams.manifest import stage_costs
from sormctl.streams.output import is_standard, replace_file
from sormctl.test_time import solutions_of


@dataclass(frozen=True)
class Shown:
    """How the result is written."""

    form: Annotated[
        Format | None,
        typer.Option(
            "--format",
            help="Of standard output, or of -o FILE; by default JSON, which is not shown on a "
            "terminal, and the table on standard error.",
        ),
    ] = None
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help=f"All lines of the table, instead of the {MOST_LINES} that matter most."
        ),
    ] = False


@dataclass(frozen=True)
class Gate:
    """What a script asks of the result."""

    min_accuracy: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Exit with 1 if the row --gate is below this (0 to 1)."),
    ] = None
    gate: Annotated[
        str | None,
        typer.Option(
            help="Row that --min-accuracy looks at; by default the answer that is given, such as "
            "the reranked one."
        ),
    ] = None


def eval(
    *,
    aggregation: options.Aggregations = ["final"],  # noqa: B006 (Typer copies it)
    by: Annotated[
        str | None,
        typer.Option(
            help="Report apart what differs in this: model, source (model and temperature), or a "
            "field such as source.seed.",
            metavar="FIELD",
        ),
    ] = None,
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
    shown: Shown,
    bench: Bench,
    fields: options.RowOptions,
    gate: Gate,
    sampling: model_options.SamplingOptions,
    asking: model_options.AskingOptions,
    running: model_options.RunningOptions,
    streams: options.Streams,
    resume: options.Resume = False,
    skip_failed: options.SkipFailed = False,
) -> None:
    """Say what can be said of solutions: a table on standard error, its rows as JSON.

    Drafts, samples and refinements of a problem may stand together: each way of answering gets its
    accuracy, interval and tokens, and choices are compared with drafts and best of n, paired.
    Scores add reranking, labels step accuracy. The rows go to standard output unless that is a
    terminal; --format writes them as you like. With --bench, `-o DIR` keeps what every stage made,
    and `eval DIR` reports it again.

    Example: cat drafts.jsonl global.jsonl local.jsonl | sormctl score --rm orm/ | sormctl eval
    """
    if bench.bench in STEP_BENCHES:
        of_answers = {"by": by, "stages": stages, "outcomes": outcomes}
        _judge_steps(bench, streams, shown.form, of_answers | asdict(gate))
        return
    _check_options(aggregation, bench, streams, gate)
    kept = bench.folder(streams.output)
    for name, is_given in (("--resume", resume), ("--skip-failed", skip_failed)):
        if is_given and not kept:
            raise UsageError(f"{name} goes with --bench and -o DIR, which keeps the stages")
    inputs = [*map(solutions_of, streams.inputs or ())]
    job = streams.job("eval", {"agg": aggregation, "by": by}, inputs=inputs)
    costs = stage_costs(stages) if stages else []
    found = Evaluations(aggregation, by)
    incomplete: Sequence[str] = ()
    with ExitStack() as stack:
        if bench.bench is not None:
            folder = kept or Path(stack.enter_context(TemporaryDirectory(prefix="sormctl-")))
            stage = replace(job, resume=resume, skip_failed=skip_failed)
            stage = replace(stage, overwrite=job.overwrite or kept is None)
            path = bench.test_time(asking.settings(), fields, sampling, running, folder, stage)
            unreadable = Unreadable(fields.skip_unreadable)
            problems = bench.problems(fields, sampling.seed, unreadable)
            solved = path.solve(problems, input_files([bench.bench]), unreadable.notes)
            incomplete = path.incomplete
            asked = {**job.arguments, **path.job.arguments}
            job = replace(job, arguments=asked, inputs=[str(solved)])
        job, is_shown = _written(job, kept)
        form = Format.json if kept else shown.form or Format.json
        text = partial(evaluation_as, found=found, costs=costs, everything=shown.everything)
        report = partial(_report, found=found, job=job, outcomes=outcomes, text=partial(text, form))
        pipe_groups(job, report, accept if by else OneRun().check)
    if kept:
        replace_file(kept / "table.txt", text(Format.table).encode())
    if shown.form is None:
        print_report(found.rows, everything=shown.everything)
    elif is_shown:
        typer.echo(text(shown.form), nl=False)
    print_cut_off(found.all_rows)
    print_left_out(found.unknown, found.repeated)
    print_stages(costs)
    if incomplete:
        raise IncompleteError("; ".join(incomplete))
    if gate.min_accuracy is not None:
        check_gate(found, gate.gate, gate.min_accuracy)


def _judge_steps(
    bench: Bench, streams: options.Streams, form: Format | None, of_answers: Mapping[str, object]
) -> None:
    """Reports the scores of solutions whose steps are labelled, as their benchmark does."""
    from sormctl.evaluation.step_benchmarks import (
        STEP_BENCHMARKS,
        StepDifference,
        StepResults,
        StepRow,
    )
    from sormctl.report.judged_steps import step_results_as

    name = str(bench.bench)
    typed = _typed(name, streams.inputs or ["FILE"])
    if bench.models:
        raise UsageError(
            f"--bench {name} reads scored solutions; give it no --{bench.models[0]}: {typed}"
        )
    for option in (option for option, value in of_answers.items() if value is not None):
        raise UsageError(f"--{option.replace('_', '-')} is not for --bench {name}")
    rows: list[StepRow | StepDifference] = []

    def report(solutions: Iterable[Solution]) -> Iterator[Raw]:
        results = StepResults(STEP_BENCHMARKS[name])
        for solution in solutions:
            results.add(solution)
        rows.extend(results.rows())
        yield Raw(step_results_as(form or Format.json, rows).rstrip("\n").encode())

    job, is_shown = _written(streams.job("eval", {"bench": name}), None)
    pipe_records(job, partial(_scored, typed=typed), report)
    if form is None:
        show_user(step_results_as(Format.table, rows))
    elif is_shown:
        typer.echo(step_results_as(form, rows), nl=False)


def _typed(bench: str, files: Sequence[Path | str]) -> str:
    """What to type where the rows of a benchmark are given as they are published."""
    given = " ".join(map(str, files))
    return (
        f"sormctl import {bench} {given} | sormctl score --rm MODEL | sormctl eval --bench {bench}"
    )


def _scored(row: Json, typed: str) -> Solution:
    """A solution with scores; RecordError for a row as the benchmark publishes it."""
    if "solution_id" not in row:
        raise RecordError(f"no solution with scores; of published rows: {typed}")
    return parse_record(row, Solution)


def _check_options(
    aggregation: Sequence[str], bench: Bench, streams: options.Streams, gate: Gate
) -> None:
    if gate.gate and gate.min_accuracy is None:
        raise UsageError("--gate goes with --min-accuracy, which its row must reach")
    known_aggregations(aggregation)
    if bench.bench and streams.inputs:
        raise UsageError("--bench makes its own solutions; give it no files")
    if bench.models and not bench.bench:
        raise UsageError(
            f"--{bench.models[0]} goes with --bench; to read solutions, give files alone"
        )


def _written(job: Job, kept: Path | None) -> tuple[Job, bool]:
    """What the job writes, and whether standard output is left to show the result afterwards.

    So it is where the stages are kept, and on a terminal, which the progress has to itself.
    """
    if kept:
        return replace(job, output=kept / "rows.json", overwrite=True), True
    if is_standard(job.output) and sys.stdout.isatty():
        return replace(job, output=Path(os.devnull)), True
    return job, False


def _report(
    groups: Iterable[list[Solution]],
    found: Evaluations,
    job: Job,
    outcomes: Path | None,
    text: Callable[[], str],
) -> Iterator[Raw]:
    """Takes the solutions, problem by problem, and gives the result as a whole."""
    with side_file(job, outcomes) as write:
        for group in groups:
            found.add(group)
            if outcomes is not None:
                write(problem_part(group, found.aggregations))
    yield Raw(text().rstrip("\n").encode())
