"""Parquet, a batch of rows at a time."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from sormctl.errors import DataError, UsageError, first_line
from sormctl.missing import install
from sormctl.rows.base import Rows, placed
from sormctl.rows.values import plain_value

MAGIC = b"PAR1"
BATCH = 256  # rows
BUFFER = 1 << 20  # bytes of a column that are read ahead


def parquet_rows(first: bytes, rest: BinaryIO, name: str) -> Rows:
    """The rows of a Parquet file of which `first` was read, and `rest` was not."""
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise UsageError(f"{name} is Parquet; to read it, {install('hub')}") from None
    try:
        with _seekable(name, first, rest) as file:
            table = ParquetFile(file, buffer_size=BUFFER, pre_buffer=False)  # else it is held whole
            batches = table.iter_batches(BATCH, use_threads=False)
            rows = chain.from_iterable(batch.to_pylist() for batch in batches)
            yield from placed(map(plain_value, rows), name)
    except (ArrowException, OSError) as error:
        raise DataError(f"{name}: cannot be read as Parquet ({first_line(error)})") from None


@contextmanager
def _seekable(name: str, first: bytes, rest: BinaryIO) -> Iterator[BinaryIO]:
    """The file itself; a copy of it on disk if it is compressed, or comes through a pipe."""
    if Path(name).is_file():
        with open(name, "rb") as file:
            if file.read(len(MAGIC)) == MAGIC:
                yield file
                return
    with tempfile.TemporaryFile() as copy:
        copy.write(first)
        shutil.copyfileobj(rest, copy)
        yield copy
