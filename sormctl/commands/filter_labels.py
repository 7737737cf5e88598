"""`sormctl filter-labels`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Annotated

import typer
from msgspec.structs import replace

from sormctl import options
from sormctl.filtering import agreeing_labels
from sormctl.records import Solution
from sormctl.streams.driver import pipe_records
from sormctl.thresholds import THRESHOLD


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
            labels = solution.labels_given()
            kept = agreeing_labels(labels, solution.scores_of(by), threshold)
            counts["before"] += len(kept) - labels.count(None)
            counts["after"] += len(kept) - kept.count(None)
            yield replace(solution, labels=kept)

    def summary() -> list[str]:
        dropped = counts["before"] - counts["after"]
        return [f"{dropped:,} of {counts['before']:,} labels dropped"]

    pipe_records(job, Solution, filtered, summary=summary)
