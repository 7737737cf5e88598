"""Rows in the shape in which each format was published, written by hand; what is made of them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from sormctl.formats.base import Exporting, Importing
from sormctl.formats.registry import GROUP, get_format
from sormctl.plugins import plugin_names
from sormctl.records import Json, Record, Solution, encode, load_object, parse_record
from sormctl.tasks.registry import get_task
from tests.golden.compare import FILES, check

FOLDER = FILES / "formats"
FORMATS = [get_format(name) for name in plugin_names(GROUP)]
READ = [found.name for found in FORMATS if found.read]
WRITTEN = [found.name for found in FORMATS if found.write]


def lines(name: str) -> list[Json]:
    return [load_object(line) for line in (FOLDER / name).read_bytes().splitlines()]


def text(records: Iterable[Record | Json]) -> str:
    return b"".join(map(encode, records)).decode()


@pytest.mark.parametrize("name", READ)
def test_imports(name: str) -> None:
    read, how = get_format(name).read, Importing(get_task("math"))
    assert read is not None
    made = [solution for row in lines(f"{name}.rows.jsonl") for solution in read(row, how)]
    assert made
    check(f"formats/{name}.solutions.jsonl", text(made))


@pytest.mark.parametrize("name", WRITTEN)
def test_exports(name: str) -> None:
    write = get_format(name).write
    assert write is not None
    scored = [parse_record(row, Solution) for row in lines("scored.jsonl")]
    rows = [write(solution, Exporting(scores="sorm")) for solution in scored]
    check(f"formats/{name}.exported.jsonl", text(row for row in rows if row is not None))
