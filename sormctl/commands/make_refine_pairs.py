"""`sormctl make-refine-pairs`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from sormctl import options
from sormctl.errors import RecordError
from sormctl.pairing import RefineMode, global_pairs, local_pairs, value_pairs
from sormctl.records import Pair, Solution
from sormctl.streams.driver import pipe_groups

PAIRS = {
    RefineMode.globally: global_pairs,
    RefineMode.locally: local_pairs,
    RefineMode.by_value: value_pairs,
}


def make_refine_pairs(
    *,
    mode: Annotated[
        RefineMode,
        typer.Option(
            help="global: wrong to correct solution; local: continued before the first error by a "
            "verifying trace; value: after the highest-value step (label-steps --exhaustive)."
        ),
    ],
    targets: Annotated[int, typer.Option(min=1, help="Pairs of one draft, at most.")] = 1,
    seed: options.Seed = 0,
    streams: options.Streams,
) -> None:
    """Make a refiner's training pairs out of solutions.

    `global` needs samples, `local` needs labels by rollouts (not balanced ones). The solutions of
    a problem may stand anywhere in the input.

    Example: sormctl make-refine-pairs --mode local < steps.jsonl > pairs.jsonl
    """
    arguments = {"mode": mode, "targets": targets, "seed": seed}
    job = streams.job("make-refine-pairs", arguments)

    def check(solution: Solution) -> None:
        is_whole = solution.labels is not None and None not in solution.labels
        if mode is RefineMode.locally and not is_whole:
            raise RecordError(
                "no `labels` at every step; take them from `sormctl label-steps --by rollouts`, "
                "before `balance`"
            )
        if mode is RefineMode.by_value and solution.correct is False:
            solution.all_rollouts()

    def pairs(groups: Iterator[list[Solution]]) -> Iterator[Pair]:
        for group in groups:
            yield from PAIRS[mode](group, targets, seed)

    pipe_groups(job, pairs, check)
