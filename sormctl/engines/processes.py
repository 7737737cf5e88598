"""Processes that an engine starts: where they write, and that none outlives this one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import active_children
from multiprocessing.util import register_after_fork

_LOOK_SECONDS = 0.1


class Log:
    """Where vLLM's processes write: standard error if `verbose`, else a temporary file."""

    def __init__(self, verbose: bool) -> None:
        self.verbose = verbose
        os.environ.setdefault("VLLM_LOGGING_LEVEL", "INFO" if verbose else "ERROR")
        self._file = None if verbose else tempfile.TemporaryFile()  # noqa: SIM115 (see close)

    def open(self) -> int:
        """A file descriptor to write to; the caller closes it."""
        return os.dup(self._file.fileno() if self._file else 2)

    def last_error(self) -> str:
        """The last line that names an error; empty if there is none."""
        if self._file is None:
            return ""
        size = os.fstat(self._file.fileno()).st_size
        text = os.pread(self._file.fileno(), size, 0)  # leaves the place where others write
        lines = text.decode(errors="replace").splitlines()
        return next(
            (line.split("] ")[-1].strip() for line in reversed(lines) if "Error:" in line), ""
        )

    def close(self) -> None:
        """Forget the file; it has no name, so nothing stays however this ends."""
        if self._file is not None:
            self._file.close()


@contextmanager
def chatter_to(target: int) -> Iterator[None]:
    """Point descriptors 1 and 2 at `target`, which is closed, for us and for new processes."""
    os.environ["VLLM_LOGGING_STREAM"] = "ext://sys.stderr"
    os.environ["VLLM_NO_USAGE_STATS"] = "1"
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    saved = os.dup(1), os.dup(2)
    _flush_streams()
    try:
        os.dup2(target, 1)
        os.dup2(target, 2)
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        _flush_streams()
        for number, kept in enumerate(saved, start=1):
            os.dup2(kept, number)
            os.close(kept)
        os.close(target)


def _flush_streams() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # it is where the command was started with the stream closed
            with suppress(ValueError):  # somebody closed it meanwhile
                stream.flush()


class Watchdog:
    """Kills processes if this one ends without a chance to; they would stay."""

    def __init__(self, pids: Iterable[int] = ()) -> None:
        # the pipe ends when this process does, however it does; an empty line says that all is well
        script = 'while read -r pid; do [ "$pid" ] || exit; set -- "$@" "$pid"; done; kill -9 "$@"'
        self._process = subprocess.Popen(
            ["sh", "-c", script],
            stdin=subprocess.PIPE,
            bufsize=0,  # a buffer has a lock, which a child made by fork may find taken for ever
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        register_after_fork(self, Watchdog._leave)
        self._watch(pids)

    @contextmanager
    def over_children(self) -> Iterator[None]:
        """Watches over the processes that start in the block, as soon as they do."""
        done = threading.Event()

        def look() -> None:
            known = frozenset[int]()
            is_last = False
            while not is_last:
                is_last = done.wait(_LOOK_SECONDS)
                found = frozenset(child.pid for child in active_children() if child.pid)
                self._watch(found - known)
                known |= found

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def stop(self) -> None:
        """The processes have ended by themselves."""
        self._process.communicate(b"\n")

    def _watch(self, pids: Iterable[int]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"".join(b"%d\n" % pid for pid in pids))

    def _leave(self) -> None:
        """In a child made by fork: as long as it had the pipe, that would not end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
