"""What is said on standard error while a command works."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from contextlib import suppress

import orjson
import pytest

from sormctl.errors import UsageError
from sormctl.streams import progress
from sormctl.streams.progress import Progress
from tests.terminal import terminal

Captured = pytest.CaptureFixture[str]


def test_one_line_at_the_end(capsys: Captured) -> None:
    with Progress("sample") as shown:
        shown.add(1200)
        shown.add_answers(1200, 45310)
        shown.add()
    err = capsys.readouterr().err
    assert err.startswith("sample: 1,201 records, ")
    assert ", 45,310 tokens, " in err and err.endswith(" tokens/s\n")
    assert err.count("\n") == 1


def test_a_line_now_and_then(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "EVERY", 0.0)
    with Progress("sample") as shown:
        shown.fraction = lambda: 0.25
        shown.add()
        shown.add()
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in lines[:2]] == ["sample: 1 record", "sample: 2 records"]
    assert all(line.endswith(", 25% done") for line in lines[:2])


def test_the_time_left_is_that_of_what_this_run_has_done(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An earlier run had done half; a tenth took 30 seconds, so the other four tenths take 120."""
    monkeypatch.setattr(progress, "EVERY", 0.0)
    now, done = 0.0, 0.5
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with Progress("sample") as shown:
        shown.fraction = lambda: done
        shown.add()
        now, done = 30.0, 0.6
        shown.add()
    first, second, _ = capsys.readouterr().err.splitlines()
    assert first.endswith("50% done")
    assert second.endswith("60% done, 2:00 left")


@pytest.mark.parametrize(
    ("answers", "tokens", "told"),
    [
        (1, 7, r"1 answer, \S+ answers/s, 7 tokens, "),
        (3, 0, r"3 answers, \S+ answers/s\n"),  # scores
    ],
)
def test_answers_are_told_while_no_record_is_finished(
    answers: int, tokens: int, told: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "EVERY", 0.0)
    monkeypatch.setattr(progress, "TICK", 0.0)

    async def work() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        shown.add_answers(answers, tokens)

    with Progress("sample") as shown:
        asyncio.run(shown.during(work()))
    assert re.match(f"sample: {told}", capsys.readouterr().err)


def test_tokens_in_progress_count(capsys: Captured) -> None:
    with Progress("sample", log_format="json") as shown:
        shown.in_progress = lambda: 5
        shown.add_answers(1, 7)
        shown.add()
    assert orjson.loads(capsys.readouterr().err)["generated_tokens"] == 12


def test_json(capsys: Captured) -> None:
    with Progress("sample", log_format="json") as shown:
        shown.fraction = lambda: 0.5
        shown.note("the input has no records")
        shown.add(2)
        shown.add_answers(1, 30)
    note, last = map(orjson.loads, capsys.readouterr().err.splitlines())
    assert note == {"command": "sample", "message": "the input has no records"}
    assert (last["records"], last["generated_tokens"], last["fraction"]) == (2, 30, 0.5)


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal() as screen:
        monkeypatch.setattr(sys, "stderr", screen.file)
        with Progress("sample") as shown:
            shown.fraction = lambda: 0.5
            shown.add(3)
            shown.note("a word")
        monkeypatch.undo()
    assert "\x1b[" in screen.drawn  # it redraws itself
    assert "sample: a word" in screen.drawn and "sample: 3 records" in screen.drawn


def test_quiet(capsys: Captured) -> None:
    with Progress("sample", quiet=True) as shown:
        shown.add()
        shown.note("x")
    assert capsys.readouterr().err == ""


def test_nothing_is_said_beside_an_error(capsys: Captured) -> None:
    with pytest.raises(ValueError), Progress("sample") as shown:
        shown.add()
        raise ValueError
    assert capsys.readouterr().err == ""


def test_what_cannot_be_told_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log's disk is full: the records are written all the same."""
    with open("/dev/full", "w", buffering=1) as full:
        monkeypatch.setattr(sys, "stderr", full)
        with Progress("sample") as shown:
            shown.warn("x")
            shown.add()
        monkeypatch.undo()
        with suppress(OSError):
            full.close()


def test_what_programs_read_holds_no_command_of_a_terminal(capsys: Captured) -> None:
    with Progress("sample", log_format="json") as shown:
        shown.warn("\x9b2J\u202e" + "x" * 10**5)
    err = capsys.readouterr().err
    assert err.strip().isprintable() and len(err) < 1000


def test_an_unknown_format() -> None:
    with pytest.raises(UsageError, match="--log-format xml: give text or json"):
        Progress("sample", log_format="xml")


def test_what_was_made_is_told_if_it_is_of_another_kind(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("sample") as shown:
        shown.add(100, "problem")
        shown.add_made(400, "solution")
    assert capsys.readouterr().err.startswith("sample: 100 problems, 400 solutions, ")
    with Progress("label-steps") as shown:
        shown.add(1, "solution")
        shown.add_made(1, "solution")
    assert re.match(r"label-steps: 1 solution, \S+ solutions/s\n", capsys.readouterr().err)


def test_what_is_done_before_the_first_record_is_told_in_time(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "EVERY", 0.0)
    monkeypatch.setattr(progress, "TICK", 0.0)
    with Progress("sample") as shown:
        shown.before_records = "loading embedded:student"
        asyncio.run(shown.during(asyncio.sleep(0.01)))
    assert capsys.readouterr().err.startswith("sample: loading embedded:student\n")
