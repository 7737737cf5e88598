"""Reading a stream twice."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Generic, TypeVar

from sormctl.records import Json
from sormctl.streams.decoding import decoder
from sormctl.streams.output import encode, writing

T = TypeVar("T")


class Spool(Generic[T]):
    """A stream that is kept in a temporary file while it is read for the first time."""

    def __init__(
        self, file: IO[bytes], to_json: Callable[[T], Json], parse: Callable[[Json], T]
    ) -> None:
        self._file = file
        self._to_json = to_json
        self._parse = parse

    def keep(self, records: Iterable[T]) -> Iterator[T]:
        """The records, each once it is kept; OutputError where there is no room."""
        place = f"temporary files in {tempfile.gettempdir()} (set TMPDIR to move them)"
        for record in records:
            with writing(place):
                self._file.write(encode(self._to_json(record)))
            yield record

    def read(self) -> Iterator[T]:
        """The records that were kept, from the first on."""
        with writing("temporary files"):
            self._file.seek(0)  # writes what is still in its buffer
        return map(decoder(self._parse), self._file)


@contextmanager
def spool(to_json: Callable[[T], Json], parse: Callable[[Json], T]) -> Iterator[Spool[T]]:
    """A spool whose file (TMPDIR) goes when the block ends; memory holds one record."""
    with tempfile.TemporaryFile() as file:
        yield Spool(file, to_json, parse)
