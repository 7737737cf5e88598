"""What a worker makes of running out of memory, told by the libraries' own errors."""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from sormctl.training.events import Started
from sormctl.training.worker import process as worker
from tests.unit.training.runs import configured, prepare

HUGE = 10**15


def of_the_gpu() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")


def of_cublas() -> None:
    raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")


def of_the_system() -> None:
    raise OSError(12, "Cannot allocate memory")


def within_a_limit() -> None:
    """What a machine without that much memory would do, by the limit that a process may set."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 2**26, before[1]))
    try:
        torch.zeros(2**32)  # more than the heap may have kept of what was freed
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


EXHAUSTED = {
    "python": lambda: bytearray(HUGE),
    "torch": lambda: torch.empty(HUGE),
    "limit": within_a_limit,
    "gpu": of_the_gpu,
    "cublas": of_cublas,
    "system": of_the_system,
}


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Runs a worker whose training is what it is given."""
    config = prepare(configured(output=str(tmp_path / "out")), [])
    monkeypatch.setattr("sys.argv", ["worker", str(config.path)])

    def run(training: Callable[[], object]) -> None:
        monkeypatch.setattr(worker, "train", lambda *_: training())
        worker.main()

    return run


@pytest.mark.parametrize("training", EXHAUSTED.values(), ids=EXHAUSTED.keys())
def test_out_of_memory_is_one_line_with_what_to_do(
    training: Callable[[], object], work: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        work(training)
    assert ended.value.code == 1
    started, event = map(json.loads, capsys.readouterr().out.splitlines())
    assert started == {"event": "started"}
    assert (event["event"], event["type"]) == ("error", "ModelError")
    assert event["message"].startswith("out of memory; lower --max-batch-tokens or add --gradient")


def test_another_error_keeps_its_traceback(work: Any) -> None:
    with pytest.raises(RuntimeError, match="must match the size"):
        work(lambda: torch.zeros(2) + torch.zeros(3))


def test_without_a_command_there_is_nobody_to_work_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was killed: its worker ends without a traceback."""

    def gone(*_: object) -> None:
        raise BrokenPipeError

    def ended(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(sys, "stdout", SimpleNamespace(write=gone))
    monkeypatch.setattr(os, "_exit", ended)
    with pytest.raises(SystemExit):
        worker.report_event(Started())
