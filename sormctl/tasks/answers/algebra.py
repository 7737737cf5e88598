"""Whether two mathematical expressions are equal, by math-verify in processes of its own.

sympy can think about a short expression for ever, in code that no signal and no thread interrupts.
So it thinks beside us, with a limit of its processor time and memory after which the kernel ends
it; such a pair is not decided. Processor time, not the clock, so that a busy machine decides alike.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
from functools import lru_cache

import orjson

from sormctl.errors import SormctlError

LIMIT = 3.0  # seconds of processor time for a pair
MAX_COMPARED = 400  # of an expression; what people call an answer is shorter

_COMMAND = [sys.executable, "-P", "-m", "sormctl.tasks.answers.algebra_worker", str(LIMIT)]


class _Worker:
    """A process, which is started when it is first asked, and again after a pair ended it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def ask(self, first: str, second: str) -> bool | None:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(orjson.dumps([first, second]) + b"\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except BrokenPipeError:
            answer = b""
        if not answer:
            self.close()
        return bool(orjson.loads(answer)) if answer.strip() not in (b"", b"null") else None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._owner != os.getpid():  # a fork has one of its own
            environment = {**os.environ, "PYTHONHASHSEED": "0"}
            self._owner = os.getpid()
            self._process = subprocess.Popen(
                _COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
            )
            assert self._process.stdout is not None
            if self._process.stdout.readline() != b"ready\n":
                self.close()
                raise SormctlError(
                    "math-verify cannot be started; install it: pip install math-verify"
                )
        return self._process

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None and self._owner == os.getpid():
            process.kill()
            process.communicate()


class _Workers:
    """As many processes as threads ask at once: nobody waits for the pair of another."""

    def __init__(self) -> None:
        self._idle: list[_Worker] = []

    def ask(self, first: str, second: str) -> bool | None:
        try:
            worker = self._idle.pop()
        except IndexError:
            worker = _Worker()
        try:
            return worker.ask(first, second)
        finally:
            self._idle.append(worker)

    def close(self) -> None:
        """Ends those that nobody asks; one that is asked ends with its input, or at its limit."""
        while self._idle:
            self._idle.pop().close()


_WORKERS = _Workers()
atexit.register(_WORKERS.close)


@lru_cache(maxsize=1 << 16)
def same_expression(first: str, second: str) -> bool | None:
    """Whether math-verify finds two expressions equal; None if it does not get there in time.

    Two very long ones are not decided either; of one alone that is, the other is no spelling.
    """
    short, long = sorted((len(first), len(second)))
    if long > MAX_COMPARED:
        return None if short > MAX_COMPARED else False
    return _WORKERS.ask(*sorted((first, second)))  # it does not decide the same both ways round
