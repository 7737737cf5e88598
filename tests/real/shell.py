"""`sormctl` as a user types it, and the most memory that it took."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

ENVIRONMENT = {"OMP_NUM_THREADS": "1", **os.environ, "HF_HUB_OFFLINE": "1"}
Record = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """What a command that ended left behind; `peak_gib` is of its largest process."""

    code: int
    out: str
    err: str
    peak_gib: float


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "sormctl", *map(str, arguments)]


def sormctl(*arguments: object) -> Run:
    """Runs a command, which must end well."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            command(*arguments), env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=out, stderr=err
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        shown, told = written(out), written(err)
    assert process.returncode == 0, told
    return Run(process.returncode, shown, told, used.ru_maxrss / 2**20)


def written(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def records(path: Path) -> list[Record]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def write(path: Path, solutions: Iterable[Record]) -> Path:
    path.write_text("".join(json.dumps(solution) + "\n" for solution in solutions))
    return path


def text(solution: Record) -> str:
    """What the model wrote."""
    steps = solution["steps"]
    after = solution.get("separators") or ["\n"] * len(steps)
    return "".join(map("".join, zip(steps, after, strict=True)))
