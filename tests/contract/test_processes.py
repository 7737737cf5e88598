"""Signals, pipes and full disks, met by a real process."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path
from types import SimpleNamespace

import orjson
import pytest

import sormctl
from sormctl import __main__, cli
from tests.contract.commands import CORRECT
from tests.contract.shell import ROOT, SLOW, SORMCTL, run, start
from tests.terminal import terminal

SOLUTION = orjson.dumps(CORRECT) + b"\n"
LINES = [orjson.dumps({"id": f"p{i}"}) + b"\n" for i in range(200)]


def wait_for_lines(process: subprocess.Popen[bytes], count: int) -> list[bytes]:
    assert process.stdout
    return [process.stdout.readline() for _ in range(count)]


def test_records_come_out_while_input_is_still_open() -> None:
    with start([*SLOW, "slow"]) as process:
        assert process.stdin
        for line in LINES[:3]:
            process.stdin.write(line)
            process.stdin.flush()
            assert all(b"copy" in made for made in wait_for_lines(process, 2))
        process.stdin.close()
        assert process.wait() == 0


def test_a_pipe_passes_on_what_it_has_before_it_waits_for_more() -> None:
    with start([*SORMCTL, "filter", "--correct"]) as process:
        assert process.stdin
        for _ in range(2):
            process.stdin.write(SOLUTION)
            process.stdin.flush()
            assert orjson.loads(wait_for_lines(process, 1)[0])["solution_id"] == "s1"
        process.stdin.close()
        assert process.wait() == 0


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_an_interrupt_keeps_what_is_finished(tmp_path: Path, number: int, code: int) -> None:
    """The input stays open and idle: the process must not wait for it."""
    path = tmp_path / "out.jsonl"
    with start([*SLOW, "slow", "-o", str(path)]) as process:
        assert process.stdin and process.stderr
        process.stdin.write(b"".join(LINES[:5]))
        process.stdin.flush()
        while not path.exists() or path.read_bytes().count(b"\n") < 10:
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(number)
        assert process.wait() == code
        err = process.stderr.read()
        process.stdin.close()
    assert err == b"slow: 5 records finished; --resume goes on\n"
    manifest = orjson.loads(path.with_name("out.jsonl.manifest.json").read_bytes())
    assert (manifest["status"], manifest["records_in"]) == ("interrupted", 5)


ENDLESS = [*SORMCTL, "problems", "chain", "-n", "200000"]


def wait_until_full(process: subprocess.Popen[bytes]) -> None:
    """Waits until a process has filled the pipe that it writes to."""
    assert process.stdout
    before = -1
    while (now := waiting_in(process.stdout.fileno())) != before or not now:
        before = now
        time.sleep(0.5)


def waiting_in(descriptor: int) -> int:
    return int.from_bytes(fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)), sys.byteorder)


def test_a_reader_that_does_not_read_holds_up_no_end() -> None:
    with start(ENDLESS) as process:
        assert process.stdout and process.stderr
        wait_until_full(process)
        process.terminate()
        assert process.wait(timeout=10) == 143
        assert b"Traceback" not in process.stderr.read()


def test_a_second_signal_ends_at_once() -> None:
    with start([*SLOW, "stubborn"]) as process:
        assert process.stdout and process.stderr
        wait_for_lines(process, 1)
        process.terminate()
        wait_for_lines(process, 1)
        process.terminate()
        assert process.wait(timeout=10) == 143
        assert process.stderr.read() == b""


def test_a_line_that_was_torn_does_not_hide_the_failure() -> None:
    with start(ENDLESS) as process:
        assert process.stdout
        wait_until_full(process)
        process.terminate()
        *_, last = process.stdout.read().splitlines()
        assert process.wait(timeout=10) == 143
    assert orjson.loads(last) == {"sormctl_failed": "problems", "error": "interrupted"}


def test_an_interrupt_of_a_pipe_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with start([*SORMCTL, "filter", "-o", str(path)]) as process:
        assert process.stdin and process.stderr
        process.stdin.write(SOLUTION)
        process.stdin.flush()
        partial = path.with_name("out.jsonl.partial")
        while not partial.exists() or not partial.stat().st_size:
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
        assert process.stderr.read() == b""
        process.stdin.close()
    assert list(tmp_path.iterdir()) == []


def test_killed_again_and_again(tmp_path: Path) -> None:
    """kill -9 after ever more bytes, until it is done: as if it had run through."""
    source = tmp_path / "in.jsonl"
    source.write_bytes(b"".join(LINES))
    whole, path = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    assert run([*SLOW, "slow", str(source), "-o", str(whole)]).returncode == 0
    command = [*SLOW, "slow", str(source), "-o", str(path), "--resume", "--seconds", "0.003"]
    kills = 0
    size = 0
    while True:
        with start(command, stderr=subprocess.DEVNULL) as process:
            while process.poll() is None and (not path.exists() or path.stat().st_size <= size):
                time.sleep(0.001)
            process.kill()
            if process.wait() == 0:
                break
        kills += 1
        size = path.stat().st_size + 3000
    assert kills > 2
    assert path.read_bytes() == whole.read_bytes()
    journal = path.with_name("out.jsonl.journal").read_bytes()
    assert journal == whole.with_name("whole.jsonl.journal").read_bytes()


def test_a_second_writer_is_told_to_come_back(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with start([*SLOW, "slow", "-o", str(path)]) as process:
        assert process.stdin
        while not path.exists():
            assert process.poll() is None
            time.sleep(0.005)
        second = run([*SLOW, "slow", "-o", str(path), "--resume"], LINES[0])
        process.stdin.close()
        assert process.wait() == 0
    assert second.returncode == 75
    assert second.stderr.count(b"\n") == 1
    assert b"in use by another process; try again later" in second.stderr


def test_a_reader_that_goes_away() -> None:
    with start([*SLOW, "slow"]) as process:
        assert process.stdin and process.stdout and process.stderr
        process.stdin.write(LINES[0])
        process.stdin.flush()
        wait_for_lines(process, 2)
        process.stdout.close()
        process.stdin.write(LINES[1])
        process.stdin.close()
        assert process.wait() == 141
        assert process.stderr.read() == b""


def test_a_full_disk() -> None:
    with open("/dev/full", "wb") as full:
        result = run([*SLOW, "slow"], LINES[0], stdout=full)
    message = b"sormctl slow: cannot write standard output: No space left on device\n"
    assert (result.returncode, result.stderr) == (1, message)


@pytest.mark.parametrize(
    "argv",
    [
        ["eval", "--min-accuracy", "1"],
        ["eval", "--bench", "processbench"],
        ["report", "solutions.jsonl"],
    ],
    ids=lambda argv: " ".join(argv[:2]),
)
def test_a_full_standard_error_stops_nothing(argv: list[str], tmp_path: Path) -> None:
    (tmp_path / "solutions.jsonl").write_bytes(SOLUTION)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with open("/dev/full", "wb") as full:
        done = run([*SORMCTL, *argv], SOLUTION, stderr=full, cwd=tmp_path, env=environment)
    assert done.returncode == 0
    assert done.stdout or (tmp_path / "report.html").is_file()


@pytest.mark.parametrize("argv", [["--help"], ["--version"], ["filter", "--help"]], ids=str)
def test_a_full_disk_for_the_help(argv: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        done = run([*SORMCTL, *argv], stdout=full)
    assert done.returncode == 1
    assert done.stderr.endswith(b": No space left on device; make room and start again\n")
    assert done.stderr.count(b"\n") == 1


def test_an_interrupt_while_commands_are_loaded_shows_no_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It ends the process as any other; whoever ignores it goes on doing so."""
    seen = []
    loaded = SimpleNamespace(main=lambda: seen.append(signal.getsignal(signal.SIGINT)))
    monkeypatch.setattr(sormctl, cli.__name__.rpartition(".")[2], loaded)
    before = signal.getsignal(signal.SIGINT)
    try:
        for handler in (signal.default_int_handler, signal.SIG_IGN):
            signal.signal(signal.SIGINT, handler)
            __main__.main()
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [signal.SIG_DFL, signal.SIG_IGN]


def test_a_terminal_as_input() -> None:
    with terminal() as screen:
        result = run([*SLOW, "slow"], stdin=screen.file)
    message = b"sormctl slow: no input: give a FILE, or pipe records in\n"
    assert (result.returncode, result.stderr) == (2, message)


def test_a_terminal_as_standard_error_gets_one_bar(tmp_path: Path) -> None:
    """That of the last command in a pipe."""
    with terminal() as screen, (tmp_path / "made").open("wb") as made:
        result = run([*SLOW, "slow"], b"".join(LINES[:50]), stdout=made, stderr=screen.file)
    assert result.returncode == 0
    assert len((tmp_path / "made").read_bytes().splitlines()) == 100
    assert "\x1b[" in screen.drawn and "slow: 50 records" in screen.drawn
    with terminal() as screen:
        run([*SLOW, "slow"], b"".join(LINES[:50]), stderr=screen.file)
    assert "\x1b[" not in screen.drawn and "slow: 50 records" in screen.drawn


def test_a_bug_keeps_its_traceback() -> None:
    result = run([*SLOW, "slow"], b'{"no": "id"}\n')
    assert result.returncode == 1
    assert b"KeyError: 'id'" in result.stderr and b"Traceback" in result.stderr
