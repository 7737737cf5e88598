"""`sormctl export`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import typer

from sormctl import model_options, options
from sormctl.asking import Asking, default_asking
from sormctl.errors import UsageError
from sormctl.formats.base import DataFormat, Exporting, heeded
from sormctl.formats.chats import ASKING
from sormctl.formats.registry import format_names, get_format
from sormctl.formats.solutions import labelled_part
from sormctl.option_groups import among
from sormctl.records import Json, Pair, Record, Solution, parse_record
from sormctl.reranking import check_judged
from sormctl.streams.driver import pipe_groups, pipe_records
from sormctl.tasks.registry import known_task


@dataclass(frozen=True)
class ExportOptions:
    """What some formats go by."""

    TITLE: ClassVar[str] = "For some formats"
    scores: Annotated[
        str | None,
        typer.Option(
            help="stepwise, preference, processbench: the reward model whose scores are written, "
            "choose, or predict.",
            metavar="NAME",
        ),
    ] = None
    soft: Annotated[
        bool | None,
        typer.Option(
            "--soft",
            help="stepwise: shares of rollouts that succeeded, or soft labels of an import.",
        ),
    ] = None
    threshold: Annotated[
        float | None,
        typer.Option(
            "-T", "--threshold", help="processbench: a step that scores below it is wrong; 0.5."
        ),
    ] = None
    step_tag: options.StepTag = None
    seed: Annotated[
        int | None, typer.Option(min=0, help="preference: seed of the pairs; 0 by default.")
    ] = None
    prompt: Annotated[
        str | None,
        typer.Option(help="preference: how a model is asked: chat (default), plain or one-shot."),
    ] = None
    system: model_options.System = None
    instruction: model_options.Instruction = None
    examples: model_options.Examples = None


def export(
    *,
    format: Annotated[
        str,
        typer.Argument(
            help="Layout of the rows: stepwise, math-shepherd, rlhflow, processbench, preference, "
            "messages, or one of another package.",
            metavar="FORMAT",
            autocompletion=among(format_names),
        ),
    ],
    particular: ExportOptions,
    streams: options.Streams,
) -> None:
    """Write solutions as another tool reads them: step labels, benchmarks, training data.

    A format of step labels needs one at each step: a solution is cut before its first step without
    one. Solutions that the format has no row for are left out, and counted.

    Example: sormctl export stepwise < steps.jsonl > train.jsonl
    """
    found = get_format(format)
    said = heeded(format, found.write_options, vars(particular))
    how = Exporting(
        asking=_asking(particular), **{k: v for k, v in said.items() if k not in ASKING}
    )
    job, rows = streams.job("export", {"format": format, **said}), _Rows(found, how)
    if found.write_problem is not None:
        pipe_groups(job, rows.of_problems, rows.check, rows.notes)
    elif found.write is not None:
        pipe_records(job, rows.parse, rows.of_records, summary=rows.notes)
    else:
        raise UsageError(f"{format} can be read only, by `sormctl import {format}`")


def _asking(said: ExportOptions) -> Asking:
    settings = model_options.AskingOptions(
        prompt=said.prompt or "chat",
        system=said.system,
        instruction=said.instruction,
        examples=said.examples,
    ).settings()
    if settings.prompt == "auto":
        raise UsageError("--prompt auto: there is no model to go by; give chat, plain or one-shot")
    return settings.over(default_asking(settings.prompt))


class _Rows:
    """The rows of a format, and what became of the records that have none."""

    def __init__(self, format: DataFormat, how: Exporting) -> None:
        self._format = format
        self._how = how
        self._counts = Counter[str]()

    def parse(self, data: Json) -> Record:
        """A pair where the format takes pairs, else a solution."""
        is_pair = self._format.write_pair is not None and "draft" in data and "steps" not in data
        return parse_record(data, Pair if is_pair else Solution)

    def check(self, solution: Solution) -> None:
        """Refuses a solution while its place in the input is known."""
        known_task(solution)
        if self._how.scores is not None:
            check_judged(solution, self._how.scores)

    def of_problems(self, groups: Iterator[list[Solution]]) -> Iterator[Json]:
        """The rows of the solutions of each problem."""
        write = self._format.write_problem
        assert write is not None
        for group in groups:
            before = self._counts["rows"]
            for row in write(group, self._how):
                self._counts["rows"] += 1
                yield row
            self._counts["left out"] += self._counts["rows"] == before

    def of_records(self, records: Iterator[Record]) -> Iterator[Json]:
        """The rows of single records, without those that are left out."""
        for record in records:
            row = self._row(record)
            if row is None:
                self._counts["left out"] += 1
            else:
                yield row

    def notes(self) -> Iterator[str]:
        """What the user should know."""
        if cut := self._counts["cut"]:
            yield f"{cut:,} solutions were cut before their first step without a label"
        if empty := self._counts["left out"]:
            what = "problems" if self._format.write_problem else "solutions"
            yield f"left out: {empty:,} {what} {self._format.left_out}"

    def _row(self, record: Record) -> Json | None:
        write, write_pair = self._format.write, self._format.write_pair
        if isinstance(record, Pair):
            assert write_pair is not None
            return write_pair(record, self._how)
        assert write is not None and isinstance(record, Solution)
        solution = labelled_part(record) if self._format.labelled else record
        if solution is None:
            return None
        self._counts["cut"] += len(solution.steps) < len(record.steps)
        return write(solution, self._how)
