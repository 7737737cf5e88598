"""The real program in a real process, as a shell would start it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
SORMCTL = (sys.executable, "-m", "sormctl")
# a slow map command on the same frame; see slow.py
SLOW = (sys.executable, "-m", "tests.contract.slow")


def start(argv: Sequence[str], **options: object) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    pipes = {name: subprocess.PIPE for name in ("stdin", "stdout", "stderr")}
    return subprocess.Popen(argv, **{"env": environment, "cwd": ROOT, **pipes, **options})


def run(
    argv: Sequence[str], data: bytes = b"", **options: object
) -> subprocess.CompletedProcess[bytes]:
    with start(argv, **options) as process:
        out, err = process.communicate(data)
    return subprocess.CompletedProcess(argv, process.returncode, out, err)
