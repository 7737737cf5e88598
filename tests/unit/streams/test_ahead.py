"""What was answered for records that are not written yet: kept, taken up again, cut away."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from sormctl.errors import DeadEngineError, OutputError, UsageError
from sormctl.prompts import Prompt
from sormctl.streams import ahead
from sormctl.streams.ahead import Ahead, RecordAnswers
from sormctl.streams.job_outputs import Job
from tests.fakes import ScriptedEngine
from tests.unit.streams.jobs import echo, problems, read, run, scripted, write


def kept(output: Path) -> list[str]:
    """The calls that are in the file."""
    lines = output.with_name("out.jsonl.ahead").read_bytes().splitlines()
    return [orjson.loads(line)[1] for line in lines]


def tokens_of(output: Path) -> int:
    made = orjson.loads(output.with_name("out.jsonl.manifest.json").read_bytes())
    return int(made["generated_tokens"])


def job(tmp_path: Path, count: int = 12, **options: Any) -> Job:
    source = write(tmp_path / "in.jsonl", problems(count))
    return Job("sample", {}, [source], tmp_path / "out.jsonl", **options)


def dying_at_first(after: int) -> ScriptedEngine:
    """Works for ever on the first record and dies once it has answered `after` others."""

    async def work(prompt: Prompt) -> None:
        while prompt.text.startswith("p0 "):
            if engine.calls - engine.active >= after:
                raise DeadEngineError("killed")
            await asyncio.sleep(0)

    engine = ScriptedEngine(echo, work)
    return engine


@pytest.mark.parametrize("order", ["the same", "grown"])
def test_what_waits_for_the_first_is_not_made_twice(tmp_path: Path, order: str) -> None:
    count = 12 if order == "the same" else 20
    run(job(tmp_path, count), scripted())
    output = tmp_path / "out.jsonl"
    whole, cost = output.read_bytes(), tokens_of(output)
    with pytest.raises(DeadEngineError):
        run(job(tmp_path, 12, overwrite=True), dying_at_first(after=11), concurrency=12)
    assert output.read_bytes() == b""
    assert len(kept(output)) == 11
    engine = scripted()
    run(job(tmp_path, count, resume=True), engine)
    assert engine.calls == count - 11
    assert (output.read_bytes(), tokens_of(output)) == (whole, cost)
    assert not output.with_name("out.jsonl.ahead").exists()


def test_nothing_is_written_over(tmp_path: Path) -> None:
    """The file is empty yet, but what lies ahead was paid for."""
    with pytest.raises(DeadEngineError):
        run(job(tmp_path), dying_at_first(after=5), concurrency=12)
    with pytest.raises(UsageError, match=r"out\.jsonl exists; give --resume to continue it or"):
        run(job(tmp_path), scripted())
    engine = scripted()
    run(job(tmp_path, overwrite=True), engine)
    assert engine.calls == 12


def test_killed_again_and_again(tmp_path: Path) -> None:
    """Each run is killed once it has got one answer more; no answer is asked for twice."""
    engine = scripted()
    for number in range(5):
        with pytest.raises(DeadEngineError):
            run(job(tmp_path, resume=True), dying_at_first(after=1), concurrency=2 + number)
        assert len(kept(tmp_path / "out.jsonl")) >= number + 1
    before = len(kept(tmp_path / "out.jsonl"))
    run(job(tmp_path, resume=True), engine)
    assert engine.calls == 12 - before
    assert [item["id"] for item in read(tmp_path / "out.jsonl")][::2] == [
        f"p{i}" for i in range(12)
    ]


@pytest.mark.parametrize(
    "damage", [b"\xff\n", b"[" * 10_000, b'["p0", "x"]\n', b'["p1", "x", [{"te']
)
def test_what_is_damaged_is_asked_for(tmp_path: Path, damage: bytes) -> None:
    run(job(tmp_path), scripted())
    whole = (tmp_path / "out.jsonl").read_bytes()
    with pytest.raises(DeadEngineError):
        run(job(tmp_path, overwrite=True), dying_at_first(after=11), concurrency=12)
    path = tmp_path / "out.jsonl.ahead"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b"stop", b"").replace(b"generated_tokens", b"what")
    path.write_bytes(b"".join([*lines, damage]))
    engine = scripted()
    run(job(tmp_path, resume=True), engine)
    assert engine.calls == 2
    assert (tmp_path / "out.jsonl").read_bytes() == whole


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"1")
    (tmp_path / "out.jsonl.ahead").symlink_to(tmp_path / "precious")
    with pytest.raises(OutputError, match=r"cannot write .*out\.jsonl\.ahead: Too many levels"):
        run(job(tmp_path, overwrite=True), scripted())
    assert (tmp_path / "precious").read_bytes() == b"1"


def test_what_is_written_is_cut_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the known ones all are kept, since nobody knows who asks for them."""
    monkeypatch.setattr(ahead, "_MOST", 200)
    output = tmp_path / "out.jsonl"
    with pytest.raises(KeyError), Ahead(output) as first:
        answers = RecordAnswers("old", first, lambda answers, tokens: None)
        answers.put("known", b"[0]")
        raise KeyError
    with Ahead(output) as again:
        again.resume(finished=())
        assert again.known == {"known": b"[0]"}
        for number in range(100):
            place = again.place
            again.append(str(number), f"call {number}", b"[1]")
            again.written(place)
            calls = kept(output)
            assert calls[0] == "known" and calls[-1] == f"call {number}"
            assert len(calls) < 13


def test_what_is_finished_is_forgotten(tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    with pytest.raises(KeyError), Ahead(output) as first:
        first.append("a", "1", b"[0]")
        first.append("b", "2", b"[0]")
        raise KeyError
    with Ahead(output) as again:
        again.resume(finished={"a"})
        assert again.known == {"2": b"[0]"}
        assert kept(output) == ["2"]
