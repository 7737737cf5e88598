"""`sormctl eval`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from sormctl import options
from sormctl.errors import SormctlError, UsageError
from sormctl.evaluation import Evaluation, Row
from sormctl.records import Json, Solution, parse_solution
from sormctl.report.table import print_rows, print_stages
from sormctl.reranking import AGGREGATIONS
from sormctl.streams.driver import Job, pipe_records, write_records
from sormctl.streams.grouping import group_solutions
from sormctl.streams.manifest import stage_costs
from sormctl.streams.rows import read_problems
from sormctl.test_time import Models, TestTime


def eval(
    inputs: options.Inputs = None,
    bench: Annotated[
        str | None,
        typer.Option(
            help="Run the whole test-time path on this benchmark (or your own file, with --answer) "
            "instead of reading solutions."
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="Split of the benchmark.")] = "test",
    limit: Annotated[
        int | None, typer.Option("-n", "--limit", min=1, help="Problems of the benchmark.")
    ] = None,
    data_dir: options.DataDir = None,
    answer: options.Answer = None,
    student: Annotated[str | None, typer.Option(help="Drafts.", metavar="M")] = None,
    orm: Annotated[str | None, typer.Option(help="Chooses among solutions.", metavar="M")] = None,
    sorm: Annotated[str | None, typer.Option(help="Locates first errors.", metavar="M")] = None,
    global_: Annotated[
        str | None, typer.Option("--global", help="Global refiner.", metavar="M")
    ] = None,
    local: Annotated[
        str | None, typer.Option("--local", help="Local refiner; needs --sorm.", metavar="M")
    ] = None,
    best_of: Annotated[
        int, typer.Option(min=0, help="Samples for the best-of-n baseline; 0 leaves it out.")
    ] = 3,
    threshold: Annotated[
        float, typer.Option("-T", "--threshold", help="A step that scores below it is wrong.")
    ] = 0.5,
    temperature: options.Temperature = 0.7,
    top_p: options.TopP = 1.0,
    max_tokens: options.MaxTokens = 300,
    seed: options.Seed = 0,
    prompt: options.PromptStyle = "auto",
    engine: options.EngineName = "hf",
    engine_arg: options.EngineArg = None,
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
    min_accuracy: Annotated[
        float | None, typer.Option(help="Exit with 1 if the row --gate is below this.")
    ] = None,
    gate: Annotated[
        str | None, typer.Option(help="Row that --min-accuracy looks at; the first by default.")
    ] = None,
    output: options.Output = None,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
    log_format: options.LogFormat = "text",
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
    evaluation = Evaluation(aggregation)
    rows: list[Row] = []
    costs = stage_costs(stages) if stages else []
    job = Job(
        "eval",
        {"bench": bench, "agg": aggregation},
        inputs or (),
        output,
        overwrite=overwrite,
        quiet=quiet,
        log_format=log_format,
    )

    def report(solutions: Iterable[Solution]) -> Iterator[Json]:
        for group in group_solutions(solutions):
            evaluation.add(group)
        rows.extend(evaluation.rows())
        if output is not None or not sys.stdout.isatty():
            yield {"rows": [row.json() for row in rows], "stages": costs}

    if bench is None:
        pipe_records(job, parse_solution, report)
    else:
        if student is None:
            raise UsageError("--bench needs --student, the model that drafts")
        problems = read_problems(
            bench, split, data_dir=data_dir, answer=answer, seed=seed, limit=limit
        )
        path = TestTime(
            engine,
            engine_arg or (),
            prompt,
            {"seed": seed, "top_p": top_p, "max_tokens": max_tokens},
            threshold,
            best_of,
            temperature,
            announce=lambda message: None if quiet else typer.echo(message, err=True),
        )
        models = Models(student, orm, sorm, global_, local)
        solutions = asyncio.run(path.solve(list(problems), models))
        write_records(job, report(solutions))
    print_rows(rows)
    print_stages(costs)
    _check_gate(rows, gate, min_accuracy)


def _check_gate(rows: list[Row], name: str | None, least: float | None) -> None:
    if least is None:
        return
    found = [r for r in rows if r.section == "accuracy" and name in (None, r.name)]
    if not found:
        raise UsageError(f"--gate {name}: no such row" if name else "nothing to gate: no solutions")
    value = found[0].estimate.value
    if value < least:
        raise SormctlError(f"{found[0].name} is {value:.4f}, below --min-accuracy {least}")
