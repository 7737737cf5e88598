"""The streaming commands against a bare orjson loop: `python -m benchmarks.streams`.

Prints for each command the CPU and wall time of one input record, and the ratio to a loop that
only reads, loads, dumps and writes the same lines. Medians of interleaved rounds, one process.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from sormctl import cli

NUM_SAMPLES = 8
NUM_STEPS = 6
COMMANDS = {
    "balance": ("balance",),
    "balance by question": ("balance", "--by", "question"),
    "make-refine-pairs": ("make-refine-pairs", "--mode", "local"),
    "rerank": ("rerank", "--scores", "orm"),
    "filter": ("filter", "--correct", "--unique"),
    "eval": ("eval",),
}
Times = tuple[float, float]  # CPU and wall, in seconds


def solution(problem: int, sample: int) -> dict[str, Any]:
    """A labelled and scored sample; of each problem half are wrong, from their third step on."""
    correct = sample % 2 == 0
    labels = [int(correct or step < 2) for step in range(NUM_STEPS)]
    tried = [
        {"tried": 8, "succeeded": 8 * ok, "made": True, "generated_tokens": 90} for ok in labels
    ]
    steps = [
        f"Step {step}: {problem} + {step * sample} = {problem + 7}." for step in range(NUM_STEPS)
    ]
    return {
        "task": "gsm8k",
        "problem_id": f"train-{problem}",
        "question": f"Start with {problem}. Add 4, then take 3, then double the result. " * 2,
        "answer": str(problem),
        "solution_id": f"train-{problem}#{sample}",
        "steps": steps,
        "predicted": str(problem + (not correct)),
        "correct": correct,
        "source": {"kind": "sample", "model": "student", "seed": 1234567, "finish": "stop"},
        "usage": {"prompt_tokens": 90, "cached_tokens": 0, "generated_tokens": 88},
        "labels": labels,
        "rollouts": tried,
        "verifiers": [] if correct else [{"prefix": 2, "steps": steps[2:]}],
        "scores": {"orm": [0.9 - 0.0625 * step * (sample % 3) for step in range(NUM_STEPS)]},
    }


def write_solutions(path: Path, num_problems: int) -> int:
    """Writes `NUM_SAMPLES` solutions of each problem, side by side; returns their number."""
    with open(path, "wb") as out:
        for problem in range(num_problems):
            for sample in range(NUM_SAMPLES):
                out.write(orjson.dumps(solution(problem, sample), option=orjson.OPT_APPEND_NEWLINE))
    return num_problems * NUM_SAMPLES


def bare(source: Path, target: Path) -> None:
    with open(source, "rb") as lines, open(target, "wb") as out:
        for line in lines:
            out.write(orjson.dumps(orjson.loads(line), option=orjson.OPT_APPEND_NEWLINE))


def command(*arguments: str) -> Callable[[Path, Path], None]:
    def run(source: Path, target: Path) -> None:
        options = [str(source), "-o", str(target), "--overwrite", "--quiet"]
        sys.argv = ["sormctl", *arguments, *options]
        try:
            with contextlib.redirect_stderr(io.StringIO()):  # the tables of `eval`
                cli.main()
        except SystemExit as stop:
            if stop.code:
                raise

    return run


def timed(loop: Callable[[Path, Path], None], source: Path, target: Path) -> Times:
    cpu, wall = time.process_time(), time.perf_counter()
    loop(source, target)
    return time.process_time() - cpu, time.perf_counter() - wall


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--problems", type=int, default=10_000, help="of 8 records each")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    loops = {"bare": bare, **{name: command(*line) for name, line in COMMANDS.items()}}
    rounds: dict[str, list[Times]] = {name: [] for name in loops}
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in.jsonl"
        count = write_solutions(source, asked.problems)
        for _ in range(asked.rounds):
            for name, loop in loops.items():
                rounds[name].append(timed(loop, source, Path(folder) / f"{name}.jsonl"))
        print(f"{count:,} records of {source.stat().st_size // count} bytes")
    for name, times in rounds.items():
        cpu, wall = (statistics.median(column) for column in zip(*times, strict=True))
        ratios = [
            statistics.median(
                bare[i] / own[i] for bare, own in zip(rounds["bare"], times, strict=True)
            )
            for i in (0, 1)
        ]
        print(
            f"{name:20} CPU {cpu / count * 1e6:6.2f} us ratio {ratios[0]:.2f}   "
            f"wall {wall / count * 1e6:6.2f} us ratio {ratios[1]:.2f}"
        )


if __name__ == "__main__":
    main()
