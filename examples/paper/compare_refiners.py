"""Refiners beside each other on the same drafts, in Markdown (paper, table 6).

    python examples/paper/compare_refiners.py drafts.jsonl global=refined.jsonl rl=rl.jsonl

Shares in percent with 95 % intervals; differences are paired by draft. `copied` is the share of
refinements with the draft's answer, `fixed` that of wrong drafts refined to a right answer, `kept`
that of right drafts whose refinement is right.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

from sormctl.errors import DataError, SormctlError
from sormctl.evaluation.metrics import Estimate, average, paired_difference
from sormctl.records import Solution
from sormctl.streams.jsonl import RecordReader
from sormctl.tasks.registry import get_task


def read(path: str) -> list[Solution]:
    """The solutions of a file; DataError if one has not been graded."""
    return list(RecordReader([path]).records(Solution, Solution.outcome_given))


def refinements(path: str, drafts: Sequence[Solution]) -> list[Solution]:
    """Those of a file, in the order of the drafts; DataError unless each draft has one."""
    found = {refined.source.get("draft_id"): refined for refined in read(path)}
    if found.keys() != {draft.solution_id for draft in drafts}:
        raise DataError(f"{path}: not a refinement of each of these drafts")
    return [found[draft.solution_id] for draft in drafts]


def shares(drafts: Sequence[Solution], refined: Sequence[Solution]) -> Iterator[Estimate]:
    """Accuracy, difference from the drafts, fixed, kept, copied."""
    pairs = list(zip(drafts, refined, strict=True))
    yield average(rights(refined))
    yield paired_difference(rights(refined), rights(drafts))
    yield average([float(r.outcome_given()) for d, r in pairs if not d.outcome_given()])
    yield average([float(r.outcome_given()) for d, r in pairs if d.outcome_given()])
    yield average([float(copies(r, d)) for d, r in pairs])


def rights(solutions: Sequence[Solution]) -> list[float]:
    """1 for what is correct, else 0."""
    return [float(s.outcome_given()) for s in solutions]


def copies(refinement: Solution, draft: Solution) -> bool:
    """Whether both give the same answer, or both none."""
    one, other = refinement.predicted, draft.predicted
    if one is None or other is None:
        return one is other
    return get_task(draft.task).answer.equal(one, other)


def percent(estimate: Estimate, sign: str = "") -> str:
    """A share as `value (low to high)`."""
    value, low, high = (100 * x for x in (estimate.value, estimate.low, estimate.high))
    return f"{value:{sign}.1f} ({low:{sign}.1f} to {high:{sign}.1f})"


def main() -> None:
    """A row for each file of refinements, then their differences from the first of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("drafts", help="graded drafts, JSONL")
    parser.add_argument("refined", nargs="+", help="NAME=FILE, refinements of these drafts")
    args = parser.parse_args()
    if bad := [item for item in args.refined if "=" not in item]:
        parser.error(f"{bad[0]}: not NAME=FILE")
    drafts = read(args.drafts)
    files = dict(item.split("=", 1) for item in args.refined)
    found = {name: refinements(path, drafts) for name, path in files.items()}
    print(f"{len(drafts)} drafts, {percent(average(rights(drafts)))} % right\n")
    print("| | right | against drafts | fixed | kept | copied |\n|---|---|---|---|---|---|")
    for name, refined in found.items():
        right, gain, *others = shares(drafts, refined)
        cells = [percent(right), percent(gain, "+"), *map(percent, others)]
        print(f"| {name} | " + " | ".join(cells) + " |")
    first, *rest = found
    for name in rest:
        gain = paired_difference(rights(found[name]), rights(found[first]))
        print(f"\n{name} - {first}: {percent(gain, '+')}")


if __name__ == "__main__":
    try:
        main()
    except SormctlError as error:
        sys.exit(f"compare_refiners: {error}")
