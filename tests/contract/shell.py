"""The real program in a real process, as a shell would start it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TypedDict, Unpack

ROOT = Path(__file__).parents[2]
SORMCTL = (sys.executable, "-m", "sormctl")
# a slow map command on the same frame; see slow.py
SLOW = (sys.executable, "-m", "tests.contract.slow")
PIPE = subprocess.PIPE
Stream = int | IO[bytes] | IO[str]


class Streams(TypedDict, total=False):
    """Of a process; each is a pipe unless a test says otherwise."""

    stdin: Stream
    stdout: Stream
    stderr: Stream


class Options(Streams, total=False):
    """What else a test may say of a process; it runs in `ROOT`."""

    cwd: Path
    env: dict[str, str]
    start_new_session: bool


def start(argv: Sequence[str], **options: Unpack[Options]) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    usual: Options = {"cwd": ROOT, "stdin": PIPE, "stdout": PIPE, "stderr": PIPE}
    given: Options = {"env": environment, **usual, **options}
    return subprocess.Popen(argv, **given)


def run(
    argv: Sequence[str], data: bytes = b"", **options: Unpack[Options]
) -> subprocess.CompletedProcess[bytes]:
    with start(argv, **options) as process:
        out, err = process.communicate(data)
    return subprocess.CompletedProcess(argv, process.returncode, out, err)
