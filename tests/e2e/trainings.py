"""The training commands as a user types them, and what they are typed at."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from msgspec.structs import replace

from sormctl.records import Pair, to_json
from tests.models import make_model
from tests.unit.training.runs import problems, sums, write_jsonl

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
SMALL = ("--batch-size", "4", "--lr", "1e-2", "--dtype", "float32")


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sormctl", *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def sormctl(folder: Path, *arguments: str) -> tuple[int, str, str]:
    return finish(start(folder, *arguments))


def fill(folder: Path) -> Path:
    """Puts a model, labelled solutions, problems and refinement pairs into a folder."""
    make_model(folder / "tiny")
    solutions = sums(40, wrong=0.5)
    write_jsonl(folder / "labelled.jsonl", solutions)
    write_jsonl(folder / "problems.jsonl", problems(solutions))
    pair = Pair(
        task="numeric",
        problem_id="p",
        question="1 + 2?",
        draft=("1 + 2 = 4", "#### 4"),
        first_error=0,
        target=("1 + 2 = 3", "#### 3"),
    )
    write_jsonl(
        folder / "pairs.jsonl", [to_json(replace(pair, problem_id=f"{i}")) for i in range(8)]
    )
    return folder
