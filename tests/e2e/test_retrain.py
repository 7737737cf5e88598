"""The script for cron: what it promotes, what it keeps out, and what is left when it is killed."""

from __future__ import annotations

import fcntl
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file, save_file

from sormctl.records import encode
from sormctl.tasks.chain.problems import problem

SCRIPT = Path(__file__).parents[2] / "examples" / "retrain.sh"
SETTINGS = {
    "STUDENT": "embedded:student",
    "NEW": "cat new.jsonl",
    "HELD_OUT": "held-out.jsonl",
    "GATE": "--no-worse-than 100",  # whatever it is
    "NOTIFY": "echo >> ../../told",
    "SAMPLES": "4",
    "K": "2",
    "MAX_TOKENS": "40",
    "TRAIN_OPTIONS": "--epochs 2 --lr 1e-3 --batch-size 16",
}
MODELS = ("orm", "sorm", "global", "local")
LAST = ("new", "compare", "verdict", "result")


def prepare(folder: Path, num_new: int = 20, num_held_out: int = 50, **settings: str) -> Path:
    """A folder with its settings, new problems and held-out ones, of which one is among the new."""
    folder.mkdir()
    held_out = [problem("test", 1, i) for i in range(num_held_out)]
    new = [*(problem("train", 1, i) for i in range(num_new)), *held_out[:1]]
    for name, problems in (("new", new), ("held-out", held_out)):
        (folder / f"{name}.jsonl").write_bytes(b"".join(map(encode, problems)))
    set_up(folder, **settings)
    return folder


def set_up(folder: Path, **settings: str) -> None:
    given = {**SETTINGS, **settings}
    text = "".join(f"{name}='{value}'\n" for name, value in given.items())
    ours = f"PATH={Path(sys.executable).parent}:$PATH\nexport PYTHONPATH={SCRIPT.parents[1]}\n"
    (folder / "settings").write_text(ours + text)


def start(folder: Path, before: str = "") -> subprocess.Popen[str]:
    """The script in an environment as bare as cron's, as the leader of a process group."""
    return subprocess.Popen(
        ["env", "-i", "PATH=/usr/bin:/bin", "sh", "-c", f"{before} exec bash {SCRIPT} {folder}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def retrain(folder: Path, before: str = "") -> tuple[int, dict[str, Any]]:
    process = start(folder, before)
    out, err = process.communicate(timeout=1200)
    assert not err
    return process.returncode, json.loads(out)


def begun(folder: Path, name: str, *files: str, **texts: str) -> Path:
    """A run without a result, which a start goes on with."""
    run = folder / "runs" / name
    run.mkdir(parents=True)
    shutil.copy(folder / "settings", run)
    for file, text in {**dict.fromkeys(files, "x\n"), **texts}.items():
        (run / file).write_text(text)
    return run


def in_service(folder: Path) -> str:
    return (folder / "current").resolve().name


@pytest.mark.parametrize(
    ("verdict", "code", "outcome"), [("0", 0, "promoted"), ("1", 1, "kept-out")]
)
def test_a_run_that_was_judged_is_put_into_service_or_not(
    tmp_path: Path, verdict: str, code: int, outcome: str
) -> None:
    """It was killed before it had told of it; older runs go, but for the last and the one there."""
    folder = prepare(tmp_path / "d", KEEP="2")
    for name in ("1", "2", "3"):
        begun(folder, name, "result.json")
    (folder / "current").symlink_to("runs/1")
    begun(folder, "0", "train.jsonl", verdict="1")
    (folder / "runs/0/settings").unlink()  # half removed
    begun(folder, "4", "train.jsonl", verdict=verdict, **{"compare.json": '{"row":"a"}\n{}\n'})
    exit_code, told = retrain(folder)
    assert exit_code == code
    assert told == {
        "run": "4", "outcome": outcome, "stage": "promote", "exit": code,
        "seconds": told["seconds"], "compared": {"row": "a"},
    }  # fmt: skip
    assert json.loads((folder / "runs/4/result.json").read_text()) == told
    assert json.loads((folder / "told").read_text()) == told
    assert in_service(folder) == ("4" if code == 0 else "1")
    kept = {"3", "4"} | ({"1"} if code else set())
    assert {path.name for path in (folder / "runs").iterdir()} == kept


def test_a_second_start_leaves_everything_alone(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "d")
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert retrain(folder) == (75, {"outcome": "busy"})
    assert not (folder / "runs").exists()


def test_where_nothing_is_new_nothing_is_done(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "d", num_new=0)  # but one that is held out
    code, told = retrain(folder)
    assert (code, told["outcome"]) == (0, "nothing-new")
    assert not list((folder / "runs").iterdir())


def test_what_is_held_out_is_known_by_its_question(tmp_path: Path) -> None:
    """Also under another id; lines may be empty."""
    folder = prepare(tmp_path / "d", num_held_out=2, SAMPLES="-1")  # the first stage refuses it
    first, second = (folder / "held-out.jsonl").read_text().splitlines()
    other = first.replace('"question":"', '"question":"Again: ')
    other = other.replace('"problem_id":"', '"problem_id":"other-')
    same = second.replace('"problem_id":"', '"problem_id":"again-')
    (folder / "new.jsonl").write_text(f"{other}\n\n{same}\n")
    retrain(folder)
    (run,) = (folder / "runs").iterdir()
    assert (run / "train.jsonl").read_text().split() == other.split()


@pytest.mark.parametrize("other", ["new.jsonl", "held-out.jsonl"])
def test_two_problems_of_one_id_are_refused_before_any_is_sampled(
    other: str, tmp_path: Path
) -> None:
    folder = prepare(tmp_path / "d")
    new = folder / "new.jsonl"
    first = (folder / other).read_text().splitlines()[0]
    with new.open("a") as more:
        more.write(first.replace('"question":"', '"question":"Again: ') + "\n")
    code, told = retrain(folder)
    assert (code, told["outcome"], told["stage"]) == (65, "failed", "problems")
    (run,) = (folder / "runs").iterdir()
    assert "name files apart" in (run / "log").read_text()
    assert not (run / "samples.jsonl").exists()


def test_a_run_begins_where_none_that_was_judged_has_learned_from_all(tmp_path: Path) -> None:
    """With the same settings, too; each other start begins one."""
    folder = prepare(tmp_path / "d", SAMPLES="-1")  # the first stage refuses it
    first = folder / "new.jsonl"
    known, more = first.read_text(), first.read_text().replace("chain-train-1-", "other-")
    held_out = {"held-out.jsonl": (folder / "held-out.jsonl").read_text()}
    judged = {"verdict": "1", "train.jsonl": known, **held_out}
    run = begun(folder, "0", "result.json", **judged)
    first.write_text("".join(reversed(known.splitlines(keepends=True))))
    assert retrain(folder)[1]["outcome"] == "nothing-new"
    for file, text in ((first, known + more), (run / "settings", "")):
        before = file.read_text()
        file.write_text(text)
        code, told = retrain(folder)
        assert (code, told["stage"]) == (2, "samples")
        learned = (folder / "runs" / told["run"] / "train.jsonl").read_text()
        assert learned.count("\n") == (40 if file == first else 20)
        file.write_text(before)


@pytest.mark.parametrize(
    ("settings", "line", "code"),
    [
        ({"NEW": "exit 3"}, "", 3),
        ({"NEW": """echo "{}" """}, "these are no problems", 65),
        ({"HELD_OUT": "nowhere.jsonl"}, "nowhere.jsonl", 1),
        ({"STUDENT": "./nowhere"}, "nowhere", 2),
        ({"GATE": "--nowhere"}, "No such option: --nowhere", 2),
        ({"TRAIN_OPTIONS": "--objective contrastive"}, "train-refiner: No such option", 2),
    ],
)
def test_what_fails_is_tried_again_so_often_as_it_may_help(
    tmp_path: Path, settings: dict[str, str], line: str, code: int
) -> None:
    folder = prepare(tmp_path / "d")
    set_up(folder, ATTEMPTS="2", **settings)
    found = [retrain(folder) for _ in range(1 if code in (2, 65) else 2)]
    assert {(exit_code, told["outcome"]) for exit_code, told in found} == {(code, "failed")}
    (run,) = (folder / "runs").iterdir()
    assert line in (run / "log").read_text()
    assert (run / "result.json").exists()
    assert not (folder / "current").exists()
    set_up(folder, NEW="cat /dev/null")
    assert retrain(folder)[1]["outcome"] == "nothing-new"


# ── with models ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run from its beginning to its end; there was nothing in service."""
    folder = prepare(tmp_path_factory.mktemp("retrain") / "d")
    code, told = retrain(folder)
    run = folder / "runs" / str(told["run"])
    assert (code, told["outcome"]) == (0, "promoted"), (run / "log").read_text()
    assert in_service(folder) == told["run"]
    assert (run / "train.jsonl").read_text().count("\n") == 20
    return run


@pytest.fixture(scope="module")
def bad(night: Path) -> Path:
    """The same with an ORM that knows nothing: of equal scores it takes the first, the global."""
    run = copied(night, "bad")
    weights = run / "orm" / "model.safetensors"
    save_file({name: 0 * x for name, x in load_file(weights).items()}, weights, {"format": "pt"})
    return run


def copied(run: Path, name: str) -> Path:
    """A run whose answers are not yet chosen and compared."""
    copy = run.with_name(name)
    shutil.copytree(
        run, copy, ignore=lambda _, names: [x for x in names if x.split(".")[0] in LAST]
    )
    return copy


@pytest.mark.slow
def test_a_better_one_is_promoted_and_a_worse_one_kept_out(night: Path, bad: Path) -> None:
    folder = night.parents[1]
    set_up(folder, GATE="--min-gain 0")
    for service, name, wanted in ((bad, "better", night), (night, "worse", bad)):
        link = folder / "current"
        link.unlink()
        link.symlink_to(f"runs/{service.name}")
        for run in (folder / "runs").iterdir():
            (run / "result.json").touch()
        run = copied(wanted, f"z-{name}")
        shutil.copy(folder / "settings", run)
        code, told = retrain(folder)
        assert (told["run"], told["stage"]) == (run.name, "promote"), (run / "log").read_text()
        is_better = name == "better"
        assert (code, told["outcome"]) == ((0, "promoted") if is_better else (1, "kept-out"))
        assert (told["compared"]["low"] > 0) == is_better
        assert in_service(folder) == (run.name if is_better else service.name)


def stages(run: Path) -> Iterator[str]:
    yield from (path.name for path in sorted((run / "done").iterdir(), key=os.path.getmtime))


@pytest.mark.slow
def test_killed_twice_in_every_stage_it_gives_the_same(tmp_path: Path, night: Path) -> None:
    folder = prepare(tmp_path / "d")
    draw = random.Random(0)
    for name in stages(night):
        for _ in range(2):
            process = start(folder)
            wait_for(folder, name, process)
            time.sleep(draw.uniform(0, 2))
            with suppress(ProcessLookupError):  # it has ended
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            assert not (folder / "current").exists()
    code, told = retrain(folder)
    assert (code, told["outcome"]) == (0, "promoted")
    (run,) = (folder / "runs").iterdir()
    names = [path.name for path in night.iterdir() if path.name.endswith(".jsonl")]
    names += [
        "compare.json",
        *(f"{m}/model.safetensors" for m in ("orm", "sorm", "global", "local")),
    ]
    assert [
        name for name in names if (run / name).read_bytes() != (night / name).read_bytes()
    ] == []


def wait_for(folder: Path, stage: str, process: subprocess.Popen[str]) -> None:
    """Until a stage has begun, or is over."""
    while process.poll() is None:
        for log in folder.glob("runs/*/log"):
            last = log.read_text().rpartition("── started")[2]
            if f"── {stage}\n" in last or (log.parent / "done" / stage).exists():
                return
        time.sleep(0.02)


@pytest.mark.slow
def test_on_a_full_disk_it_ends_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "d", num_new=20, num_held_out=10)
    code, told = retrain(folder, "ulimit -f 40;")  # half KB a file
    assert (code, told["outcome"], told["stage"]) == (1, "failed", "samples")
    assert not (folder / "current").exists()
    (run,) = (folder / "runs").iterdir()
    assert "cannot write" in (run / "log").read_text()
    code, told = retrain(folder)
    assert (code, told["outcome"], told["run"]) == (0, "promoted", run.name)


# ── docs/cron.md ─────────────────────────────────────────────────────────────────────────────────


def of_the_page(folder: Path, kind: str) -> list[str]:
    """The blocks of that kind, about another folder."""
    page = SCRIPT.parents[1] / "docs" / "cron.md"
    blocks = re.findall(rf"^```{kind}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    return [block.replace("/srv/retrain", str(folder)) for block in blocks]


def test_the_line_for_cron_runs_where_nothing_is_set(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "d", num_new=0)
    shutil.copy(SCRIPT, folder)
    (line,) = of_the_page(folder, "text")
    *times, command = line.split(maxsplit=5)
    assert len(times) == 5
    for _ in range(2):
        subprocess.run(["env", "-i", "PATH=/usr/bin:/bin", "sh", "-c", command], check=True)
    history = map(json.loads, (folder / "history.jsonl").read_text().splitlines())
    assert [each["outcome"] for each in history] == ["nothing-new"] * 2


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd")
def test_the_units_for_systemd_are_right(tmp_path: Path) -> None:
    for name, unit in zip(("service", "timer"), of_the_page(tmp_path, "ini"), strict=True):
        (tmp_path / f"retrain.{name}").write_text(unit)
        checked = ["systemd-analyze", "verify", "--man=no", str(tmp_path / f"retrain.{name}")]
        done = subprocess.run(checked, capture_output=True, text=True)
        ours = [line for line in done.stderr.splitlines() if "retrain" in line]
        assert (done.returncode, ours) == (0, [])
