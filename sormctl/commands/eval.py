"""`sormctl eval`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, ClassVar

import typer
from msgspec import Raw

from sormctl import options
from sormctl.adapters.registry import load_adapter
from sormctl.asking import AskingSettings
from sormctl.errors import IncompleteError, RecordError, UsageError
from sormctl.evaluation.apart import Evaluations, OneRun
from sormctl.evaluation.evaluation import problem_part
from sormctl.evaluation.gates import check_gate
from sormctl.evaluation.steps import STEP_BENCHES
from sormctl.option_groups import among
from sormctl.problems import input_files, read_problems
from sormctl.records import Json, Problem, Solution, parse_record
from sormctl.report.evaluated import evaluation_as
from sormctl.report.formats import Format
from sormctl.report.important import MOST_LINES
from sormctl.report.table import (
    print_cut_off,
    print_report,
    print_stages,
    print_unknown,
)
from sormctl.reranking import AGGREGATIONS, known_aggregations
from sormctl.streams.driver import pipe_groups, pipe_records
from sormctl.streams.job_outputs import Job, side_file
from sormctl.streams.jsonl import accept
from sormctl.streams.manifest import stage_costs
from sormctl.streams.output import is_device, replace_file
from sormctl.tasks.registry import task_names
from sormctl.test_time import Models, TestTime, solutions_of


@dataclass(frozen=True)
class Bench:
    """The whole test-time path on a benchmark, in the place of solutions that are read."""

    TITLE: ClassVar[str] = "Test time on a benchmark"

    bench: Annotated[
        str | None,
        typer.Option(
            help="Run the whole test-time path on this benchmark (or your own data, with --answer) "
            "instead of reading solutions. processbench and prmbench read scored solutions, and "
            "report as these benchmarks do.",
            autocompletion=among(lambda: [*task_names(), *STEP_BENCHES]),
        ),
    ] = None
    split: Annotated[str | None, typer.Option(help="Split of the benchmark; test by default.")] = (
        None
    )
    limit: Annotated[
        int | None, typer.Option("-n", "--limit", min=1, help="Problems of the benchmark.")
    ] = None
    data_dir: options.DataDir = None
    student: Annotated[str | None, typer.Option(help="Drafts.", metavar="M")] = None
    orm: Annotated[str | None, typer.Option(help="Chooses among solutions.", metavar="M")] = None
    sorm: Annotated[str | None, typer.Option(help="Locates first errors.", metavar="M")] = None
    orm_adapter: Annotated[
        str | None,
        typer.Option(help="How --orm is read; see score --rm-adapter.", metavar="NAME|FILE"),
    ] = None
    sorm_adapter: Annotated[
        str | None, typer.Option(help="How --sorm is read.", metavar="NAME|FILE")
    ] = None
    global_: Annotated[
        str | None, typer.Option("--global", help="Global refiner.", metavar="M")
    ] = None
    local: Annotated[
        str | None, typer.Option("--local", help="Local refiner; needs --sorm.", metavar="M")
    ] = None
    samples: Annotated[
        int,
        typer.Option(
            "--samples",
            "--best-of",
            min=0,
            help="Samples a problem for votes and the best of n; 0 leaves them out.",
        ),
    ] = 3
    threshold: options.Threshold = None

    def slots(self, said: AskingSettings) -> Models:
        """The models by what they are for; UsageError or ModelError where they do not fit."""
        if self.student is None:
            raise UsageError(
                "--bench needs --student, the model that drafts; type it, or write it under [eval] "
                "in sormctl.toml"
            )
        if self.local is not None and self.sorm is None:
            raise UsageError("--local needs --sorm, which shows it the first error")
        adapters = load_adapter(self.orm_adapter), load_adapter(self.sorm_adapter)
        models = Models(self.student, self.orm, self.sorm, self.global_, self.local, *adapters)
        models.check(said)
        return models

    @property
    def models(self) -> list[str]:
        """The slots that are given a model, by the names of their options."""
        names = ("student", "orm", "sorm", "global_", "local")
        return [name.rstrip("_") for name in names if getattr(self, name)]


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
            "--all", help=f"All lines of the table, in place of the {MOST_LINES} that matter most."
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
    aggregation: Annotated[
        list[str],
        typer.Option(
            "--agg",
            help=f"Repeatable: {', '.join(AGGREGATIONS)}.",
            autocompletion=among(lambda: AGGREGATIONS),
        ),
    ] = ["final"],  # noqa: B006 (Typer copies it)
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
    sampling: options.SamplingOptions,
    asking: options.AskingOptions,
    running: options.RunningOptions,
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
        _judge_steps(bench, streams, shown.form)
        return
    _check_options(aggregation, bench, streams)
    kept = _kept(bench, streams.output)
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
            said = asking.settings()
            models = bench.slots(said)
            asked = {**vars(bench), **vars(fields), **vars(sampling), **said.identity()}
            asked |= {**running.identity(), **models.identity()}
            stage = replace(job, arguments=asked, resume=resume, skip_failed=skip_failed)
            stage = replace(stage, overwrite=job.overwrite or kept is None)
            path = TestTime(
                models, said, running, sampling, bench.threshold, bench.samples, folder, stage
            )
            solved = path.solve(_problems(bench, fields, sampling.seed), input_files(bench.bench))
            incomplete = path.incomplete
            job = replace(job, arguments={**job.arguments, **asked}, inputs=[str(solved)])
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
    print_unknown(found.unknown)
    print_stages(costs)
    if incomplete:
        raise IncompleteError("; ".join(incomplete))
    if gate.min_accuracy is not None:
        check_gate(found, gate.gate, gate.min_accuracy)


def _judge_steps(bench: Bench, streams: options.Streams, form: Format | None) -> None:
    """Reports the scores of solutions whose steps are labelled, as their benchmark does."""
    from sormctl.evaluation.step_benchmarks import (
        STEP_BENCHMARKS,
        StepDifference,
        StepResults,
        StepRow,
    )
    from sormctl.report.judged_steps import step_results_as

    if bench.models:
        raise UsageError(
            f"--bench {bench.bench} reads scored solutions; give it no --{bench.models[0]}, but "
            f"sormctl import {bench.bench} FILE | sormctl score --rm MODEL"
        )
    name = str(bench.bench)
    rows: list[StepRow | StepDifference] = []

    def report(solutions: Iterable[Solution]) -> Iterator[Raw]:
        results = StepResults(STEP_BENCHMARKS[name])
        for solution in solutions:
            results.add(solution)
        rows.extend(results.rows())
        yield Raw(step_results_as(form or Format.json, rows).rstrip("\n").encode())

    job, is_shown = _written(streams.job("eval", {"bench": name}), None)
    pipe_records(job, partial(_scored, bench=name), report)
    if form is None or is_shown:
        typer.echo(step_results_as(form or Format.table, rows), err=form is None, nl=False)


def _scored(row: Json, bench: str) -> Solution:
    """A solution with scores; RecordError for a row as the benchmark publishes it."""
    if "solution_id" not in row:
        raise RecordError(
            f"no solution; if it is a row of {bench}, sormctl import {bench} FILE | sormctl score "
            "--rm MODEL makes it one with scores"
        )
    return parse_record(row, Solution)


def _check_options(aggregation: Sequence[str], bench: Bench, streams: options.Streams) -> None:
    known_aggregations(aggregation)
    if bench.bench and streams.inputs:
        raise UsageError("--bench makes its own solutions; give it no files")
    if bench.models and not bench.bench:
        raise UsageError(
            f"--{bench.models[0]} goes with --bench; to read solutions, give files alone"
        )


def _kept(bench: Bench, output: Path | None) -> Path | None:
    """The folder in which the stages of a benchmark are kept; the rows alone go to a `.json`."""
    if not bench.bench or output is None or str(output) == "-" or is_device(output):
        return None
    return None if output.suffix == ".json" else output


def _written(job: Job, kept: Path | None) -> tuple[Job, bool]:
    """What the job writes, and whether standard output is left to show the result afterwards.

    So it is where the stages are kept, and on a terminal, which the progress has to itself.
    """
    if kept:
        return replace(job, output=kept / "rows.json", overwrite=True), True
    if (job.output is None or str(job.output) == "-") and sys.stdout.isatty():
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


def _problems(bench: Bench, fields: options.RowOptions, seed: int) -> Iterator[Problem]:
    return read_problems(
        str(bench.bench),
        bench.split,
        data_dir=bench.data_dir,
        answer=fields.answer,
        fields=fields,
        seed=seed,
        limit=bench.limit,
    )
