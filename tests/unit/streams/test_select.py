"""Records that a command keeps are written as they stood in the input."""

from __future__ import annotations

from pathlib import Path

import pytest

from sormctl.errors import DataError
from sormctl.streams.driver import select_records
from sormctl.streams.jobs import Job

HEAD = b'"task":"t","problem_id":"p","question":"q","answer":"1","steps":["1"],"predicted":"1"'
RIGHT = b'{ "mine" : 1.50, "solution_id":"a","correct":true,' + HEAD + b"}"
WRONG = b'{"solution_id":"b","correct":false,' + HEAD + b"}"


def selected(data: bytes, tmp_path: Path) -> bytes:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(data)
    job = Job("select", {}, [str(source)], target, quiet=True)
    select_records(job, lambda records: (r for r in records if r.correct))
    return target.read_bytes()


def test_the_bytes_of_a_kept_record_stay(tmp_path: Path) -> None:
    lines = b"\n".join([WRONG, RIGHT, b"", WRONG, RIGHT])
    assert selected(lines, tmp_path) == RIGHT + b"\n" + RIGHT + b"\n"


def test_what_stands_around_a_record_goes(tmp_path: Path) -> None:
    assert selected(b"\xef\xbb\xbf" + RIGHT + b" \r\n", tmp_path) == RIGHT + b"\n"


def test_a_bad_record_is_named_also_where_it_would_not_be_kept(tmp_path: Path) -> None:
    bad = WRONG.replace(b'["1"]', b"[1]")
    with pytest.raises(DataError, match=r"in.jsonl:2: `steps\[0\]` must be a string"):
        selected(RIGHT + b"\n" + bad, tmp_path)
