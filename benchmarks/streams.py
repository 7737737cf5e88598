"""Records through a pure stream, against a bare orjson loop: `python -m benchmarks.streams`.

Prints the time for one record and the ratio to the bare loop, for a stream that only copies
JSON objects and for one that parses and checks solutions. Best of several runs, CPU time.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import orjson

from sormctl.records import parse_solution, solution_json
from sormctl.streams.driver import Job, pipe_records

NUM_RECORDS = 50_000
NUM_RUNS = 5
SOLUTION = {
    "task": "gsm8k",
    "problem_id": "train-17",
    "question": "word " * 40,
    "answer": "42",
    "solution_id": "train-17#3",
    "steps": ["a step of a solution, 6 * 7 = 42 apples"] * 6,
    "predicted": "42",
    "correct": True,
    "source": {"kind": "sample", "model": "student", "seed": 1234567, "finish": "stop"},
    "usage": {"prompt_tokens": 90, "cached_tokens": 0, "generated_tokens": 88},
}


def bare(source: str, target: Path) -> None:
    with open(source, "rb") as lines, open(target, "wb") as out:
        for line in lines:
            out.write(orjson.dumps(orjson.loads(line), option=orjson.OPT_APPEND_NEWLINE))


def copied(source: str, target: Path) -> None:
    pipe_records(_job(source, target), dict, iter)


def checked(source: str, target: Path) -> None:
    pipe_records(_job(source, target), parse_solution, lambda records: map(solution_json, records))


def _job(source: str, target: Path) -> Job:
    return Job("copy", {}, [source], target, overwrite=True, quiet=True)


def seconds(loop: Callable[[str, Path], None], source: str, target: Path) -> float:
    start = time.process_time()
    loop(source, target)
    return time.process_time() - start


def main() -> None:
    line = orjson.dumps(SOLUTION, option=orjson.OPT_APPEND_NEWLINE)
    loops = (bare, copied, checked)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in.jsonl"
        source.write_bytes(line * NUM_RECORDS)
        target = Path(folder) / "out.jsonl"
        runs = [[seconds(loop, str(source), target) for loop in loops] for _ in range(NUM_RUNS)]
    best = [min(times) for times in zip(*runs, strict=True)]
    print(f"{NUM_RECORDS:,} records of {len(line)} bytes")
    for loop, time_spent in zip(loops, best, strict=True):
        rate = len(line) * NUM_RECORDS / time_spent / 1e6
        microseconds = time_spent / NUM_RECORDS * 1e6
        ratio = best[0] / time_spent
        print(f"{loop.__name__:8} {microseconds:6.2f} us  {rate:6.1f} MB/s  ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
