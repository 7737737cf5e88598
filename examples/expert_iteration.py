"""The rounds of expert_iteration.sh as a table on standard error, and the last one's verdict.

Standard output says `rose` if the paired gain on the held-out problems is above zero with 95 %
confidence, else `stopped`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sormctl.evaluation.metrics import Estimate, average, paired_difference
from sormctl.records import Solution
from sormctl.streams.jsonl import read_records


def main(folder: Path, last: int) -> None:
    """Tables `folder`, where rounds 0 (the base model) to `last` are done."""
    rounds = [right(folder / f"held-out-{number}.jsonl") for number in range(last + 1)]
    say("round", "solutions", "held out", "95 % interval", "gain", "95 % interval", "test")
    for number, hits in enumerate(rounds):
        kept, test = folder / f"solutions-{number}.jsonl", folder / f"test-{number}.jsonl"
        say(
            str(number),
            f"{sum(1 for _ in kept.open('rb')):,}" if kept.exists() else "",
            *percent(average(hits)),
            *(percent(gain(rounds, number)) if number else ("", "")),
            percent(average(right(test)))[0] if test.exists() else "",
        )
    print("rose" if gain(rounds, last).low > 0 else "stopped")


def gain(rounds: list[list[float]], number: int) -> Estimate:
    """Round `number` against the one before it, problem by problem."""
    return paired_difference(rounds[number], rounds[number - 1])


def right(path: Path) -> list[float]:
    """1 for each problem whose draft is correct, else 0, in the order of the file."""
    return [float(bool(solution.correct)) for solution in read_records([str(path)], Solution)]


def percent(estimate: Estimate) -> tuple[str, str]:
    """A share and its interval, as percentages."""
    value, low, high = (f"{100 * x:.1f}" for x in (estimate.value, estimate.low, estimate.high))
    return value, f"{low} to {high}"


def say(*cells: str) -> None:
    print(*(f"{cell:>13}" for cell in cells), file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
