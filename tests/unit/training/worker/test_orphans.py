"""What starts a process of a run may be killed at any moment."""

from __future__ import annotations

import ctypes
import os
import select
import subprocess
import sys

import pytest

from sormctl.training.worker import orphans

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux does it")

ORPHAN = """
import sys, time
from sormctl.training.worker.orphans import die_with_command
die_with_command()
print("alive", flush=True)
while True: sys.path  # it listens to nobody
"""
LAUNCHER = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {ORPHAN!r}])"


def test_a_killed_launcher_takes_its_worker_with_it() -> None:
    """Though the command lives, and holds the other end of standard input."""
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert launcher.stdout is not None
    with launcher:
        assert launcher.stdout.readline() == b"alive\n"
        launcher.kill()
        ended, _, _ = select.select([launcher.stdout], [], [], 10)
        assert ended  # and the worker had the last end of that pipe
        assert launcher.stdout.read() == b""


@pytest.mark.parametrize("closed", [True, False])
def test_a_command_that_had_gone_before(closed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    kept = os.dup(0)
    exits: list[int] = []
    monkeypatch.setattr(ctypes, "CDLL", lambda _: orphans)
    monkeypatch.setattr(orphans, "prctl", lambda *_: 0, raising=False)
    monkeypatch.setattr(os, "_exit", exits.append)
    try:
        os.dup2(reading, 0)
        if closed:
            os.close(writing)
        orphans.die_with_command()
    finally:
        os.dup2(kept, 0)
        for number in (kept, reading, *([] if closed else [writing])):
            os.close(number)
    assert exits == ([1] if closed else [])
