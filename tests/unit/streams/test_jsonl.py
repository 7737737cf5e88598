"""Reading JSON lines: what is tolerated, and what each error says."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sormctl.errors import DataError, RecordError, UsageError
from sormctl.records import Json
from sormctl.streams.jsonl import RecordReader, parse_shard, read_records
from tests.terminal import terminal
from tests.zstandard import zstd


def same(data: Json) -> Json:
    return data


def number(data: Json) -> int:
    if "n" not in data:
        raise RecordError("no `n`; count first")
    return int(data["n"])


def write(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return str(path)


def test_reads_files_in_order(tmp_path: Path) -> None:
    first = write(tmp_path / "a.jsonl", b'{"n": 1}\n{"n": 2}\n')
    second = write(tmp_path / "b.jsonl", b'{"n": 3}')  # no newline at the end
    assert list(read_records([first, second], number)) == [1, 2, 3]


def test_tolerates_bom_blank_lines_and_crlf(tmp_path: Path) -> None:
    name = write(tmp_path / "a.jsonl", b'\xef\xbb\xbf{"n": 1}\r\n\r\n   \n{"n": 2}\r\n')
    assert list(read_records([name], number)) == [1, 2]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd.compress])
@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_what_a_file_begins_with_says_how_it_is_compressed(
    tmp_path: Path, pack: Callable[[bytes], bytes], ending: str
) -> None:
    name = write(tmp_path / f"a.jsonl{ending}", pack(b'{"n": 1}\n') + pack(b'{"n": 2}\n'))
    assert list(read_records([name], number)) == [1, 2]


def test_standard_input_may_be_compressed(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = io.BytesIO(gzip.compress(b'{"n": 7}\n'))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(packed))
    assert list(read_records([], number)) == [7]


@pytest.mark.parametrize("names", [[], ["-"]])
def test_reads_standard_input(monkeypatch: pytest.MonkeyPatch, names: list[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"n": 7}\n')))
    assert list(read_records(names, number)) == [7]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"n": 1', "not JSON (unexpected end of data at column 8); mend or remove the line"),
        (b'{"n": ' + b"9" * 4301 + b"}", "a number is too large (at column "),
        (b'{"n": 1e999}', "a number is too large (at column 7); write it as a text"),
        (b'{"n": 1 x}', "not JSON (unexpected character"),
        (b"[1]", "not a JSON object; every line must be one"),
        (b'[{"a": 1}]', "an array of JSON objects; jq -c '.[]' writes one a line"),
        (b"[", "not JSON lines but JSON over several lines; jq -c '.[]' writes one object a li"),
        (b"{", "not JSON lines but JSON over several lines; jq -c . writes one object a line"),
        (b"PAR1\x15\xff", "not JSON lines but a Parquet file; write one JSON object a line"),
        (b"null", "not a JSON object; every line must be one"),
        (b'{"n": "\xff"}', "not UTF-8 text; convert the file with iconv"),
        (lzma.compress(b'{"n": 1}'), "compressed by xz; pipe it through xz -dc"),
        (bz2.compress(b'{"n": 1}'), "compressed by bzip2; pipe it through bzip2 -dc"),
        (b"\x28\xb5\x2f\xfd\x24", "compressed by zstd; pipe it through zstd -dc"),
        (b'{"m": 1}', "no `n`; count first"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: bytes, message: str) -> None:
    name = write(tmp_path / "a.jsonl", b'{"n": 0}\n\n' + line + b"\n")
    records = read_records([name], number)
    assert next(records) == 0  # those before it are read
    with pytest.raises(DataError) as caught:
        next(records)
    assert str(caught.value).startswith(f"{name}:3: {message}")
    assert caught.value.exit_code == 65
    assert "\n" not in str(caught.value)


def test_a_csv_is_shown_the_way_in(tmp_path: Path) -> None:
    name = write(tmp_path / "a.csv", b"question,answer\n")
    with pytest.raises(DataError, match=r"rows of a CSV, begin with `sormctl problems FILE"):
        list(read_records([name], number))


def test_a_bad_line_of_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"{}\n")))
    with pytest.raises(DataError, match=r"^<stdin>:1: no `n`"):
        list(read_records([], number))


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress])
def test_a_damaged_compressed_file(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    whole = pack(b'{"n": 1}\n')
    for damaged in (pack(b'{"n": 1}\n' * 100)[:-10], whole + b'{"n": 2}\n'):
        name = write(tmp_path / "a.jsonl.gz", damaged)
        with pytest.raises(
            DataError, match=r"a\.jsonl\.gz: not a whole compressed file, or not it"
        ):
            list(read_records([name], number))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no file `.*no\.jsonl`"):
        RecordReader([str(tmp_path / "no.jsonl")])  # at once, before anything is done
    with pytest.raises(UsageError, match="it is a folder"):
        RecordReader([str(tmp_path)])


def test_a_file_that_vanishes(tmp_path: Path) -> None:
    name = write(tmp_path / "a.jsonl", b"{}\n")
    records = read_records([name], same)
    os.remove(name)
    with pytest.raises(UsageError, match="cannot read"):
        list(records)


def test_a_file_that_breaks_while_it_is_read() -> None:
    with pytest.raises(UsageError, match="cannot read /proc/self/mem: Input/output error"):
        list(read_records(["/proc/self/mem"], same))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_of_someone_else(tmp_path: Path) -> None:
    name = write(tmp_path / "a.jsonl", b"{}\n")
    os.chmod(name, 0)
    with pytest.raises(UsageError, match="permission denied"):
        RecordReader([name])


def test_a_terminal_is_no_input(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal() as screen:
        monkeypatch.setattr(sys, "stdin", screen.file)
        with pytest.raises(UsageError, match="give a FILE, or pipe records in"):
            RecordReader()


def test_closed_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(UsageError, match="standard input is closed"):
        RecordReader()


def test_shards_are_a_partition(tmp_path: Path) -> None:
    one = write(tmp_path / "a.jsonl", b"".join(b'{"n": %d}\n' % i for i in range(5)))
    two = write(tmp_path / "b.jsonl", b"".join(b'{"n": %d}\n' % i for i in range(5, 8)))
    shards = [list(RecordReader([one, two], f"{i}/3").records(number)) for i in range(3)]
    assert shards == [[0, 3, 6], [1, 4, 7], [2, 5]]


def test_a_problem_stays_in_one_shard(tmp_path: Path) -> None:
    path = tmp_path / "solutions.jsonl"
    path.write_text("".join(f'{{"problem_id": "p{i % 50}", "x": {i}}}\n' for i in range(200)))
    shards = [list(RecordReader([str(path)], f"{i}/3").records(dict)) for i in range(3)]
    assert sorted(record["x"] for shard in shards for record in shard) == list(range(200))
    names = [{record["problem_id"] for record in shard} for shard in shards]
    assert all(names) and sum(map(len, names)) == 50


@pytest.mark.parametrize("shard", ["3/3", "-1/3", "1", "a/b", "1/", "0/0", "0/" + "1" * 5000])
def test_impossible_shards(shard: str) -> None:
    with pytest.raises(UsageError, match="give I/N with I from 0 to N-1"):
        parse_shard(shard)


def test_parents_are_hashes_of_what_was_read_whole(tmp_path: Path) -> None:
    data = gzip.compress(b"{}\n" * 3)
    one, two = write(tmp_path / "a.gz", data), write(tmp_path / "b", b"{}\n{")
    inputs = RecordReader([one, two])
    assert inputs.fraction == 0
    with pytest.raises(DataError):
        list(inputs.records(same))
    assert inputs.parents[0] == {"name": one, "sha256": hashlib.sha256(data).hexdigest()}
    assert inputs.fraction == 1
    assert inputs.num_records == 5  # the bad one, too


def test_the_place_of_a_late_error(tmp_path: Path) -> None:
    inputs = RecordReader([write(tmp_path / "a", b"{}\n\n{}\n{}\n")])
    with pytest.raises(DataError, match=r"a:3: odd$"), inputs.placing():
        for index, _ in enumerate(inputs.records(same)):
            if index == 1:
                raise RecordError("odd")
    with pytest.raises(RecordError, match=r"^odd$"), inputs.placing():
        list(inputs.records(same))
        raise RecordError("odd")  # of none of the lines: all are read


def test_how_much_was_read(tmp_path: Path) -> None:
    inputs = RecordReader([write(tmp_path / "a", b"{}\n" * 3), write(tmp_path / "b", b"{}\n" * 1)])
    assert [inputs.fraction for _ in inputs.records(same)] == [0.25, 0.5, 0.75, 1.0]
    packed = RecordReader([write(tmp_path / "a.gz", gzip.compress(b"{}\n"))])
    assert [packed.fraction for _ in packed.records(same)] == [1.0]


def test_the_length_of_a_pipe_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(writing)
    with os.fdopen(reading) as pipe:
        monkeypatch.setattr(sys, "stdin", pipe)
        inputs = RecordReader()
        assert inputs.fraction is None
        assert list(inputs.records(same)) == []
    assert inputs.parents[0]["name"] == "<stdin>"


@pytest.mark.parametrize("name", ["long.jsonl", "long.jsonl.gz"])
def test_a_line_that_never_ends_is_no_record(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sormctl.streams.jsonl.LONGEST", 1000)
    path = tmp_path / name
    data = b'{"id": 1}\n' + b"[" * 5000
    path.write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    with pytest.raises(DataError, match=r":2: a line of more than 1,000 bytes"):
        list(RecordReader([str(path)]).lines())
