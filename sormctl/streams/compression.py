"""How files are compressed: read by what they begin with, written by their name."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from sormctl.errors import DataError, UsageError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_READ, _WRITTEN = (".gz", ".zst"), ".gz"
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def is_written_packed(path: PurePath) -> bool:
    """Whether a file of this name is written compressed, by gzip."""
    return path.suffix == _WRITTEN


def without_compression(name: str) -> str:
    """The name of what a compressed file holds: `mine.csv` of `mine.csv.gz`."""
    return next((name.removesuffix(end) for end in _READ if name.endswith(end)), name)


class Content(io.RawIOBase):
    """What a file holds, without its compression, if it `is_packed`; the `name` is for messages.

    Reading raises DataError where it is not whole, and UsageError where it cannot be read.
    """

    def __init__(self, file: io.BufferedReader[Any], name: str) -> None:
        self._name = name
        self._damaged: tuple[type[Exception], ...] = (gzip.BadGzipFile, EOFError, zlib.error)
        with self._explaining():
            self._file = self._decompressed(file)
        self.is_packed = self._file is not file

    def _decompressed(self, file: io.BufferedReader[Any]) -> Any:
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
                f"{self._name}: not a whole compressed file, or not it alone ({error}); "
                "make it again"
            ) from None
        except OSError as error:
            raise UsageError(f"cannot read {self._name}: {error.strerror}") from None


def _zstd() -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd
