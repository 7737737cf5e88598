"""Bytes out: standard output, or a file that appears whole."""

from __future__ import annotations

import errno
import fcntl
import gzip
import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from sormctl.errors import BusyError, OutputError, UsageError, tell_user
from sormctl.missing import no_such_path
from sormctl.streams.compression import is_written_packed

BLOCK = 1 << 17
PARTIAL = ".partial"


def file_beside(path: Path, suffix: str) -> Path:
    """The file that is named as another one and a suffix: FILE.journal beside FILE."""
    return path.with_name(path.name + suffix)


class Sink:
    """Where lines go. Whatever keeps them from being written is an OutputError of one line.

    With `compressed`, each flush makes one gzip member (concatenated, they are a legal file).
    """

    def __init__(self, raw: Any, name: str, compressed: bool = False) -> None:
        self.name = name
        self.num_bytes = 0  # written to `raw` so far
        self._raw = raw
        self._compressed = compressed
        self._pending: list[bytes] = []
        self._size = 0

    def write(self, line: bytes) -> None:
        self._pending.append(line)
        self._size += len(line)
        if self._size >= BLOCK:
            self.flush()

    def flush(self) -> None:
        if not self._pending:
            return
        data = b"".join(self._pending)
        self._pending.clear()
        self._size = 0
        if self._compressed:
            data = gzip.compress(data, mtime=0)
        with writing(self.name):
            self._write_all(memoryview(data))

    def _write_all(self, data: memoryview) -> None:
        while data:
            num_bytes = self._raw.write(data)
            self.num_bytes += num_bytes
            data = data[num_bytes:]


@contextmanager
def writing(name: object) -> Iterator[None]:
    """Turns an OSError into OutputError; a pipe that its reader closed stays BrokenPipeError."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write {name}: {error.strerror}") from None


@contextmanager
def standard_output() -> Iterator[Sink]:
    """Standard output, or what stands in for it; flushed at the end."""
    if sys.stdout is None or sys.stdout.closed:
        raise OutputError("standard output is closed; give -o FILE")
    sink = Sink(getattr(sys.stdout.buffer, "raw", sys.stdout.buffer), "standard output")
    with flushing(sink):
        yield sink


@contextmanager
def flushing(sink: Sink) -> Iterator[Sink]:
    """Flushes at the end, after an error too: what was finished before it is kept."""
    try:
        yield sink
    finally:
        sink.flush()


@contextmanager
def device(path: Path) -> Iterator[Sink]:
    """A pipe or a device, such as /dev/stdout, as an output."""
    with writing(path):
        file = io.FileIO(path, "wb")
    with file, flushing(Sink(file, str(path))) as sink:
        yield sink


def is_standard(path: Path | None) -> bool:
    """Whether an output is standard output: none is named, or `-`."""
    return path is None or str(path) == "-"


def is_stream(path: Path | None) -> bool:
    """Whether an output is standard output, a pipe or a device: neither a file nor a folder."""
    if path is None or is_standard(path):
        return True
    return path.exists() and not path.is_file() and not path.is_dir()


def has_content(path: Path) -> bool:
    """Whether there is something at `path` that could be lost."""
    return path.exists() and path.stat().st_size > 0


@contextmanager
def whole_file(path: Path) -> Iterator[Sink]:
    """A file that appears under its name, in one move, when the block ends without an error."""
    partial = file_beside(path, PARTIAL)
    with locked(partial) as file:
        try:
            os.ftruncate(file.fileno(), 0)
            sink = Sink(file, str(path), compressed=is_written_packed(path))
            yield sink
            sink.flush()
            with writing(path):
                os.fsync(file.fileno())
                os.replace(partial, path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


@contextmanager
def locked(path: Path) -> Iterator[io.FileIO]:
    """The file at `path`, made if need be, as its only writer; else BusyError.

    Some file systems know no locks (Lustre without its option, NFS without its daemon): then the
    user is warned, once, and sees to it. OutputError for a link in its place. UsageError where its
    folder is not there; who typed `-o` may not know `path`, but knows the folder.
    """
    folder = path.parent
    if not os.path.isdir(folder):
        raise UsageError(no_such_path("folder", str(folder)))
    is_open = path.exists() or os.access(folder, os.W_OK | os.X_OK)
    with writing(path if is_open else folder):
        file = io.FileIO(path, "ab+", opener=plain_file)
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # either, by the file system
            raise BusyError(f"{path} is in use by another process; try again later") from None
        except OSError as error:
            _warn_unlocked(path.parent, error.strerror)
        if not (path.exists() and os.path.samestat(os.fstat(file.fileno()), os.stat(path))):
            raise BusyError(f"{path} has just been finished by another process; try again")
        yield file


@cache  # once
def _warn_unlocked(folder: Path, why: str) -> None:
    tell_user(
        f"sormctl: files in {folder} cannot be locked ({why}); see to it that no other process "
        "writes the same"
    )


def replace_file(path: Path, data: bytes) -> None:
    """Writes a small file in one move. Where there is no room for another, the old one stays."""
    partial = file_beside(path, PARTIAL)
    with writing(path):
        with io.FileIO(partial, "wb", opener=plain_file) as file:
            try:
                _write_whole(file, data)
            except OSError:
                partial.unlink()
                raise
        os.replace(partial, path)


def rewrite_file(path: Path, data: bytes) -> None:
    """Writes a small file over itself, which needs no room; blanks fill what it was longer."""
    with writing(path), io.FileIO(path, "rb+", opener=plain_file) as file:
        status = os.fstat(file.fileno())
        if len(data) > status.st_blocks * 512:
            raise _no_room()
        _write_whole(file, data.ljust(status.st_size))


def _write_whole(file: io.FileIO, data: bytes) -> None:
    """Writes small `data` at once; OSError where a part of it has no room."""
    if file.write(data) != len(data):
        raise _no_room()


def _no_room() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def plain_file(name: str, flags: int) -> int:
    """Opens a file that we write beside another, and nothing that somebody put in its place.

    Neither a link, which would lead to another file, nor a pipe, which would wait for a reader.
    """
    descriptor = os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a plain file", name)
    return descriptor
