"""Laws of the streams: a run that dies anywhere, and is resumed, ends as if it had not died."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sormctl.records import encode
from sormctl.streams.grouping import group_lines
from sormctl.streams.job_outputs import Job
from sormctl.streams.jsonl import read_records
from tests.unit.streams.jobs import problems, run, scripted, write

COUNT = 6


@pytest.fixture(scope="module", params=["out.jsonl", "out.jsonl.gz"])
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a run that was not interrupted; an id occurs twice, one makes no record."""
    folder = tmp_path_factory.mktemp("finished")
    source = [*problems(COUNT), {"id": "none", "words": 5}, *problems(2)]
    output = folder / str(request.param)
    run(Job("sample", {}, [write(folder / "in.jsonl", source)], output), scripted())
    return output


@given(data=st.data())
def test_a_run_cut_anywhere_is_resumed_to_the_same_bytes(finished: Path, data: Any) -> None:
    whole = finished.read_bytes()
    entries = finished.with_name(f"{finished.name}.journal").read_bytes()
    kept = data.draw(st.integers(0, len(whole)), label="bytes of the file")
    noted = data.draw(st.integers(0, len(entries)), label="bytes of the journal")
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / finished.name
        path.write_bytes(whole[:kept])
        path.with_name(f"{path.name}.journal").write_bytes(entries[:noted])
        manifest = finished.with_name(f"{finished.name}.manifest.json")
        path.with_name(manifest.name).write_bytes(manifest.read_bytes())
        engine = scripted()
        source = str(finished.parent / "in.jsonl")
        run(Job("sample", {}, [source], path, resume=True, quiet=True), engine)
        assert path.read_bytes() == whole
        assert path.with_name(f"{path.name}.journal").read_bytes() == entries
        if kept == len(whole):  # what was finished is not made again
            assert engine.calls == COUNT + 3 - entries[:noted].count(b"\n")


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers())), st.integers(1, 1000))
def test_groups_on_disk_are_those_in_memory(items: list[tuple[str, int]], bound: int) -> None:
    names = list(dict.fromkeys(name for name, _ in items))
    expected = [[item for item in items if item[0] == name] for name in names]
    lines = ((name, (f"{name} {n}".encode(), 1, n)) for name, n in items)
    groups = list(group_lines(lines, max_bytes=bound))
    assert groups == [[(f"{name} {n}".encode(), 1, n) for name, n in group] for group in expected]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda values: (
        st.lists(values) | st.dictionaries(st.text(st.characters(codec="utf-8")), values)
    ),
    max_leaves=10,
)
objects = st.dictionaries(st.text(st.characters(codec="utf-8")), json_values)


@given(records=st.lists(objects), compressed=st.booleans())
def test_what_is_written_is_read(records: list[dict[str, Any]], compressed: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("a.jsonl.gz" if compressed else "a.jsonl")
        data = b"".join(map(encode, records))
        path.write_bytes(gzip.compress(data) if compressed else data)
        assert list(read_records([str(path)], dict)) == records
