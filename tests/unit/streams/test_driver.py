"""The driver: order, concurrency, journalled files, resuming, manifests."""

from __future__ import annotations

import asyncio
import hashlib
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import compress, groupby
from pathlib import Path
from typing import Any

import orjson
import pytest

from sormctl.errors import (
    DataError,
    DeadEngineError,
    EngineError,
    IncompleteError,
    OutputError,
    UsageError,
)
from sormctl.prompts import Prompt
from sormctl.streams.driver import (
    Costs,
    Group,
    map_groups,
    pipe_records,
    write_records,
)
from sormctl.streams.job_outputs import Job
from sormctl.streams.jsonl import RecordReader
from tests.fakes import ScriptedEngine
from tests.unit.streams.jobs import (
    Item,
    Model,
    echo,
    opening,
    problems,
    read,
    run,
    scripted,
    write,
)


async def backwards(prompt: Prompt) -> None:
    """The later the problem, the sooner it is finished."""
    await asyncio.sleep((20 - int(prompt.text.split()[0][1:])) / 1000)


def failing_at(name: str) -> ScriptedEngine:
    def script(prompt: Prompt, seed: int) -> str:
        if prompt.text.startswith(f"{name} "):
            raise EngineError("out of memory")
        return echo(prompt, seed)

    return ScriptedEngine(script)


def sampling(tmp_path: Path, count: int = 20, **options: Any) -> Job:
    source = write(tmp_path / "in.jsonl", problems(count))
    return Job("sample", {"model": "m", "n": 2}, [source], tmp_path / "out.jsonl", **options)


def manifest(tmp_path: Path) -> dict[str, Any]:
    made: dict[str, Any] = orjson.loads((tmp_path / "out.jsonl.manifest.json").read_bytes())
    return made


def test_output_is_in_the_order_of_the_input(tmp_path: Path) -> None:
    engine = ScriptedEngine(echo, backwards)
    run(sampling(tmp_path), engine, concurrency=6)
    ids = [record["id"] for record in read(tmp_path / "out.jsonl")]
    assert ids == [f"p{i}" for i in range(20) for _ in range(2)]
    assert engine.opened == 0


def test_as_many_work_at_once_as_may(tmp_path: Path) -> None:
    engine = scripted()

    async def until_six(prompt: Prompt) -> None:
        while engine.most_active < 6:
            await asyncio.sleep(0)

    engine.work = until_six
    run(sampling(tmp_path), engine, concurrency=6)
    assert engine.most_active == 6


@pytest.mark.parametrize(("capacity", "active"), [(1, 256), (300, 300)])
def test_unless_told_otherwise_as_many_work_as_keep_the_engine_busy(
    tmp_path: Path, capacity: int, active: int
) -> None:
    engine = scripted()
    engine.capacity = capacity

    busy = asyncio.Event()

    async def until_busy(prompt: Prompt) -> None:
        if engine.most_active == active:
            busy.set()
        await busy.wait()  # to spin here would keep the reading thread from the interpreter

    engine.work = until_busy
    run(sampling(tmp_path, count=400), engine, concurrency=None)
    assert engine.most_active == active


def test_results_that_wait_are_bounded(tmp_path: Path) -> None:
    """Behind a slow first one, of 2 at once, at most 4 x 2 wait, one more is on its way there."""
    engine = scripted()
    started = []

    async def slow_first(prompt: Prompt) -> None:
        if prompt.text.startswith("p0 "):
            while engine.calls < 8:
                await asyncio.sleep(0)
            await asyncio.sleep(0.1)
            started.append(engine.calls)

    engine.work = slow_first
    run(sampling(tmp_path, 100), engine, concurrency=2)
    assert started[0] <= 11
    assert engine.calls == 100


def test_memory_holds_no_record_that_is_done(tmp_path: Path) -> None:
    """Nor its key, which --resume would need: here they are 10 MB."""
    source = write(tmp_path / "in.jsonl", [{"id": f"{i:010000}", "words": 1} for i in range(1000)])
    job = Job("sample", {}, [source], tmp_path / "out.jsonl")
    tracemalloc.start()
    try:
        run(job, scripted(), num_samples=1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(read(tmp_path / "out.jsonl")) == 1000
    assert peak < 5 << 20


def test_standard_output(capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", problems(3))
    run(Job("sample", {}, [source], quiet=True), scripted())
    out, err = capfdbinary.readouterr()
    assert [orjson.loads(line)["id"] for line in out.splitlines()] == [
        "p0",
        "p0",
        "p1",
        "p1",
        "p2",
        "p2",
    ]
    assert err == b""


def test_the_manifest_says_how_it_was_made(tmp_path: Path) -> None:
    run(sampling(tmp_path, shard="0/2"), scripted())
    made = manifest(tmp_path)
    assert made["command"] == "sample"
    assert made["arguments"] == {"model": "m", "n": 2, "shard": "0/2"}
    assert made["status"] == "done"
    assert (made["records_in"], made["records_out"]) == (10, 20)
    # p0, p2, p4 … have 1, 3, 1, 3 … words, twice each
    assert made["generated_tokens"] == 2 * (5 * 1 + 5 * 3)
    digest = hashlib.sha256((tmp_path / "in.jsonl").read_bytes()).hexdigest()
    assert made["parents"] == [{"name": str(tmp_path / "in.jsonl"), "sha256": digest}]
    assert made["started"] <= made["finished"]
    assert {"python", "torch", "transformers", "orjson"} <= made["libraries"].keys()


def test_no_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine = scripted()
    run(sampling(tmp_path, 0), engine)
    assert read(tmp_path / "out.jsonl") == []
    assert "sample: the input has no records\n" in capsys.readouterr().err
    assert engine.calls == 0  # nothing was loaded for it
    assert manifest(tmp_path)["status"] == "done"


# ── errors ───────────────────────────────────────────────────────────────────────────────────────


def test_a_bad_line_ends_the_run_in_its_place(tmp_path: Path) -> None:
    job = sampling(tmp_path, 5)
    with open(job.inputs[0], "ab") as file:
        file.write(b'{"id"\n{"id": "p9", "words": 1}\n')
    with pytest.raises(DataError, match=r"in\.jsonl:6: not JSON"):
        run(job, ScriptedEngine(echo, backwards), num_samples=1)
    assert [record["id"] for record in read(tmp_path / "out.jsonl")] == [f"p{i}" for i in range(5)]
    assert manifest(tmp_path)["status"] == "failed"


def test_a_record_that_fails_is_named(tmp_path: Path) -> None:
    engine = failing_at("p7")
    engine.work = backwards
    with pytest.raises(EngineError, match=r"^record p7: out of memory$"):
        run(sampling(tmp_path), engine, num_samples=1)
    assert [record["id"] for record in read(tmp_path / "out.jsonl")] == [f"p{i}" for i in range(7)]
    assert engine.opened == 0


def test_a_bug_keeps_its_type(tmp_path: Path) -> None:
    def fail(prompt: Prompt, seed: int) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(sampling(tmp_path), ScriptedEngine(fail))


# ── resuming ─────────────────────────────────────────────────────────────────────────────────────


def test_resume_continues_after_an_error(tmp_path: Path) -> None:
    run(sampling(tmp_path), scripted())
    whole = (tmp_path / "out.jsonl").read_bytes()
    (tmp_path / "out.jsonl").unlink()

    with pytest.raises(EngineError):
        run(sampling(tmp_path), failing_at("p9"))
    engine = scripted()
    run(sampling(tmp_path, resume=True), engine)
    assert (tmp_path / "out.jsonl").read_bytes() == whole
    assert engine.calls == 11  # p9 to p19
    made = manifest(tmp_path)
    assert (made["status"], made["records_in"], made["records_out"]) == ("done", 20, 40)


def test_resume_of_a_finished_run_does_nothing(tmp_path: Path) -> None:
    run(sampling(tmp_path), scripted())
    whole = (tmp_path / "out.jsonl").read_bytes()
    engine = scripted()
    run(sampling(tmp_path, resume=True), engine)
    assert (engine.calls, engine.opened) == (0, 0)
    assert (tmp_path / "out.jsonl").read_bytes() == whole


def test_resume_without_a_file_starts(tmp_path: Path) -> None:
    run(sampling(tmp_path, 2, resume=True), scripted())
    assert len(read(tmp_path / "out.jsonl")) == 4


def test_resume_takes_what_was_added_to_the_input(tmp_path: Path) -> None:
    run(sampling(tmp_path, 4), scripted())
    run(sampling(tmp_path, 6, resume=True), scripted(), num_samples=1)
    ids = [record["id"] for record in read(tmp_path / "out.jsonl")]
    assert ids == [f"p{i}" for i in (0, 0, 1, 1, 2, 2, 3, 3, 4, 5)]


def test_resume_notices_what_is_gone_from_the_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(sampling(tmp_path, 6), scripted())
    capsys.readouterr()
    with pytest.raises(UsageError, match=r"out\.jsonl has what was made of 2 records that the"):
        run(sampling(tmp_path, 4, resume=True), scripted())
    assert "goes on" not in capsys.readouterr().err
    assert (manifest(tmp_path)["status"], manifest(tmp_path)["records_in"]) == ("failed", 6)
    run(sampling(tmp_path, 4, overwrite=True), scripted())
    assert len(read(tmp_path / "out.jsonl")) == 8


DAMAGED = (
    *(b"nonsense", b"[1]", b"[1000000, 7]", b"[" * 10**5, b"\xff"),
    *(b'[10, [["p0"]], 1, 1, {}]', b"[10, [null], 1, 1, {}]", b'[-5, ["p0"], 1, 1, {}]'),
    *(b'[10, ["p0"], 1, 1, {"n": "x"}]', b'[10, ["p0"], -1, 1, {}]', b'[10, ["p0"], 1e999, 1, {}]'),
)


@pytest.mark.parametrize("entry", DAMAGED, ids=lambda entry: str(entry)[:40])
def test_a_journal_counts_as_far_as_it_makes_sense(tmp_path: Path, entry: bytes) -> None:
    run(sampling(tmp_path), scripted())
    whole = (tmp_path / "out.jsonl").read_bytes()
    journal = tmp_path / "out.jsonl.journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:5], entry + b"\n", *lines[6:]]))
    engine = scripted()
    run(sampling(tmp_path, resume=True), engine)
    assert (tmp_path / "out.jsonl").read_bytes() == whole
    assert engine.calls == 15


def test_the_same_id_twice(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", problems(2) + problems(3))
    job = Job("sample", {}, [source], tmp_path / "out.jsonl")
    run(job, scripted(), num_samples=1)
    whole = (tmp_path / "out.jsonl").read_bytes()
    journal = tmp_path / "out.jsonl.journal"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:3]))
    engine = scripted()
    run(Job("sample", {}, [source], tmp_path / "out.jsonl", resume=True), engine, num_samples=1)
    assert (tmp_path / "out.jsonl").read_bytes() == whole
    assert engine.calls == 2


def test_resume_refuses_other_arguments(tmp_path: Path) -> None:
    job = sampling(tmp_path)
    run(job, scripted())
    whole = (tmp_path / "out.jsonl").read_bytes()
    other = Job("sample", {"model": "m", "n": 3}, job.inputs, job.output, resume=True)
    with pytest.raises(UsageError, match=r"cannot --resume: n is 3, but .* made with 2"):
        run(other, scripted())
    other = Job("sample", {"model": "m", "n": 2, "k": 1}, job.inputs, job.output, resume=True)
    with pytest.raises(UsageError, match=r"k is 1, but .* made with null"):
        run(other, scripted())
    other = Job("refine", {"model": "m", "n": 2}, job.inputs, job.output, resume=True)
    with pytest.raises(UsageError, match=r'command is "refine", but .* made with "sample"'):
        run(other, scripted())
    assert (tmp_path / "out.jsonl").read_bytes() == whole


def test_resume_refuses_a_file_of_someone_else(tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").write_bytes(b"precious\n")
    with pytest.raises(UsageError, match="no journal beside it; give --overwrite"):
        run(sampling(tmp_path, resume=True), scripted())
    assert (tmp_path / "out.jsonl").read_bytes() == b"precious\n"


def test_an_existing_file_is_not_lost(tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").write_bytes(b"precious\n")
    with pytest.raises(UsageError, match=r"exists; give --resume to continue it or --overwrite"):
        run(sampling(tmp_path), scripted())
    with pytest.raises(UsageError, match="exists; give --overwrite to replace it"):
        pipe_records(sampling(tmp_path), dict, list)
    assert (tmp_path / "out.jsonl").read_bytes() == b"precious\n"
    run(sampling(tmp_path, 1, overwrite=True), scripted())
    assert len(read(tmp_path / "out.jsonl")) == 2


@pytest.mark.parametrize("resume", [False, True])
def test_an_empty_file_is_nothing_to_lose(tmp_path: Path, resume: bool) -> None:
    """Such as that of a run whose model could not be loaded, or of `mktemp`."""

    def broken(prompt: Prompt, seed: int) -> str:
        raise EngineError("no")

    job = sampling(tmp_path, resume=resume)
    with pytest.raises(EngineError):
        run(Job("sample", {"model": "typo"}, job.inputs, job.output), ScriptedEngine(broken))
    run(job, scripted())
    assert len(read(tmp_path / "out.jsonl")) == 40
    assert manifest(tmp_path)["arguments"]["model"] == "m"


def test_an_input_is_not_overwritten(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", problems(3))
    job = Job("sample", {}, [source], Path(source), overwrite=True)
    with pytest.raises(UsageError, match="is input and output"):
        run(job, scripted())
    assert len(read(tmp_path / "in.jsonl")) == 3


SIDE_FILES = ("journal", "partial", "manifest.json", "manifest.json.partial")


@pytest.mark.parametrize("name", SIDE_FILES)
def test_an_input_that_is_named_like_a_file_beside_the_output_is_kept(
    tmp_path: Path, name: str
) -> None:
    source = write(tmp_path / f"out.jsonl.{name}", problems(3))
    job = Job("sample", {}, [source], tmp_path / "out.jsonl")
    works: list[Callable[[], None]] = [
        lambda: run(job, scripted()),
        lambda: pipe_records(job, dict, iter),
        lambda: write_records(job, [], [source]),
    ]
    for work in works:
        with pytest.raises(UsageError, match=f"{name} is input and output; give another file"):
            work()
    assert len(read(Path(source))) == 3


def test_the_models_of_a_job_are_named_as_they_are_loaded() -> None:
    for option in ("model", "rm", "judge"):
        assert Job("score", {option: "m", "name": "x"}).models == ["m"]


def test_outputs_that_cannot_be(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", problems(3))
    with pytest.raises(UsageError, match="is a folder; give a file"):
        run(Job("sample", {}, [source], tmp_path), scripted())
    with pytest.raises(UsageError, match="--resume needs a file; give -o FILE"):
        run(Job("sample", {}, [source], resume=True), scripted())
    with pytest.raises(UsageError, match="--log-format xml: give text or json"):
        run(sampling(tmp_path, log_format="xml"), scripted())
    assert not (tmp_path / "out.jsonl").exists()


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "out.jsonl").write_bytes(b"")
    (tmp_path / "out.jsonl").symlink_to(tmp_path / "real" / "out.jsonl")
    pipe_records(sampling(tmp_path, 3, overwrite=True), dict, iter)
    assert (tmp_path / "out.jsonl").is_symlink()
    assert len(read(tmp_path / "real" / "out.jsonl")) == 3


# ── whole streams ────────────────────────────────────────────────────────────────────────────────


def double(records: Any) -> Any:
    for record in records:
        yield {**record, "words": 2 * record["words"]}


def test_a_pipe(tmp_path: Path) -> None:
    pipe_records(sampling(tmp_path, 3), dict, double)
    assert [record["words"] for record in read(tmp_path / "out.jsonl")] == [2, 4, 6]
    made = manifest(tmp_path)
    assert (made["status"], made["records_in"], made["records_out"]) == ("done", 3, 3)
    assert made["generated_tokens"] == 0


def test_a_pipe_to_standard_output(
    capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    job = Job("double", {}, [write(tmp_path / "in.jsonl", problems(2))], Path("-"))
    pipe_records(job, dict, double)
    assert len(capfdbinary.readouterr().out.splitlines()) == 2


def test_a_pipe_that_fails_leaves_no_file(tmp_path: Path) -> None:
    job = sampling(tmp_path, 3)
    with open(job.inputs[0], "ab") as file:
        file.write(b"[]\n")
    with pytest.raises(DataError, match=r"in\.jsonl:4: not a JSON object"):
        pipe_records(job, dict, double)
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_a_file_without_room_for_its_manifest_does_not_appear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object) -> None:
        raise OutputError("no room")

    monkeypatch.setattr("sormctl.streams.manifest.replace_file", no_room)
    with pytest.raises(OutputError):
        pipe_records(sampling(tmp_path, 3), dict, double)
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_a_pipe_to_standard_output_keeps_what_came_before(
    capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    source = write(tmp_path / "in.jsonl", [*problems(2), {}])
    with pytest.raises(KeyError):
        pipe_records(Job("double", {}, [source]), dict, double)
    assert len(capfdbinary.readouterr().out.splitlines()) == 2


def test_a_pipe_of_no_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipe_records(sampling(tmp_path, 0), dict, double)
    assert read(tmp_path / "out.jsonl") == []
    assert capsys.readouterr().err == "sample: the input has no records\n"


def test_to_resume_a_pipe_is_to_make_it_again(tmp_path: Path) -> None:
    pipe_records(sampling(tmp_path, 3), dict, double)
    pipe_records(sampling(tmp_path, 4, resume=True), dict, double)
    assert len(read(tmp_path / "out.jsonl")) == 4
    job = sampling(tmp_path, 4)
    other = Job("sample", {"model": "other", "n": 2}, job.inputs, job.output, resume=True)
    with pytest.raises(UsageError, match=r'model is "other", but the file was made with "m"'):
        pipe_records(other, dict, double)
    (tmp_path / "out.jsonl.manifest.json").unlink()
    with pytest.raises(UsageError, match="exists; give --overwrite"):
        pipe_records(sampling(tmp_path, resume=True), dict, double)


def test_to_continue_and_to_replace_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="give one of them"):
        run(sampling(tmp_path, resume=True, overwrite=True), scripted())


@pytest.mark.parametrize("runner", [pipe_records, None])
def test_a_device_is_no_file(tmp_path: Path, runner: Any) -> None:
    source = write(tmp_path / "in.jsonl", problems(3))
    job = Job("sample", {}, [source], Path("/dev/full"))
    with pytest.raises(OutputError, match="cannot write /dev/full: No space left on device"):
        run(job, scripted()) if runner is None else runner(job, dict, double)
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_records_from_nowhere(tmp_path: Path) -> None:
    write_records(sampling(tmp_path), iter(problems(4)))
    assert read(tmp_path / "out.jsonl") == problems(4)
    made = manifest(tmp_path)
    assert (made["records_in"], made["records_out"], made["parents"]) == (0, 4, [])


def grouped(tmp_path: Path, shown: list[Any], **options: Any) -> None:
    """Writes records in groups of equal `words`; notes what each group was shown."""

    async def kept(model: Model, group: Group[Item]) -> list[Item]:
        shown.append([(r["id"], new) for r, new in zip(*group, strict=True)])
        return list(compress(*group))

    def groups(inputs: RecordReader, check: Callable[[Item], object]) -> Iterator[list[Item]]:
        records = inputs.records(Item, check)
        return (list(found) for _, found in groupby(records, key=lambda record: record["words"]))

    map_groups(
        Job("group", {}, [str(tmp_path / "in.jsonl")], tmp_path / "out.jsonl", **options),
        opening,
        kept,
        groups=groups,
        concurrency=2,
        costs=Costs(
            lambda record: {"words": record["words"]},
            lambda counts: [f"{counts['words']} words"],
        ),
    )


def test_a_group_that_grew_is_shown_whole_and_written_in_part(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, third, other = ({"id": f"p{i}", "words": 1 + i // 3} for i in range(4))
    shown: list[Any] = []
    write(tmp_path / "in.jsonl", [first, second])
    grouped(tmp_path, shown)
    write(tmp_path / "in.jsonl", [first, second, third, other])
    grouped(tmp_path, shown, resume=True)
    assert shown == [
        [("p0", True), ("p1", True)],
        [("p0", False), ("p1", False), ("p2", True)],
        [("p3", True)],
    ]
    assert read(tmp_path / "out.jsonl") == [first, second, third, other]
    made = manifest(tmp_path)
    assert (made["records_in"], made["records_out"], made["words"]) == (4, 4, 5)
    assert "group: 5 words\n" in capsys.readouterr().err


def test_finished_groups_are_not_worked_on_again(tmp_path: Path) -> None:
    write(tmp_path / "in.jsonl", [{"id": "p0", "words": 1}, {"id": "p1", "words": 2}])
    shown: list[Any] = []
    grouped(tmp_path, shown)
    grouped(tmp_path, shown, resume=True)
    assert len(shown) == 2


# ── records on which the engine fails ────────────────────────────────────────────────────────────


def failing_at_some(*names: str, error: EngineError | None = None) -> ScriptedEngine:
    def script(prompt: Prompt, seed: int) -> str:
        if prompt.text.split()[0] in names:
            raise error or EngineError("refused")
        return echo(prompt, seed)

    return ScriptedEngine(script, backwards)


def test_records_that_fail_are_left_out_and_tried_again_by_resume(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(
        IncompleteError, match=r"^2 of 20 records failed and were left out; --resume"
    ):
        run(sampling(tmp_path, skip_failed=True), failing_at_some("p0", "p7"), num_samples=1)
    others = [f"p{i}" for i in range(20) if i not in (0, 7)]
    assert [record["id"] for record in read(tmp_path / "out.jsonl")] == others
    assert (manifest(tmp_path)["status"], manifest(tmp_path)["records_in"]) == ("failed", 18)
    told = capsys.readouterr().err
    assert "sample: left out: record p0: refused\nsample: left out: record p7: refused\n" in told
    engine = scripted()
    run(sampling(tmp_path, resume=True), engine, num_samples=1)
    assert engine.calls == 2
    assert [record["id"] for record in read(tmp_path / "out.jsonl")] == [*others, "p0", "p7"]
    assert manifest(tmp_path)["status"] == "done"


def test_a_killed_run_has_not_finished_what_it_left_out(tmp_path: Path) -> None:
    """What is left of it is what it had written when p9 ended it: as by `kill -9`, cut anywhere."""
    dead = DeadEngineError("gone")

    def script(prompt: Prompt, seed: int) -> str:
        if prompt.text.startswith("p9 "):
            raise dead
        if prompt.text.startswith("p3 "):
            raise EngineError("refused")
        return echo(prompt, seed)

    with pytest.raises(DeadEngineError, match=r"^record p9: gone$"):
        run(sampling(tmp_path, skip_failed=True), ScriptedEngine(script), num_samples=1)
    with open(tmp_path / "out.jsonl", "ab") as file:
        file.write(b'{"id": "p9')
    run(sampling(tmp_path, resume=True, skip_failed=True), scripted(), num_samples=1)
    ids = [record["id"] for record in read(tmp_path / "out.jsonl")]
    assert sorted(ids) == sorted(f"p{i}" for i in range(20))


def test_without_the_option_the_message_names_it(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"^record p7: refused; give --skip-failed to go on"):
        run(sampling(tmp_path, skip_failed=False), failing_at_some("p7"))
    with pytest.raises(EngineError, match=r"^record p7: gone$"):
        gone = failing_at_some("p7", error=DeadEngineError("gone"))
        run(sampling(tmp_path, skip_failed=False, overwrite=True), gone)


def test_left_out_of_a_stream(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source = write(tmp_path / "in.jsonl", problems(3))
    job = Job("sample", {}, [source], quiet=True, skip_failed=True)
    with pytest.raises(IncompleteError, match=r"^1 of 3 records failed and were left out$"):
        run(job, failing_at_some("p1"), num_samples=1)
    out, err = capfd.readouterr()
    assert [orjson.loads(line)["id"] for line in out.splitlines()] == ["p0", "p2"]
    assert err == "sample: left out: record p1: refused\n"  # quiet as it is


def test_a_group_that_fails_is_left_out_as_a_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def pairs(model: Model, group: Group[Item]) -> list[Item]:
        if group.records[0].key == "p2":
            raise EngineError("refused")
        return list(compress(group.records, group.pending))

    def by_two(inputs: RecordReader, check: Callable[[Item], object]) -> Iterator[list[Item]]:
        records = inputs.records(Item, check)
        return map(list, zip(records, records, strict=True))

    job = sampling(tmp_path, 6, skip_failed=True)
    with pytest.raises(IncompleteError, match=r"^2 of 6 records failed and were left out"):
        map_groups(job, opening, pairs, groups=by_two)
    assert "left out: record p2: refused; with it, 1 more of its group" in capsys.readouterr().err
    assert [item["id"] for item in read(tmp_path / "out.jsonl")] == ["p0", "p1", "p4", "p5"]
