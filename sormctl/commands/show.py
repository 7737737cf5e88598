"""`sormctl show`."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import chain, islice
from shutil import get_terminal_size
from typing import Annotated

import typer

from sormctl import options
from sormctl.errors import UsageError, tell_user
from sormctl.evaluation.ways import distinct
from sormctl.missing import no_such
from sormctl.option_groups import among
from sormctl.records import Solution, problem_name
from sormctl.report.filters import FILTERS, filters_met, way_given
from sormctl.report.layout import StyledLine
from sormctl.report.pretty import AnyRecord, describe, parse_any
from sormctl.report.together import problem_lines
from sormctl.streams.driver import NO_RECORDS
from sormctl.streams.grouping import Line, group_solutions
from sormctl.streams.jsonl import RecordReader, read_records
from sormctl.test_time import solutions_of


class Colour(StrEnum):
    """When output is coloured."""

    auto = "auto"
    always = "always"
    never = "never"


def show(
    inputs: options.Inputs = None,
    limit: Annotated[
        int | None,
        typer.Option("-n", "--limit", min=1, help="Show the first so many records, or problems."),
    ] = None,
    problem: Annotated[
        list[str] | None,
        typer.Option(help="Only this problem; repeatable.", metavar="ID"),
    ] = None,
    wanted: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            help=f"Only problems that are one of: {', '.join(FILTERS)}. Repeatable: all must hold.",
            metavar="NAME",
            autocompletion=among(lambda: FILTERS),
        ),
    ] = None,
    together: Annotated[
        bool,
        typer.Option("--together", help="Show a problem with all its solutions; as with --filter."),
    ] = False,
    color: Annotated[
        Colour, typer.Option(help="By default where a terminal reads, unless NO_COLOR is set.")
    ] = Colour.auto,
) -> None:
    """Look at problems, solutions and pairs in the terminal.

    Steps are numbered, with their labels (+ or -) and scores; the first error is marked, and who
    sees it. With --problem, --filter or --together the draft stands beside its refinements, and
    what they have kept of it is faint. A folder of `eval --bench -o DIR` stands for its solutions.
    For all of a run, see `sormctl report`.

    Example: sormctl show --filter broken drafts.jsonl global.jsonl local.jsonl
    """
    if unknown := [name for name in wanted or () if name not in FILTERS]:
        raise UsageError(no_such("filter (--filter)", unknown[0], FILTERS))
    names = [*map(solutions_of, inputs or ())]
    width = get_terminal_size().columns if sys.stdout.isatty() else None
    if problem:
        shown = _of_problems(names, problem, wanted or (), width)
    elif wanted or together:
        groups = _passing(RecordReader(names).groups(), wanted or ())
        shown = (problem_lines(group, width) for group in groups)
    else:
        records: Iterator[AnyRecord] = read_records(names, parse_any)
        shown = (describe(record, width) for record in records)
    is_coloured = _is_coloured(color)
    lines = None
    for lines in islice(shown, limit):
        written = "\n".join(_written(spans, is_coloured) for spans in lines)
        typer.echo(f"{written}\n", color=is_coloured)
    if lines is None:
        tell_user(f"show: {'no problem passes --filter' if wanted else NO_RECORDS}")


def _of_problems(
    inputs: Sequence[str], names: Collection[str], wanted: Sequence[str], width: int | None
) -> Iterator[Iterator[StyledLine]]:
    """The records of these problems; solutions of a problem together."""
    reader = RecordReader(inputs)
    lines: dict[str, list[Line]] = {}
    found: set[str] = set()
    for record in reader.records(parse_any):
        if record.problem_id not in names:
            continue
        found.add(record.problem_id)
        if isinstance(record, Solution):
            lines.setdefault(problem_name(record), []).append(reader.line)
        elif not wanted:
            yield describe(record, width)
    with reader.placing():
        solutions = reader.decoded(chain.from_iterable(lines.values()))
        for group in _passing(group_solutions(solutions), wanted):
            yield problem_lines(group, width)
    if missing := [name for name in names if name not in found]:
        raise UsageError(f"no problem {missing[0]} in the input; ids are in `problem_id`")


def _passing(
    groups: Iterable[Sequence[Solution]], wanted: Sequence[str]
) -> Iterator[Sequence[Solution]]:
    """The problems that meet all wanted filters."""
    for group in map(distinct, groups):
        if not wanted or filters_met(group, way_given(group)) >= {*wanted}:
            yield group


def _is_coloured(colour: Colour) -> bool:
    """As `--color` says; `auto` asks the terminal, and NO_COLOR (no-color.org)."""
    if colour is not Colour.auto:
        return colour is Colour.always
    is_dumb = os.environ.get("TERM") == "dumb" or os.environ.get("NO_COLOR", "") != ""
    return sys.stdout.isatty() and not is_dumb


def _written(spans: StyledLine, is_coloured: bool) -> str:
    """A line as it is written."""
    if not is_coloured:
        return "".join(text for text, _ in spans).rstrip()
    return "".join(typer.style(text, fg=colour) if colour else text for text, colour in spans)
