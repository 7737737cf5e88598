"""Rows of files in every format, compressed and piped."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
import tracemalloc
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from random import randbytes
from typing import Any

import pytest

from sormctl.errors import DataError, UsageError
from sormctl.rows.files import read_rows, row_stem
from tests.zstandard import zstd

ROWS = [{"question": f'{n} + 1?\nSay "it"; now, please', "answer": f"{n}.50"} for n in range(5)]


def table(delimiter: str) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, ["question", "answer"], delimiter=delimiter)
    writer.writeheader()
    writer.writerows(ROWS)
    return text.getvalue().encode()


def parquet() -> bytes:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow.parquet import write_table

    file = io.BytesIO()
    write_table(arrow.Table.from_pylist(ROWS), file, row_group_size=2)
    return file.getvalue()


PACKED = gzip.compress(b"{}\n", mtime=0)
DEEP = b"[" * 100_000 + b"]" * 100_000  # Python 3.11 reads some 900 levels, later ones more
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
MARK = b"\xef\xbb\xbf"  # the byte order mark
CONTENTS: dict[str, Callable[[], bytes]] = {
    "rows.jsonl": lambda: b"".join(json.dumps(row).encode() + b"\n" for row in ROWS),
    "lines.json": lambda: b"\n".join(json.dumps(row).encode() for row in ROWS),
    "rows.json": lambda: MARK + json.dumps(ROWS, indent=1).encode(),
    "one-line.json": lambda: json.dumps(ROWS).encode(),
    "held.json": lambda: json.dumps({"version": "1", "tags": ["a"], "rows": ROWS}).encode(),
    "held-lines.json": lambda: b"\n" + json.dumps({"rows": ROWS}, indent=1).encode(),
    "rows.csv": lambda: table(","),
    "semicolons.csv": lambda: MARK + table(";"),
    "rows.tsv": lambda: table("\t"),
    "rows.parquet": parquet,
}
COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": lambda data: zstd.compress(data[:50]) + zstd.compress(data[50:]),
}


def pipe(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def data_of(name: str | Path) -> list[Any]:
    return [row.data for row in read_rows(str(name))]


@pytest.mark.parametrize("compressed", COMPRESSED)
@pytest.mark.parametrize("name", CONTENTS)
def test_every_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, compressed: str
) -> None:
    """In a file, in one with no name for its format, and through a pipe."""
    content = COMPRESSED[compressed](CONTENTS[name]())
    for path in (tmp_path / f"{name}{compressed}", tmp_path / "rows"):
        path.write_bytes(content)
        assert data_of(path) == ROWS
    pipe(monkeypatch, content)
    assert data_of("-") == ROWS


def test_rows_are_named_by_their_file() -> None:
    assert row_stem(__file__) == "test_files"
    assert row_stem("/dev/null") == "stdin"


def test_the_stem_of_a_compressed_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.v2.jsonl.zst"
    path.touch()
    assert row_stem(str(path)) == "mine.v2"
    assert data_of(path) == []


@pytest.mark.parametrize(
    ("name", "content", "places"),
    [
        ("a.jsonl", '\n{"a":1}\n\n{"a":2}', [":2", ":4"]),
        ("a.json", '\n{"a":1}\n\n{"a":2}', [":2", ":4"]),
        ("a.json", '[\n{"a":1},\n{"a":2}]', [": row 1", ": row 2"]),
        ("a.csv", 'a,b\n\n"1\n1",2\n\n"3\n3\n3",4\n5,6', [":3", ":6", ":9"]),
    ],
)
def test_places(tmp_path: Path, name: str, content: str, places: list[str]) -> None:
    path = tmp_path / name
    path.write_text(content)
    assert [row.place for row in read_rows(str(path))] == [f"{path}{place}" for place in places]


@pytest.mark.parametrize(
    ("content", "places"),
    [('{"a":[{"b":1}]}', [":1"]), ('{"a":\n[{"b":1}]}', [": row 1"])],
    ids=["one line", "several"],
)
def test_an_object_that_is_a_row(tmp_path: Path, content: str, places: list[str]) -> None:
    """It may hold objects of its own, such as the turns of a conversation."""
    path = tmp_path / "a.json"
    path.write_text(content)
    assert [row.data for row in read_rows(str(path))] == [{"b": 1}]
    found = list(read_rows(str(path), lambda row: True))
    assert [row.data for row in found] == [{"a": [{"b": 1}]}]
    assert [row.place for row in found] == [f"{path}{place}" for place in places]


class Endless(io.RawIOBase):
    """A text whose last part goes on for ever."""

    def __init__(self, begin: bytes, again: bytes, packed: Callable[[bytes], bytes]) -> None:
        self._begin = packed(begin)
        self._again = packed(again * 1000)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._begin = self._begin or self._again
        size = min(len(buffer), len(self._begin))
        buffer[:size], self._begin = self._begin[:size], self._begin[size:]
        return size


@pytest.mark.parametrize("packed", [bytes, gzip.compress, zstd.compress])
@pytest.mark.parametrize(
    ("begin", "again"), [(b"", b'{"a":"1"}\n'), (b"a,b\n", b'1,"x\ny"\n'), (b"a\tb\n", b"1\t2\n")]
)
def test_rows_are_read_one_by_one(
    monkeypatch: pytest.MonkeyPatch, begin: bytes, again: bytes, packed: Callable[[bytes], bytes]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(Endless(begin, again, packed)))  # type: ignore[type-var]
    found = islice(read_rows("-"), 5000)
    assert {row.data["a"] for row in found} == {"1"}


def test_parquet_is_not_held_whole(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow.parquet import write_table

    size = 16 << 20
    text = randbytes(size // 2).hex()
    texts = [text[at : at + 4096] for at in range(0, size, 4096)]
    write_table(arrow.table({"a": texts}), tmp_path / "a.parquet", compression="none")
    tracemalloc.start()
    assert sum(len(row.data["a"]) for row in read_rows(str(tmp_path / "a.parquet"))) == size
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < size * 3 / 4


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("18446744073709551617", 18446744073709551617),
        ("51.0", 51.0),
        ("0.1", 0.1),
        ("1e5", 1e5),
        ("3.14159265358979323846", "3.14159265358979323846"),
        ("0.30000000000000000001", "0.30000000000000000001"),
        ("1e400", "1e400"),
        ("1e-99999999999999999999", "1e-99999999999999999999"),
    ],
)
def test_numbers_of_json_keep_their_digits(tmp_path: Path, written: str, value: Any) -> None:
    for name, content in (("a.jsonl", f'{{"a":{written}}}'), ("a.json", f'[{{"a":{written}}}]')):
        (tmp_path / name).write_text(content)
        assert data_of(tmp_path / name) == [{"a": value}]


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("a,b\n1,2\n", [{"a": "1", "b": "2"}]),
        ("a;b\n0,50;2\n", [{"a": "0,50", "b": "2"}]),
        ("a\tb\n1,5\t2\n", [{"a": "1,5", "b": "2"}]),
        (",a\n0,x\n", [{"a": "x"}]),  # as pandas writes an index
        ("a,b\r\n1,\r\n", [{"a": "1", "b": ""}]),
        ('"a, c";b\n1;2\n', [{"a, c": "1", "b": "2"}]),
    ],
)
def test_tables(tmp_path: Path, content: str, rows: list[Any]) -> None:
    (tmp_path / "a.csv").write_bytes(content.encode())
    assert data_of(tmp_path / "a.csv") == rows


def test_values_of_typed_tables_are_those_of_json(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    from datetime import date
    from decimal import Decimal

    from pyarrow.parquet import write_table

    row = {"a": Decimal("1.50"), "b": date(2024, 1, 2), "c": b"x", "d": [{"e": 1.5}], "f": None}
    write_table(arrow.Table.from_pylist([row]), tmp_path / "a.parquet")
    plain = {"a": "1.50", "b": "2024-01-02", "c": "<bytes>", "d": [{"e": 1.5}], "f": None}
    assert data_of(tmp_path / "a.parquet") == [plain]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b'[{"a": 1},\n  oops]', r"a.json:2: not JSON \(.*\); mend it there"),
        ("a.json", b'\n\n{"a": 1,\n  oops}', r"a.json:4: not JSON"),
        ("a.json", b"3", "a.json: holds no array of rows"),
        ("a.json", b"[1]", "a.json: row 1: not an object"),
        (
            "a.json",
            b'{"train":[{"a":1}],"test":[{"a":1}]}',
            "several arrays of rows .train, test",
        ),
        ("a.json", b'[{"a":"\xe9"}]', "a.json: not UTF-8 text; convert the file with iconv"),
        ("a.jsonl", b'{"a":1}\n[2]\n', "a.jsonl:2: not a JSON object"),
        ("a.jsonl", b'{"a":1}\n{"a":\n', "a.jsonl:2: not JSON"),
        ("a.jsonl", b'{"a":"\xe9"}\n', "a.jsonl:1: not UTF-8 text"),
        ("a.jsonl", b'{"a":' + DEEP + b"}\n", "a.jsonl:1: a field is nested"),
        ("a.json", DEEP, "a.json: a field is nested"),
        ("a.csv", b"a,b\n1,2\n1,2,3\n", "a.csv:3: 3 fields, but the header names 2; .* a comma"),
        ("a.csv", b"a;b\n1\n", "a.csv:2: 1 fields, but the header names 2; .* a semicolon"),
        ("a.csv", b'a,b\n1,2\n"1,2\n3,4\n', r"a.csv:3: not CSV \(unexpected end of data\)"),
        ("a.csv", b'a,b\n"He "is" it",2\n', r'a.csv:2: not CSV .* is doubled \(""\)'),
        ("a.csv", b"a,b\r1,2\r", r"a.csv:1: not CSV \(new-line character"),
        ("a.csv", b"a,b,a\n1,2,3\n", "a.csv:1: the header names `a` twice"),
        ("a.csv", b"a,b\n1,\xe9\n", "a.csv:2: not UTF-8 text"),
        ("a.parquet", b"a,b\n1,2\n", "a.parquet: not a Parquet file; name it"),
        (
            "a.jsonl",
            b'{"b": "\xc3\xa9", "a": NaN}',
            r"a.jsonl:1: not JSON \(`NaN` at column 17\); wr",
        ),
        ("a.json", b'[\n{"a": -Infinity}]', r"a.json:2: not JSON \(`Infinity`\); write null"),
        ("a.jsonl", POINTER, "a.jsonl: a pointer of Git LFS, not .* by `git lfs pull`"),
        ("a.csv", POINTER, "a.csv: a pointer of Git LFS"),
        ("a.parquet", POINTER, "a.parquet: a pointer of Git LFS"),
        ("a", b'<?xml version="1.0"?>\n<a/>\n', "a: not JSON lines but XML; write one JSON object"),
        ("a.jsonl", b"\xfd7zXZ\x00", "a.jsonl:1: compressed by xz; pipe it through xz -dc"),
        ("a", b"BZh91AY&SY,\xff\n", "a: compressed by bzip2; pipe it through bzip2 -dc"),
        ("a.gz", PACKED[:-9], "a.gz: not a whole compressed file"),
        ("a.zst", zstd.compress(b'{"a":1}\n')[:-3], "a.zst: not a whole compressed file"),
        (
            "a.gz",
            PACKED + b"and more",
            "a.gz: not a whole compressed file",
        ),
        ("a.zst", zstd.compress(b"{}\n") + b"and more", "a.zst: not a whole compressed file"),
    ],
)
def test_what_cannot_be_read_is_explained(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        list(read_rows(str(tmp_path / name)))


def test_parquet_that_is_cut_off(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(parquet()[:-10])
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        list(read_rows(str(tmp_path / "a.parquet")))


def test_parquet_needs_its_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"a.parquet is Parquet; to read it, pip install 'data"):
        list(read_rows(str(tmp_path / "a.parquet")))


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="it is a folder"):
        read_rows(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("x.jsonl", b'{"a": 1}\n{' + b" " * 2000, ":2: a line of more than 1,000 bytes"),
        ("x.csv", b"a,b\n" + b"1" * 2000, ":2: a line of more than 1,000 bytes"),
        ("x.json", b"[" + b"\n" * 2000, ": more than 1,000 bytes"),
        ("x.json", b"[" * 2000, ":1: a line of more than 1,000 bytes"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd.compress], ids=["", "gz", "zst"])
def test_what_would_fill_the_memory_is_refused(
    name: str,
    data: bytes,
    message: str,
    pack: Callable[[bytes], bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in ("files", "json_text"):
        monkeypatch.setattr(f"sormctl.rows.{module}.LONGEST", 1000)
    path = tmp_path / name
    path.write_bytes(pack(data))
    with pytest.raises(DataError, match=message):
        list(read_rows(str(path)))
