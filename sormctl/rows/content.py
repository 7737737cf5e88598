"""The bytes of a file or of standard input, whatever they are compressed by."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO

from sormctl.errors import DataError, UsageError
from sormctl.streams.jsonl import open_raw, shown
from sormctl.streams.output import BLOCK

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

COMPRESSED = (".gz", ".zst")
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


@contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """What a file holds, or standard input (`-`). What the bytes begin with decides, no name.

    UsageError if it cannot be read; DataError, while it is read, if it is not whole.
    """
    with open_raw(name) as raw:
        buffered = io.BufferedReader(raw, BLOCK)
        try:
            yield io.BufferedReader(_Content(buffered, shown(name)), BLOCK)
        finally:
            with suppress(ValueError):  # it is closed already
                buffered.detach()  # which else would close standard input


def without_compression(name: str) -> str:
    """The name of what a compressed file holds: `mine.csv` of `mine.csv.gz`."""
    return next((name.removesuffix(end) for end in COMPRESSED if name.endswith(end)), name)


def _zstd() -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd


class _Content(io.RawIOBase):
    """Bytes without compression; says in one line what is wrong where they cannot be read."""

    def __init__(self, file: io.BufferedReader, name: str) -> None:
        self._name = name
        self._damaged: tuple[type[Exception], ...] = (gzip.BadGzipFile, EOFError, zlib.error)
        with self._explaining():
            self._file = self._decompressed(file)

    def _decompressed(self, file: io.BufferedReader) -> Any:
        start = file.peek(len(_ZSTD))
        if start.startswith(_GZIP):
            return gzip.GzipFile(fileobj=file)
        if not start.startswith(_ZSTD):
            return file
        zstd = _zstd()
        self._damaged += (zstd.ZstdError,)
        return zstd.ZstdFile(file)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        with self._explaining():
            return int(self._file.readinto(buffer))

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except self._damaged as error:
            raise DataError(
                f"{self._name}: not a whole compressed file ({error}); make it again"
            ) from None
        except OSError as error:
            raise UsageError(f"cannot read {self._name}: {error.strerror}") from None
