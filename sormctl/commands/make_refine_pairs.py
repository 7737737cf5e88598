"""`sormctl make-refine-pairs`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Annotated

import typer

from sormctl import options
from sormctl.errors import DataError, RecordError
from sormctl.pairing import (
    RefineMode,
    count_unlabelled,
    global_pairs,
    has_labels,
    local_pairs,
    value_pairs,
)
from sormctl.records import Pair, Solution, is_unfinished
from sormctl.streams.driver import pipe_groups
from sormctl.targets import first_error

PAIRS = {
    RefineMode.globally: global_pairs,
    RefineMode.locally: local_pairs,
    RefineMode.by_value: value_pairs,
}

_REMEDY = "take them from `sormctl label-steps --by rollouts`, before `balance`"

_FEW = 10  # wrong solutions; fewer may all be wrong in their first step
_ENOUGH = 1000  # wrong solutions whose every step is 0, by which labels of the outcome are known


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

    `global` needs samples. `local` needs labels of the wrong solutions that are to be drafts, by
    rollouts and not balanced; the samples beside them mend errors in the first step. The solutions
    of a problem may stand anywhere in the input.

    Example: sormctl make-refine-pairs --mode local steps.jsonl samples.jsonl > pairs.jsonl
    """
    arguments = {"mode": mode, "targets": targets, "seed": seed}
    job = streams.job("make-refine-pairs", arguments)

    drafts = _Drafts()

    def check(solution: Solution) -> None:
        if mode is RefineMode.locally and solution.correct is False:
            _check_labels(solution)
        if mode is RefineMode.by_value and solution.correct is False:
            solution.all_rollouts()

    def pairs(groups: Iterator[list[Solution]]) -> Iterator[Pair]:
        if mode is not RefineMode.locally:
            yield from chain.from_iterable(PAIRS[mode](group, targets, seed) for group in groups)
            return
        held: list[Pair] = []  # a stream gets nothing of labels that are then refused
        for group in groups:
            drafts.add(group)
            held += PAIRS[mode](group, targets, seed)
            if drafts.located:
                yield from held
                held.clear()
            elif drafts.wholly_wrong >= _ENOUGH:
                break
        drafts.check()
        yield from held

    pipe_groups(job, pairs, check, drafts.notes if mode is RefineMode.locally else tuple)


@dataclass(slots=True)
class _Drafts:
    """What the labels of all solutions are, taken together, for local pairs."""

    solutions: int = 0
    labelled: int = 0
    unlabelled: int = 0  # wrong texts
    wholly_wrong: int = 0  # labels that may be no more than the outcome
    located: int = 0  # labels that say where the error is

    @property
    def seem_outcomes(self) -> bool:
        """Whether no label so far says more than the outcome does."""
        return self.wholly_wrong >= _FEW and not self.located

    def add(self, group: Sequence[Solution]) -> None:
        self.solutions += len(group)
        self.labelled += sum(solution.labels is not None for solution in group)
        self.unlabelled += count_unlabelled(group)
        for solution in group:
            if solution.correct is False and has_labels(solution):
                is_outcome = solution.rollouts is None and {*solution.labels_given()} == {0}
                self.wholly_wrong += is_outcome and len(solution.steps) > 1
                self.located += not is_outcome

    def check(self) -> None:
        """DataError where no solution has labels, or all labels are those of outcomes."""
        if self.solutions and not self.labelled:
            raise DataError(f"no solution has `labels`; {_REMEDY}")
        if self.seem_outcomes:
            raise DataError(
                "`labels` of the outcome alone: every step of every wrong solution is 0, so none "
                f"says where the error is; {_REMEDY}, or import labels of steps"
            )

    def notes(self) -> Iterator[str]:
        """What was left out."""
        if self.unlabelled:
            yield f"wrong solutions without labels, which are no drafts: {self.unlabelled:,}"


def _check_labels(solution: Solution) -> None:
    """RecordError for labels of which some were taken away before the first error."""
    labels = solution.labels or ()
    if is_unfinished(solution.source):  # its last step, a fragment, has none
        labels = labels[:-1]
    if None in labels and has_labels(solution) and first_error(labels) is None:
        raise RecordError(f"no `labels` at every step before the first error; {_REMEDY}")
