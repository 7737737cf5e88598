"""Starting vLLM: what a process leaves behind that is killed meanwhile, and where chatter goes."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from sormctl.engines.processes import chatter_to

PARENT = """
from sormctl.engines.processes import Watchdog
import multiprocessing, os, sys, time

if __name__ == "__main__":
    watchdog = Watchdog()
    with watchdog.over_children():
        child = multiprocessing.get_context(sys.argv[1]).Process(target=time.sleep, args=(600,))
        child.start()
        time.sleep(0.5)
        if sys.argv[2] == "killed":
            print(child.pid, flush=True)
            os.kill(os.getpid(), 9)
    watchdog.stop()
    print(child.is_alive())
    child.kill()
"""


def parent(*arguments: str) -> str:
    """What it writes."""
    argv = [sys.executable, "-c", PARENT, *arguments]
    return subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=False).stdout.strip()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_that_is_just_starting_goes_with_its_parent(method: str) -> None:
    try:
        child = psutil.Process(int(parent(method, "killed")))
    except psutil.NoSuchProcess:
        return
    child.wait(timeout=30)


def test_a_watchdog_that_was_told_to_stop_kills_nothing() -> None:
    assert parent("fork", "stopped") == "True"


def test_chatter_has_its_place_where_standard_output_is_closed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with chatter_to(os.open(os.devnull, os.O_WRONLY)):
        os.write(1, b"loading")
    os.write(1, b"done")
    assert capfd.readouterr().out == "done"
