"""`sormctl grade`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Annotated

import typer

from sormctl import model_options, options
from sormctl.asking import THINK
from sormctl.records import Solution
from sormctl.streams.completions import count_completion, what_went_wrong
from sormctl.streams.driver import pipe_records
from sormctl.tasks.registry import named_task
from sormctl.tasks.solutions.grading import grader


def grade(
    *,
    task: Annotated[
        str | None, typer.Option(help="Task of the records that name none.", metavar="NAME")
    ] = None,
    answer: Annotated[
        str | None,
        typer.Option(
            help="Instead of --task, the kind of answer: numeric, math, exact or choice.",
            metavar="KIND",
        ),
    ] = None,
    reading: model_options.ReadingOptions,
    shard: options.Shard = None,
    streams: options.Streams,
) -> None:
    """Turn raw completions, ours or another tool's, into graded solutions.

    A record has a problem's fields and a `text`, which is cut into `steps`, or the `steps`
    themselves. Solutions that were graded before are graded again. Other fields are kept.

    Example: sormctl grade --task gsm8k < completions.jsonl > samples.jsonl
    """
    name = options.asked_task(task, answer)
    if name:  # one that does not exist is not the first record's fault
        named_task(name)
    steps, think = reading.mode, reading.tags or THINK
    job = streams.job("grade", {"task": name, "steps": steps, "think": think}, shard=shard)
    counts = Counter[str]()

    def counted(solutions: Iterator[Solution]) -> Iterator[Solution]:
        for solution in solutions:
            counts.update(count_completion(solution))
            yield solution

    pipe_records(job, grader(name, steps, think), counted, summary=lambda: what_went_wrong(counts))
