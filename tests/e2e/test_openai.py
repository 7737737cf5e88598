"""Engine `openai` against real vLLM servers, one of which dies."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.engines.servers import ENVIRONMENT, Server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("vllm") is None, reason="vllm is not installed"),
]


@pytest.fixture(scope="module")
def servers() -> Iterator[list[Server]]:
    with ExitStack() as stack:
        found = []
        for _ in range(2):
            found.append(Server())
            stack.callback(found[-1].kill)
        for server in found:
            server.wait()
        yield found


@contextmanager
def sormctl(*arguments: str, **options: object) -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, "-m", "sormctl", *arguments]
    with subprocess.Popen(argv, env=os.environ | ENVIRONMENT, **options) as process:
        yield process


def output(*arguments: str) -> list[dict[str, object]]:
    with sormctl(*arguments, stdout=subprocess.PIPE) as process:
        text, _ = process.communicate()
    assert process.returncode == 0
    return [json.loads(line) for line in text.splitlines()]


def by_problem(records: list[dict[str, object]]) -> dict[object, object]:
    return {record["problem_id"]: (record["steps"], record["source"]) for record in records}


def test_a_server_gives_the_greedy_text_of_hf(servers: list[Server], tmp_path: Path) -> None:
    problems = write_problems(tmp_path, 40)
    greedy = ("sample", str(problems), "--model", "embedded:student", "--temperature", "0")
    served = output(*greedy, "--engine", "openai", "--base-url", servers[0].url)
    assert by_problem(served) == by_problem(output(*greedy))


def test_no_record_is_lost_when_a_server_dies(servers: list[Server], tmp_path: Path) -> None:
    problems, found = write_problems(tmp_path, 200), tmp_path / "found.jsonl"
    urls = [word for server in servers for word in ("--base-url", server.url)]
    sample = ("sample", str(problems), "-n", "4", "--model", "embedded:student", "--engine")
    with found.open("wb") as file, sormctl(*sample, "openai", *urls, stdout=file) as process:
        while process.poll() is None and found.stat().st_size == 0:
            time.sleep(0.1)
        assert process.poll() is None  # in the middle
        servers[1].kill()
    assert process.returncode == 0
    ids = [json.loads(line)["solution_id"] for line in found.read_text().splitlines()]
    assert len(ids) == len(set(ids)) == 800


def write_problems(folder: Path, n: int) -> Path:
    path = folder / "problems.jsonl"
    with path.open("wb") as file, sormctl("problems", "chain", "-n", str(n), stdout=file):
        pass
    return path
