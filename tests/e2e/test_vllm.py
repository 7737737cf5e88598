"""Engine vllm on the command line: clean output, and nothing left behind."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("vllm") is None, reason="vllm is not installed"),
]
SORMCTL = [sys.executable, "-m", "sormctl"]
SAMPLE = ["sample", "--model", "embedded:student", "--engine", "vllm", "-n", "8", "-q"]


def problems(folder: Path, number: int) -> str:
    path = folder / "problems.jsonl"
    with path.open("wb") as file:
        command = [*SORMCTL, "problems", "chain", "-n", str(number), "-q"]
        subprocess.run(command, stdout=file, check=True)
    return str(path)


def test_standard_output_holds_records_only(tmp_path: Path) -> None:
    run = subprocess.run(
        [*SORMCTL, *SAMPLE, "--logprobs", problems(tmp_path, 3)],
        capture_output=True,
        text=True,
        check=True,
    )
    records = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(records) == 24
    assert all(record["source"]["logprob"] < 0 for record in records)
    assert run.stderr == ""


def test_nothing_survives_kill_9_and_resume_goes_on(tmp_path: Path) -> None:
    output = tmp_path / "samples.jsonl"
    command = [*SORMCTL, *SAMPLE, "--concurrency", "16", problems(tmp_path, 200), "-o", str(output)]
    process = subprocess.Popen(command)
    while process.poll() is None and not (output.exists() and output.stat().st_size):
        time.sleep(0.1)
    engine = [p for p in psutil.Process(process.pid).children(recursive=True)]
    process.kill()
    process.wait()
    assert any("EngineCore" in child.name() for child in engine)
    gone, alive = psutil.wait_procs(engine, timeout=60)
    assert not alive and gone
    whole = subprocess.run([*command, "--resume"], check=True)
    assert whole.returncode == 0
    ids = [json.loads(line)["solution_id"] for line in output.read_bytes().splitlines()]
    assert len(ids) == len(set(ids)) == 1600
