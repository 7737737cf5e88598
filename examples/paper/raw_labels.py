"""Labels as the rollouts gave them, without post-processing 1 (paper, 3.1 step 2 and G).

    sormctl label-steps --exhaustive … samples.jsonl | python examples/paper/raw_labels.py

A step is positive if a rollout from it succeeded, whatever later steps are; the last step has
nothing left to roll out, and is as correct as the answer. Needs the rollouts of `--exhaustive`.
"""

from __future__ import annotations

import sys
from signal import SIG_DFL, SIGPIPE, signal

from msgspec.structs import replace

from sormctl.errors import RecordError, SormctlError
from sormctl.records import Json, Solution, encode, parse_record
from sormctl.streams.jsonl import read_records


def raw_labels(solution: Solution) -> tuple[int, ...]:
    """1 at each step from which a rollout succeeded."""
    if not solution.rollouts:
        return ()
    *tried, _ = solution.rollouts
    return (*(int(found.succeeded > 0) for found in tried), int(solution.correct is True))


def relabelled(record: Json) -> Solution:
    """The solution with its raw labels."""
    solution = parse_record(record, Solution)
    if solution.rollouts is None or not all(found.made for found in solution.rollouts[:-1]):
        raise RecordError("not all prefixes were rolled out; label with `--exhaustive`")
    return replace(solution, labels=raw_labels(solution))


def main() -> None:
    """From standard input to standard output."""
    for solution in read_records([], relabelled):
        sys.stdout.buffer.write(encode(solution))


if __name__ == "__main__":
    signal(SIGPIPE, SIG_DFL)  # `| head` ends it silently
    try:
        main()
    except SormctlError as error:
        sys.exit(f"raw_labels: {error}")
