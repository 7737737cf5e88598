"""`sormctl import`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Any, ClassVar

import typer

from sormctl import model_options, options
from sormctl.asking import THINK
from sormctl.errors import RecordError, UsageError
from sormctl.formats.base import DataFormat, Importing, Neutral, heeded
from sormctl.formats.known_problems import KnownProblems
from sormctl.formats.registry import format_names, formats_reading, get_format
from sormctl.formats.watching import WatchedGrader
from sormctl.option_groups import among
from sormctl.problems import Unreadable, each_parsed
from sormctl.records import Json, Problem, Solution
from sormctl.rows import hub
from sormctl.rows.base import Rows
from sormctl.rows.files import read_rows
from sormctl.streams.completions import (
    is_one_step,
    tagged,
    too_few_steps,
    unnamed_thoughts,
)
from sormctl.streams.driver import write_records
from sormctl.streams.jsonl import STDIN, read_records
from sormctl.tasks.registry import named_task


@dataclass(frozen=True)
class ImportOptions:
    """What some formats go by."""

    TITLE: ClassVar[str] = "For some formats"
    question: options.Question = None
    answer_field: options.AnswerField = None
    id_field: options.IdField = None
    steps_field: Annotated[
        str | None, typer.Option(help="stepwise: the field of the steps.", metavar="FIELD")
    ] = None
    labels_field: Annotated[
        str | None, typer.Option(help="stepwise: the field of their labels.", metavar="FIELD")
    ] = None
    threshold: Annotated[
        float | None,
        typer.Option(
            "-T", "--threshold", help="stepwise: a soft label from here on is a label 1; 0.5."
        ),
    ] = None
    neutral: Annotated[
        Neutral | None,
        typer.Option(
            help="prm800k, stepwise: label of a step rated 0, correct by default; null: not "
            "trained on."
        ),
    ] = None
    step_tag: options.StepTag = None
    text_field: Annotated[
        str | None, typer.Option(help="completions: the field of the text.", metavar="FIELD")
    ] = None
    filter: Annotated[
        str | None,
        typer.Option(help="completions: of lm-eval's lines, those of this filter.", metavar="NAME"),
    ] = None
    steps: model_options.Steps = None
    think: model_options.Think = None
    thought_begun: Annotated[
        bool | None,
        typer.Option(
            "--thought-begun",
            help="completions: the prompt had begun the thought; a text without its end is "
            "all thought.",
        ),
    ] = None


def import_(
    *,
    format: Annotated[
        str,
        typer.Argument(
            help="Layout of the rows: prm800k, stepwise, math-shepherd, rlhflow, processbench, "
            "prmbench, completions, or one of another package.",
            metavar="FORMAT",
            autocompletion=among(format_names),
        ),
    ],
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            help="JSONL, JSON, CSV or Parquet (.gz and .zst too), or hf:OWNER/NAME[:CONFIG]; "
            "standard input if there are none.",
            metavar="FILE",
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="Split of a data set of the hub.")] = "train",
    problems: Annotated[
        str | None,
        typer.Option(
            help="Problems, of `sormctl problems`: rows about them get their ids and answers.",
            metavar="FILE",
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            help="Task of problems that --problems does not have; math by default.",
            metavar="NAME",
        ),
    ] = None,
    answer: Annotated[
        str | None,
        typer.Option(
            help="Instead of --task, the kind of answer: numeric, math, exact or choice.",
            metavar="KIND",
        ),
    ] = None,
    skip_unreadable: options.SkipUnreadable = False,
    particular: ImportOptions,
    writing: options.Writing,
) -> None:
    """Turn another tool's data into solutions: step labels, benchmarks, completions.

    Where a row does not say the reference answer, `answer` is null, and `correct` too unless the
    row says that. Rows that hold no solution are left out, and counted.

    Example: sormctl import prm800k phase2_train.jsonl
    | sormctl train-rm --classes 3 --model embedded:student -o prm/
    """
    found, files = get_format(format), inputs or [STDIN]
    if found.read is None:
        raise UsageError(f"{format} can be written only, by `sormctl export {format}`")
    name = options.asked_task(task, answer) or "math"
    said = heeded(format, found.read_options, vars(particular))
    asked: dict[str, object] = {
        "format": format,
        "split": split,
        "task": name,
        "problems": problems,
        "skip_unreadable": skip_unreadable,
    }
    job = writing.job("import", {**asked, **said})
    grade = _grader(said)
    how = Importing(
        named_task(name),
        KnownProblems(read_records([problems], Problem) if problems else ()),
        grade=grade,
        **said,
    )
    rows = chain.from_iterable([_rows(name, split) for name in files])
    counts = Counter[str]()
    unreadable = Unreadable(skip_unreadable)
    made = _solutions(rows, found, how, counts, unreadable)
    here = [name for name in files if not name.startswith(hub.PREFIX)]
    write_records(job, made, here, lambda: chain(unreadable.notes(), _notes(found, how, counts)))


def _grader(said: dict[str, Any]) -> WatchedGrader:
    """What grades completions; takes what was said of how they are read."""
    reading = model_options.ReadingOptions(said.pop("steps", None), said.pop("think", None))
    think, is_begun = reading.tags or THINK, bool(said.pop("thought_begun", None))
    return WatchedGrader(reading.mode, think, is_begun=is_begun)


def _rows(name: str, split: str) -> Rows:
    if not name.startswith(hub.PREFIX):
        return read_rows(name, lambda row: True)
    return hub.hub_rows(*hub.parse_name(name), split)


def _solutions(
    rows: Rows,
    format: DataFormat,
    how: Importing,
    counts: Counter[str],
    unreadable: Unreadable,
) -> Iterator[Solution]:
    read = format.read
    assert read is not None

    def solutions(row: Json, index: int) -> Sequence[Solution]:
        try:
            made = tuple(read(row, how))
        except RecordError as error:
            fitting = formats_reading(row, how.task) if index == 0 else ()
            remedy = " and ".join(f"`sormctl import {name}`" for name in fitting)
            raise RecordError(f"{error}; read by {remedy}" if remedy else str(error)) from None
        counts["rows"] += 1
        counts["left out"] += not made
        counts["solutions"] += len(made)
        counts["one step"] += sum(map(is_one_step, made))
        for solution in made:
            counts.update(tagged(solution))
        counts["unknown"] += sum(solution.answer is None for solution in made)
        return made

    return unreadable.checked(each_parsed(rows, solutions, unreadable))


def _notes(format: DataFormat, how: Importing, counts: Counter[str]) -> Iterator[str]:
    if empty := counts["left out"]:
        yield f"left out: {empty:,} rows {format.left_out}"
    if unknown := counts["unknown"]:
        yield (
            f"{unknown:,} of {counts['solutions']:,} solutions have no reference answer"
            f"{'' if how.problems else '; --problems FILE gives it'}"
        )
    yield from too_few_steps(counts["one step"], counts["solutions"])
    yield from unnamed_thoughts(counts, counts["solutions"])
    yield from how.grade.notes()
