"""The rows of a file or of standard input, in whatever format they are."""

from __future__ import annotations

import stat
from itertools import chain
from pathlib import PurePath

from sormctl.errors import DataError
from sormctl.explaining import LFS_POINTER, explain_foreign
from sormctl.rows.base import LONGEST, Rows, filled, is_text
from sormctl.rows.content import opened
from sormctl.rows.csv_text import SEPARATORS, csv_rows
from sormctl.rows.json_text import LINES, IsRow, json_rows, never
from sormctl.rows.parquet import MAGIC, parquet_rows
from sormctl.streams.compression import without_compression
from sormctl.streams.jsonl import AROUND, numbered_lines, shown, stat_input

PARQUET, CSV, TSV = ".parquet", ".csv", ".tsv"
JSON = (".json", *LINES)


def read_rows(name: str, is_row: IsRow = never) -> Rows:
    """The rows of a file, or of standard input (`-`), with their places.

    The format is that of the file's name; where the name says none, what the file begins with
    decides. A single object of JSON may hold the array of rows, unless it `is_row` itself.
    UsageError at once if it cannot be read; DataError at a row that cannot be read.
    """
    stat_input(name)
    return _rows(name, is_row)


def row_stem(name: str) -> str:
    """What a file's rows are called that have no id: its name, without its endings."""
    status = stat_input(name)
    is_file = status is not None and stat.S_ISREG(status.st_mode) and name != "-"
    return PurePath(without_endings(name)).name if is_file else "stdin"


def without_endings(name: str) -> str:
    """A file's name without what says its format: `folder/mine` of `folder/mine.csv.gz`."""
    return str(PurePath(without_compression(name)).with_suffix(""))


def _rows(name: str, is_row: IsRow) -> Rows:
    place = shown(name)
    suffix = PurePath(without_compression(name)).suffix.lower()
    with opened(name) as content:
        lines = numbered_lines(content, place, LONGEST)
        first = next(filled(lines), None)
        if first is None:
            return
        found = chain([first], lines)
        if first[1].startswith(MAGIC):
            yield from parquet_rows(first[1], content, place)
        elif first[1].startswith(LFS_POINTER):
            raise DataError(f"{place}: {explain_foreign(first[1])}")
        elif suffix == PARQUET:
            raise DataError(f"{place}: not a Parquet file; name it as what it is")
        elif suffix == TSV:
            yield from csv_rows(found, place, "\t")
        elif suffix == CSV or (suffix not in JSON and _is_header(first[1])):
            yield from csv_rows(found, place)
        else:
            yield from json_rows(found, content, place, suffix, is_row)


def _is_header(line: bytes) -> bool:
    """Whether a first line is that of a table, and not of JSON or of no text at all."""
    text = line.strip(AROUND)
    return (
        is_text(text)
        and not text.startswith((b"{", b"["))
        and any(separator.encode() in text for separator in SEPARATORS)
    )
