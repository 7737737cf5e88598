"""A vLLM server on this machine, for engine openai."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from sormctl.models import resolve_model

# without chunked prefill: on a CPU, vLLM 0.32 dies of seeded requests with it
_ARGUMENTS = (
    *("-m", "vllm.entrypoints.openai.api_server"),
    *("--host", "127.0.0.1", "--dtype", "float32", "--enforce-eager", "--max-num-seqs", "16"),
    *("--no-enable-chunked-prefill", "--max-num-batched-tokens", "2048", "--block-size", "32"),
    *("--kv-cache-memory-bytes", str(1 << 27)),
)
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "NO_PROXY": "127.0.0.1"}
_START_SECONDS = 300


class Server:
    """A server of a model, by default the embedded student, in a process group of its own."""

    def __init__(
        self, model: str = "embedded:student", name: str = "student", *arguments: str
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/v1"
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (ends with the server)
        self._process = subprocess.Popen(
            [
                *(sys.executable, *_ARGUMENTS, "--port", str(port)),
                *("--model", resolve_model(model), "--served-model-name", name, *arguments),
            ],
            stdout=self._log,
            stderr=self._log,
            env=os.environ | ENVIRONMENT,
            start_new_session=True,
        )

    def wait(self) -> None:
        """Until it answers."""
        opener = build_opener(ProxyHandler({}))
        end = time.monotonic() + _START_SECONDS
        while self._process.poll() is None and time.monotonic() < end:
            with contextlib.suppress(URLError, ConnectionError, TimeoutError):
                opener.open(f"{self.url}/models", timeout=5).close()
                return
            time.sleep(1)
        self._log.seek(0)
        raise AssertionError(f"the server does not start: {self._log.read()[-2000:]!r}")

    def kill(self) -> None:
        """At once, with what it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._log.close()


@contextmanager
def serving() -> Iterator[Server]:
    """A server that works, which OPENAI_BASE_URL names meanwhile."""
    server = Server()
    try:
        server.wait()
        with patch.dict(os.environ, ENVIRONMENT, OPENAI_BASE_URL=server.url):
            yield server
    finally:
        server.kill()
