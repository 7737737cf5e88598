"""Options that several commands share, declared once: one by one, and in groups.

A group is a dataclass of options. A command takes it as one parameter; `option_groups.flattened`
turns it into single options for Typer. Where a group adds options to a plain value, it is one, and
travels on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any, ClassVar

import typer

from sormctl import hub
from sormctl.errors import UsageError
from sormctl.option_groups import OUTPUT, among
from sormctl.reranking import AGGREGATIONS
from sormctl.streams.job_outputs import Job
from sormctl.tasks.answers import KINDS, get_kind
from sormctl.tasks.fields import Fields

Inputs = Annotated[
    list[str] | None,
    typer.Argument(
        help="JSONL files (.gz and .zst too); standard input if there are none.", metavar="FILE"
    ),
]
Output = Annotated[
    Path | None,
    typer.Option("-o", "--output", help="Write to this file, with a manifest beside it."),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Continue the output file of an interrupted run.")
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace the output file if it exists.")
]
Push = Annotated[
    str | None,
    typer.Option(
        help="Upload what was made to the Hugging Face hub; a new repository is private.",
        metavar="OWNER/NAME",
        rich_help_panel=OUTPUT,
    ),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "-q",
        "--quiet",
        help="No progress on standard error.",
        rich_help_panel=OUTPUT,
    ),
]
LogFormat = Annotated[
    str,
    typer.Option(
        help="Progress and messages on standard error: text or json.",
        metavar="text|json",
        autocompletion=among(lambda: ("text", "json")),
        rich_help_panel=OUTPUT,
    ),
]
SkipFailed = Annotated[
    bool,
    typer.Option(
        "--skip-failed",
        help="Leave out records on which the engine fails, count them, and end with exit code 1.",
    ),
]
Shard = Annotated[
    str | None,
    typer.Option(help="Part I (from 0) of N; a problem's records stay together.", metavar="I/N"),
]
DataDir = Annotated[
    Path | None,
    typer.Option(help="Folder of the published benchmark files.", envvar="SORMCTL_DATA"),
]
Answer = Annotated[
    str | None,
    typer.Option(
        help="How answers compare, for your own file: numeric, math, exact or choice.",
        metavar="KIND",
        autocompletion=among(lambda: KINDS),
    ),
]
Question = Annotated[
    str | None,
    typer.Option(
        help="The question: a field of your rows, or a template: '{context} {question}'.",
        metavar="FIELD|TEMPLATE",
    ),
]
AnswerField = Annotated[
    str | None, typer.Option(help="The field that holds the answer.", metavar="FIELD")
]
Choices = Annotated[
    str | None,
    typer.Option(
        help="The field that holds the options of a choice; or a field each: A,B,C,D.",
        metavar="FIELD",
    ),
]
IdField = Annotated[
    str | None, typer.Option(help="The field that names the problem.", metavar="FIELD")
]
SkipUnreadable = Annotated[
    bool,
    typer.Option("--skip-unreadable", help="Leave out rows that cannot be read, and count them."),
]
Aggregations = Annotated[
    list[str],
    typer.Option(
        "--agg",
        help=f"Repeatable: {', '.join(AGGREGATIONS)}.",
        autocompletion=among(lambda: AGGREGATIONS),
    ),
]
Seed = Annotated[
    int, typer.Option(min=0, max=2**63 - 1, help="Seed of everything that is drawn at random.")
]
StepTag = Annotated[
    str | None,
    typer.Option(help="math-shepherd: what follows each step; ки by default.", metavar="TEXT"),
]

Threshold = Annotated[
    float | None,
    typer.Option(
        "-T",
        "--threshold",
        help="A step that scores below it is wrong; by default 0.5, or what the adapter says.",
    ),
]


def asked_task(task: str | None, answer: str | None) -> str | None:
    """The task that --task names, or the kind of --answer; UsageError for both."""
    if task and answer:
        raise UsageError("give --task or --answer, not both")
    return get_kind(answer).name if answer else task


@dataclass(frozen=True)
class Writing:
    """Where records go to."""

    TITLE: ClassVar[str] = OUTPUT

    output: Output = None
    overwrite: Overwrite = False
    push: Push = None
    quiet: Quiet = False
    log_format: LogFormat = "text"

    def job(self, command: str, arguments: Mapping[str, Any], **more: Any) -> Job:
        """The job of a command; `arguments` are those that determine its records."""
        given = {**vars(self), **more}
        given["inputs"] = given.get("inputs") or ()
        if name := given.pop("push"):
            given["prepare"] = cache(partial(hub.prepare, name, is_model=False))  # once for stages
        return Job(command, arguments, **given)


@dataclass(frozen=True)
class Streams(Writing):
    """Where records come from and go to."""

    inputs: Inputs = None


@dataclass(frozen=True)
class LongStreams(Streams):
    """The same for a command that may take hours."""

    resume: Resume = False
    shard: Shard = None
    skip_failed: SkipFailed = False


@dataclass(frozen=True)
class RowOptions(Fields):
    """How rows of the user's own become problems."""

    TITLE: ClassVar[str] = "Rows of your own"

    question: Question = Fields.question
    answer_field: AnswerField = Fields.answer_field
    choices: Choices = Fields.choices
    id_field: IdField = Fields.id_field
    answer: Answer = None
    skip_unreadable: SkipUnreadable = False
