"""The examples that stand in a pipe: bad input, and a reader that has enough."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from sormctl.problems import read_problems
from sormctl.records import Rollouts, encode
from tests.contract.shell import ROOT
from tests.unit.examples import solution

SCRIPTS = ["processbench_rows.py", "paper/raw_labels.py"]
(PROBLEM,) = read_problems("chain", "test", limit=1)
RECORD = encode(solution(problem=PROBLEM, rollouts=(Rollouts(1, 1, made=True), Rollouts())))


def piped(script: str, lines: bytes, output: int) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, str(ROOT / "examples" / script)]
    return subprocess.run(command, input=lines, stdout=output, stderr=subprocess.PIPE)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_bad_line_is_told_in_one_line(script: str) -> None:
    done = piped(script, b"{}\n", subprocess.DEVNULL)
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert b": <stdin>:1: no `" in done.stderr


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_reader_may_have_enough(script: str) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = piped(script, RECORD * 5000, write)
    finally:
        os.close(write)
    assert done.stderr == b""
