"""Values that wait in a temporary file, so that memory need not hold them."""

from __future__ import annotations

import marshal
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Final, Generic, Self, TypeVar

from sormctl.errors import OutputError
from sormctl.streams.output import writing

T = TypeVar("T")
BLOCK_BYTES: Final = 1 << 18
_HEAD = 8  # bytes of the length before each block


class Spool(Generic[T]):
    """Tuples of bytes and numbers, in the order in which they came. They can be read once.

    Memory holds those of one block, `block_bytes` by `size`; the file (TMPDIR) goes with the spool.
    OutputError where there is no room.
    """

    def __init__(self, size: Callable[[T], int], block_bytes: int = BLOCK_BYTES) -> None:
        self._size = size
        self._block_bytes = block_bytes
        with _spilling():
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 (closed by __exit__)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()

    def keep(self, values: Iterable[T]) -> Iterator[T]:
        """The values, which are kept by the time that there is no more of them."""
        block: list[T] = []
        num_bytes = 0
        for value in values:
            block.append(value)
            num_bytes += self._size(value)
            if num_bytes >= self._block_bytes:
                self._write(block)
                block.clear()
                num_bytes = 0
            yield value
        self._write(block)

    def read(self) -> Iterator[T]:
        """The values that were kept, from the first on; at the end the file goes."""
        with self._file:
            with _spilling():
                self._file.seek(0)  # writes what is still in its buffer
            while head := self._file.read(_HEAD):
                yield from marshal.loads(self._file.read(int.from_bytes(head)))

    def _write(self, block: list[T]) -> None:
        data = marshal.dumps(block)
        with _spilling():
            self._file.write(len(data).to_bytes(_HEAD))
            self._file.write(data)


def _spilling() -> AbstractContextManager[None]:
    try:
        folder = tempfile.gettempdir()
    except OSError as error:
        raise OutputError(f"{error.strerror}; set TMPDIR to one that can be written") from None
    return writing(f"temporary files in {folder} (set TMPDIR to move them)")
