"""Reading a stream twice."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import orjson

from sormctl.records import Json
from sormctl.streams.output import writing

T = TypeVar("T")


@contextmanager
def spooled(
    records: Iterable[T], to_json: Callable[[T], Json], parse: Callable[[Json], T]
) -> Iterator[Callable[[], Iterator[T]]]:
    """Keeps a stream in a temporary file (TMPDIR); what is yielded reads it from its beginning."""
    with tempfile.TemporaryFile() as file:
        with writing(f"temporary files in {tempfile.gettempdir()} (set TMPDIR to move them)"):
            for record in records:
                file.write(orjson.dumps(to_json(record), option=orjson.OPT_APPEND_NEWLINE))

        def read() -> Iterator[T]:
            file.seek(0)
            return (parse(orjson.loads(line)) for line in file)

        yield read
