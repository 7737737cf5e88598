"""`sormctl filter-labels`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Annotated

import typer
from msgspec.structs import replace

from sormctl import options
from sormctl.errors import RecordError
from sormctl.evaluation.steps import THRESHOLD
from sormctl.filtering import agreeing_labels
from sormctl.records import Labels, Solution
from sormctl.streams.driver import pipe_records


def filter_labels(
    *,
    by: Annotated[
        str, typer.Option(help="Scores to compare with, as `score` named them.", metavar="NAME")
    ],
    threshold: Annotated[
        float, typer.Option(help="A step that scores above it is taken to be correct.")
    ] = THRESHOLD,
    streams: options.Streams,
) -> None:
    """Drop labels that a reward model trained on them does not share (appendix I).

    Such labels become null, which is no training target; no solution is left out. Balance after
    it, not before.

    Example: sormctl score --rm sorm1/ steps.jsonl | sormctl filter-labels --by sorm1
    | sormctl balance | sormctl train-rm --model embedded:student -o sorm2/
    """
    job = streams.job("filter-labels", {"by": by, "threshold": threshold})
    counts: Counter[str] = Counter()

    def filtered(solutions: Iterator[Solution]) -> Iterator[Solution]:
        for solution in solutions:
            labels = _checked(solution, by)
            kept = agreeing_labels(labels, solution.scores[by], threshold)
            counts["before"] += len(kept) - labels.count(None)
            counts["after"] += len(kept) - kept.count(None)
            yield replace(solution, labels=kept)

    def summary() -> str:
        dropped = counts["before"] - counts["after"]
        return f"{dropped:,} of {counts['before']:,} labels dropped"

    pipe_records(job, Solution, filtered, summary=summary)


def _checked(solution: Solution, by: str) -> Labels:
    if solution.labels is None:
        raise RecordError("no `labels`; run `sormctl label-steps` first")
    if by not in solution.scores:
        raise RecordError(f"no `scores.{by}`; run `sormctl score --name {by}` first")
    return solution.labels
