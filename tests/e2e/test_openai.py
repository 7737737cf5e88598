"""Engine `openai` against real vLLM servers, one of which dies."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import pytest

from sormctl.engines.encoding import resolve_model

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("vllm") is None, reason="vllm is not installed"),
]

# without chunked prefill: on a CPU, vLLM 0.32 dies of seeded requests with it
SERVER = (
    *("-m", "vllm.entrypoints.openai.api_server", "--served-model-name", "student"),
    *("--host", "127.0.0.1", "--dtype", "float32", "--enforce-eager", "--max-num-seqs", "16"),
    *("--no-enable-chunked-prefill", "--max-num-batched-tokens", "2048", "--block-size", "32"),
    *("--kv-cache-memory-bytes", str(1 << 27)),
)
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "NO_PROXY": "127.0.0.1"}
START_SECONDS = 300


class Server:
    """A vLLM server in a process group of its own."""

    def __init__(self, log: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/v1"
        argv = [sys.executable, *SERVER, "--port", str(port)]
        argv += ["--model", resolve_model("embedded:student")]
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                argv, stdout=file, stderr=file, env=ENVIRONMENT, start_new_session=True
            )

    def wait(self) -> None:
        """Until it answers."""
        opener = build_opener(ProxyHandler({}))
        end = time.monotonic() + START_SECONDS
        while self.process.poll() is None and time.monotonic() < end:
            with contextlib.suppress(URLError, ConnectionError):
                opener.open(f"{self.url}/models", timeout=5).close()
                return
            time.sleep(1)
        raise AssertionError("the server does not start")

    def kill(self) -> None:
        """At once, with what it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    with ExitStack() as stack:
        found = []
        for number in range(2):
            found.append(Server(tmp_path_factory.mktemp("server") / f"{number}.log"))
            stack.callback(found[-1].kill)
        for server in found:
            server.wait()
        yield found


@contextmanager
def sormctl(*arguments: str, **options: object) -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, "-m", "sormctl", *arguments]
    with subprocess.Popen(argv, env=ENVIRONMENT, **options) as process:
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
