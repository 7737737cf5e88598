"""Writing: files appear whole, and whatever prevents writing is one line."""

from __future__ import annotations

import errno
import gzip
import io
import os
import sys
from pathlib import Path

import pytest

from sormctl.errors import BusyError, OutputError, UsageError
from sormctl.records import encode
from sormctl.streams import output
from sormctl.streams.output import (
    BLOCK,
    Sink,
    device,
    locked,
    replace_file,
    rewrite_file,
    standard_output,
    whole_file,
)


def test_a_record_is_a_line() -> None:
    assert encode({"steps": ("a", "ü"), "n": None}) == '{"steps":["a","ü"],"n":null}\n'.encode()


def test_a_sink_writes_all_of_it() -> None:
    class Slow(io.BytesIO):
        def write(self, data: object) -> int:
            return super().write(bytes(data)[:3])  # type: ignore[call-overload]

    raw = Slow()
    sink = Sink(raw, "slow")
    sink.write(b"0123456789")
    assert raw.getvalue() == b""  # not before the flush
    sink.flush()
    sink.flush()
    assert raw.getvalue() == b"0123456789"
    assert sink.num_bytes == 10


def test_a_sink_does_not_pile_up() -> None:
    raw = io.BytesIO()
    sink = Sink(raw, "x")
    sink.write(b"x" * (BLOCK - 1))
    assert raw.getvalue() == b""
    sink.write(b"y")
    assert len(raw.getvalue()) == BLOCK


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL])
def test_without_locks_there_is_one_warning(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: int,
) -> None:
    """As on Lustre and NFS, if they were mounted so."""

    def flock(file: object, how: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", flock)
    for name in ("a", "b"):
        with whole_file(tmp_path / name) as sink:
            sink.write(b"x\n")
        assert (tmp_path / name).read_bytes() == b"x\n"
    assert capsys.readouterr().err == (
        f"sormctl: files in {tmp_path} cannot be locked ({os.strerror(number)}); see to it that no "
        "other process writes the same\n"
    )


def test_a_reader_that_goes_away_is_no_output_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as pipe:
        sink = Sink(pipe, "pipe")
        sink.write(b"x")
        with pytest.raises(BrokenPipeError):
            sink.flush()
        sink.flush()  # what could not be written is gone


def test_a_whole_file_appears_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(b"before")
    with whole_file(path) as sink:
        sink.write(b"after")
        sink.flush()
        assert path.read_bytes() == b"before"
    assert path.read_bytes() == b"after"
    assert list(tmp_path.iterdir()) == [path]


def test_a_whole_file_that_fails_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(b"before")
    with pytest.raises(KeyboardInterrupt), whole_file(path) as sink:
        sink.write(b"after")
        sink.flush()
        raise KeyboardInterrupt
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_remains_of_a_killed_run_are_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out.partial").write_bytes(b"a longer remainder")
    with whole_file(tmp_path / "out") as sink:
        sink.write(b"new")
    assert (tmp_path / "out").read_bytes() == b"new"


def test_gzip_by_suffix(tmp_path: Path) -> None:
    with whole_file(tmp_path / "out.gz") as sink:
        sink.write(b"one\n")
        sink.flush()
        sink.write(b"two\n")
    assert gzip.decompress((tmp_path / "out.gz").read_bytes()) == b"one\ntwo\n"


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    with locked(tmp_path / "a"):
        with pytest.raises(BusyError, match="in use by another process") as caught:
            locked(tmp_path / "a").__enter__()
        assert caught.value.exit_code == 75
    with locked(tmp_path / "a"):
        pass


def test_a_full_disk_is_one_line() -> None:
    message = "cannot write /dev/full: No space left on device"
    with pytest.raises(OutputError, match=message), device(Path("/dev/full")) as sink:
        sink.write(b"x")


def test_no_such_folder(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    with pytest.raises(UsageError, match=r"no folder `.*/runz`; did you mean `.*/runs`\?$"):
        whole_file(tmp_path / "runz" / "out").__enter__()
    with pytest.raises(OutputError, match="No such file or directory"):
        device(tmp_path / "no" / "out").__enter__()


def test_a_folder_that_is_another_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named, and not the file beside the output that would have come first."""

    def refused(name: str, flags: int) -> int:
        raise PermissionError(13, "Permission denied", name)

    monkeypatch.setattr(output, "plain_file", refused)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(OutputError, match=f"^cannot write {tmp_path}: Permission denied$"):
        whole_file(tmp_path / "out").__enter__()


def test_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw))
    with pytest.raises(ValueError), standard_output() as sink:
        sink.write(b"kept")  # what was made before the error
        raise ValueError
    assert raw.getvalue() == b"kept"
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(OutputError, match="standard output is closed; give -o FILE"):
        standard_output().__enter__()


def test_a_link_in_the_place_of_a_side_file_is_not_followed(tmp_path: Path) -> None:
    """Whoever may write into a shared folder could else have any file of ours replaced."""
    precious, path = tmp_path / "precious", tmp_path / "out"
    precious.write_text("mine")
    path.with_name("out.partial").symlink_to(precious)
    with pytest.raises(OutputError, match="cannot write"), whole_file(path):
        pass
    with pytest.raises(OutputError, match="cannot write"):
        replace_file(path, b"theirs")
    assert precious.read_text() == "mine"


@pytest.mark.parametrize("name", ["out.partial", "out"])
def test_a_pipe_in_the_place_of_a_side_file_is_not_waited_for(tmp_path: Path, name: str) -> None:
    path = tmp_path / "out"
    os.mkfifo(tmp_path / name)
    with pytest.raises(OutputError, match="cannot write"):
        replace_file(path, b"x") if name == "out.partial" else rewrite_file(path, b"x")
    with pytest.raises(OutputError, match="not a plain file"), locked(tmp_path / name):
        pass


def test_a_file_for_which_there_is_no_room_leaves_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out"
    replace_file(path, b"before")
    monkeypatch.setattr(io, "FileIO", type("Full", (io.FileIO,), {"write": lambda *_: 3}))
    with pytest.raises(OutputError, match="No space left on device"):
        replace_file(path, b"after")
    assert [*tmp_path.iterdir()] == [path]
    with pytest.raises(OutputError, match="No space left on device"):
        rewrite_file(path, b"x" * 10**6)
    assert path.read_bytes() == b"before"


def test_a_file_over_itself(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"running")
    rewrite_file(path, b"failed")
    assert path.read_bytes() == b"failed "
