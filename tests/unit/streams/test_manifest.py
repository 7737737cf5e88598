"""Manifests: read again, by `--resume` and by whoever wants to know what a file cost."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path

import orjson
import pytest

from sormctl.errors import OutputError, UsageError
from sormctl.streams.manifest import Manifest, Tally, stage_costs


def made(path: Path, command: str = "sample", **arguments: object) -> Manifest:
    return Manifest(path, command, arguments, list)


def test_the_same_arguments(tmp_path: Path) -> None:
    """Paths and tuples are compared as JSON gives them back."""
    path = tmp_path / "out.jsonl"
    manifest = made(path, folder=tmp_path, stop=("a",), seed=1)
    assert not manifest.exists()
    with manifest.recording(Tally()):
        pass
    assert manifest.exists()
    made(path, folder=tmp_path, stop=["a"], seed=1).check_same()
    with pytest.raises(UsageError, match="seed is 2, but the file was made with 1"):
        made(path, folder=tmp_path, stop=["a"], seed=2).check_same()
    with pytest.raises(UsageError, match="seed is null, but the file was made with 1"):
        made(path, folder=tmp_path, stop=["a"]).check_same()
    made(path, folder=tmp_path, stop=["a"], seed=1, added_since=False).check_same()
    with pytest.raises(UsageError, match="added_since is true, but the file was made with null"):
        made(path, folder=tmp_path, stop=["a"], seed=1, added_since=True).check_same()


def test_the_outcome(tmp_path: Path) -> None:
    for error, status in ((ValueError, "failed"), (KeyboardInterrupt, "interrupted")):
        with pytest.raises(error), made(tmp_path / "out").recording(Tally(3)):
            running = orjson.loads((tmp_path / "out.manifest.json").read_bytes())
            assert (running["status"], running["finished"]) == ("running", None)
            raise error
        ended = orjson.loads((tmp_path / "out.manifest.json").read_bytes())
        assert (ended["status"], ended["records_in"]) == (status, 3)


def test_the_error_matters_more_than_its_record(tmp_path: Path) -> None:
    """Where the manifest cannot be written either, the first error is the one that is seen."""
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(ValueError), made(folder / "out").recording(Tally()):
        (folder / "out.manifest.json").unlink()
        folder.rmdir()
        raise ValueError


def test_a_full_disk_does_not_leave_it_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no room for a second file, but in the place of the first there is."""

    def no_room(*_: object) -> None:
        raise OutputError("no room")

    path = tmp_path / "out.manifest.json"
    with pytest.raises(OutputError), made(tmp_path / "out").recording(Tally(3)):
        size = path.stat().st_size
        monkeypatch.setattr("sormctl.streams.manifest.replace_file", no_room)
        raise OutputError("full")
    assert orjson.loads(path.read_bytes())["status"] == "failed"
    assert path.stat().st_size >= size


def test_time_adds_up(tmp_path: Path) -> None:
    path = tmp_path / "out.manifest.json"
    made(tmp_path / "out").write("failed", Tally())
    first = orjson.loads(path.read_bytes())
    path.write_bytes(orjson.dumps({**first, "seconds": 1000.0, "started": "2022-11-25"}))
    again = made(tmp_path / "out")
    again.check_same()
    again.write("done", Tally())
    second = orjson.loads(path.read_bytes())
    assert second["seconds"] >= 1000
    assert second["started"] == "2022-11-25"


def damaged() -> list[bytes]:
    fields = ("command", "version", "arguments", "records_out", "generated_tokens", "started")
    whole = orjson.loads(made(Path("out"))._report("done", Tally()))
    wrong = [{**whole, name: [1]} for name in (*fields, "seconds")]
    return [b"", b"{", b"[]", b"{}", b"\xff", b'{"a":' * 10**5, *map(orjson.dumps, wrong)]


@pytest.mark.parametrize("content", damaged(), ids=lambda content: str(content[:20]))
def test_a_broken_manifest(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "out.manifest.json").write_bytes(content)
    with suppress(UsageError):  # which is one line; or it is another tool's
        assert stage_costs(tmp_path) == []
    with pytest.raises(UsageError, match="is no manifest; make its file again"):
        made(tmp_path / "out").check_same()


def test_what_stages_cost(tmp_path: Path) -> None:
    for name, command, tokens in (("b.jsonl", "sample", 10), ("a.jsonl", "refine", 20)):
        with made(tmp_path / name, command).recording(
            Tally(1, 2, Counter({"generated_tokens": tokens}))
        ):
            pass
    costs = stage_costs(tmp_path)
    assert {cost["file"]: cost["tokens"] for cost in costs} == {"b.jsonl": 10, "a.jsonl": 20}
    assert {cost["file"]: cost["command"] for cost in costs}["a.jsonl"] == "refine"


def test_manifests_of_other_tools_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "theirs.manifest.json").write_text('{"started": 3}')
    assert stage_costs(tmp_path) == []
