"""Engine vllm on the command line: clean output, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("vllm") is None, reason="vllm is not installed"),
]
Run = subprocess.Popen[str]
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


def in_the_middle(command: list[str], output: Path) -> tuple[Run, list[psutil.Process]]:
    """The command once it has written something, and the processes that it started."""
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, start_new_session=True, cwd=output.parent
    )
    while process.poll() is None and not (output.exists() and output.stat().st_size):
        time.sleep(0.1)
    engine = psutil.Process(process.pid).children(recursive=True)
    assert any("EngineCore" in child.name() for child in engine)
    return process, engine


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_nothing_survives_an_interrupt(tmp_path: Path, number: int, code: int) -> None:
    output = tmp_path / "samples.jsonl"
    command = [*SORMCTL, *SAMPLE, "--concurrency", "16", problems(tmp_path, 200), "-o", str(output)]
    process, engine = in_the_middle(command, output)
    if number == signal.SIGINT:  # a terminal sends it to everyone
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    _, chatter = process.communicate()
    assert process.returncode == code
    assert "Traceback" not in chatter
    _, alive = psutil.wait_procs(engine, timeout=60)
    assert not alive


def test_nothing_survives_kill_9_and_resume_goes_on(tmp_path: Path) -> None:
    output = tmp_path / "samples.jsonl"
    command = [*SORMCTL, *SAMPLE, "--concurrency", "16", problems(tmp_path, 200), "-o", str(output)]
    process, engine = in_the_middle(command, output)
    process.kill()
    process.communicate()
    gone, alive = psutil.wait_procs(engine, timeout=60)
    assert not alive and gone
    whole = subprocess.run([*command, "--resume"], check=True)
    assert whole.returncode == 0
    ids = [json.loads(line)["solution_id"] for line in output.read_bytes().splitlines()]
    assert len(ids) == len(set(ids)) == 1600


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)], ids=["kill -9", "Ctrl-C"]
)
def test_nothing_survives_while_the_model_loads(tmp_path: Path, number: int, code: int) -> None:
    command = [*SORMCTL, *SAMPLE, problems(tmp_path, 3)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    engine: list[psutil.Process] = []
    while not any("EngineCore" in child.name() for child in engine):
        assert process.poll() is None
        time.sleep(0.1)
        engine = psutil.Process(process.pid).children(recursive=True)
    if number == signal.SIGINT:  # a terminal sends it to everyone
        os.killpg(process.pid, number)
    else:
        process.kill()
    written, chatter = process.communicate()
    assert chatter == b""
    assert (b"interrupted" in written) == (number == signal.SIGINT)  # its reader is told
    assert process.returncode == code
    _, alive = psutil.wait_procs(engine, timeout=60)
    assert not alive


def test_an_engine_that_dies_ends_the_command_with_one_line(tmp_path: Path) -> None:
    output = tmp_path / "samples.jsonl"
    command = [*SORMCTL, *SAMPLE, "--concurrency", "16", problems(tmp_path, 200), "-o", str(output)]
    process, engine = in_the_middle(command, output)
    for child in engine:
        if "EngineCore" in child.name():
            child.kill()
    _, chatter = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "engine vllm failed" in chatter
    assert "Traceback" not in chatter
    _, alive = psutil.wait_procs(engine, timeout=60)
    assert not alive


def records(*arguments: str) -> list[dict[str, Any]]:
    """What a command writes to standard output."""
    run = subprocess.run([*SORMCTL, *arguments, "-q"], capture_output=True, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def trained(folder: Path, command: str, data: Path, *options: str) -> str:
    """A model that learned from `data`, from the embedded student."""
    output = str(folder / command)
    base = ["--model", "embedded:student", "--lr", "1e-3", "--batch-size", "8", "-o", output]
    subprocess.run([*SORMCTL, command, *base, *options, str(data), "-q"], check=True)
    return output


def test_it_runs_what_was_trained_here(tmp_path: Path) -> None:
    """A student with merged adapters writes what it writes by transformers, and a reward model
    judges as it judges there."""
    asked = problems(tmp_path, 16)
    samples, labelled = tmp_path / "samples.jsonl", tmp_path / "labelled.jsonl"
    drawn = ["sample", "--model", "embedded:student", "-n", "2", asked, "-o", str(samples)]
    subprocess.run([*SORMCTL, *drawn, "-q"], check=True)
    by_outcome = ["label-steps", "--by", "outcome", str(samples), "-o", str(labelled)]
    subprocess.run([*SORMCTL, *by_outcome, "-q"], check=True)
    student = trained(tmp_path, "train-student", Path(asked), "--lora", "4")
    judge = trained(tmp_path, "train-rm", labelled)
    written, judged = {}, {}
    for engine in ("hf", "vllm"):
        by = ("--engine", engine)
        drafts = records("sample", "--greedy", "--model", student, *by, asked)
        written[engine] = [draft["steps"] for draft in drafts]
        scored = records("score", "--rm", judge, *by, str(labelled))
        judged[engine] = [p for solution in scored for p in solution["scores"]["train-rm"]]
    assert written["vllm"] == written["hf"]
    assert judged["vllm"] == pytest.approx(judged["hf"], abs=1e-3)
    assert len({round(p, 3) for p in judged["hf"]}) > 10
