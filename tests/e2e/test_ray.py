"""Engine ray on the command line: a local cluster of two nodes, and a replica that is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from tests.engines.cluster import two_nodes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed"),
]
SORMCTL = [sys.executable, "-m", "sormctl"]
RAY = ["--engine", "ray", "--replicas", "2", "--engine-arg", "inner=hf"]


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[str]:
    with two_nodes() as address:
        yield address


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("samples")
    problems = run("problems", "chain", "-n", "60", output=folder / "problems.jsonl")
    sampled = ("sample", problems, "-n", "2", "--model", "embedded:student")
    return run(*sampled, output=folder / "samples.jsonl")


def run(*arguments: str, output: Path) -> str:
    with output.open("wb") as file:
        subprocess.run([*SORMCTL, *arguments, "-q"], stdout=file, check=True)
    return str(output)


def replicas() -> list[psutil.Process]:
    """Those of our cluster; there may be another on the machine."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "ray::Replica" in " ".join(process.cmdline()):
                found.append(process)
    return found


def test_a_killed_replica_changes_no_label(samples: str, tmp_path: Path) -> None:
    label = ["label-steps", samples, "--model", "embedded:student", "-k", "8"]
    expected = run(*label, output=tmp_path / "hf.jsonl")
    found = tmp_path / "ray.jsonl"
    with found.open("wb") as file:
        process = subprocess.Popen(
            [*SORMCTL, *label, *RAY, "-q", "--concurrency", "4"],
            stdout=file,
            stderr=subprocess.PIPE,
        )
        while process.poll() is None and found.stat().st_size == 0:
            time.sleep(0.01)
        assert process.poll() is None  # in the middle
        killed = replicas()[0]
        killed.kill()
        _, chatter = process.communicate()
    assert (process.returncode, chatter) == (0, b"")
    assert labels(found) == labels(Path(expected))
    assert not replicas()


def labels(path: Path) -> dict[object, object]:
    records = [json.loads(line) for line in path.read_text().splitlines()]
    return {record["solution_id"]: record["labels"] for record in records}


def test_a_cluster_without_room_is_told_in_one_line(samples: str) -> None:
    command = [*SORMCTL, "label-steps", samples, "--model", "embedded:student", *RAY]
    done = subprocess.run(
        [*command, "--replicas", "9", "--engine-arg", "wait=2", "-q"],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "no room for 9 replicas of 1 CPU each after 2 s (in all it has 4 CPU)" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not replicas()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_an_interrupt_ends_it_as_it_ends_others(samples: str, number: int, code: int) -> None:
    command = [*SORMCTL, "label-steps", samples, "--model", "embedded:student", *RAY, "-q"]
    process = subprocess.Popen(
        [*command, "--concurrency", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None and process.stdout.read(1)
    running = replicas()
    process.send_signal(number)
    _, chatter = process.communicate()
    assert (process.returncode, chatter) == (code, b"")
    _, alive = psutil.wait_procs(running, timeout=60)
    assert running and not alive


def test_no_replica_survives_kill_9(samples: str) -> None:
    command = [*SORMCTL, "label-steps", samples, "--model", "embedded:student", *RAY, "-q"]
    process = subprocess.Popen([*command, "--concurrency", "1"], stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.read(1)
    running = replicas()
    assert len(running) == 2
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(running, timeout=60)
    assert not alive


def test_a_cluster_of_its_own_ends_with_kill_9(samples: str) -> None:
    """Soon: Ray sees to most of it, but its agents would look for the cluster for a minute."""
    alone = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    command = [*SORMCTL, "label-steps", samples, "--model", "embedded:student", *RAY, "-q"]
    process = subprocess.Popen([*command, "--concurrency", "1"], stdout=subprocess.PIPE, env=alone)
    assert process.stdout is not None and process.stdout.read(1)
    cluster = psutil.Process(process.pid).children(recursive=True)
    names = {Path(child.cmdline()[0]).name.strip() for child in cluster}
    process.kill()
    process.communicate()
    assert {"gcs_server", "raylet", "ray::DashboardAgent", "ray::Replica"} <= names
    _, alive = psutil.wait_procs(cluster, timeout=30)
    assert not alive


def test_a_bad_argument_of_the_inner_engine_is_told_in_one_line(samples: str) -> None:
    command = [*SORMCTL, "label-steps", samples, "--model", "embedded:student", *RAY]
    done = subprocess.run(
        [*command, "--engine-arg", "colour=red", "-q"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "engine hf has no argument `colour`" in done.stderr
    assert len(done.stderr.splitlines()) == 1
