"""The graph of the paper's experiments, at its smallest scale: made whole, made once, reported."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAPER = ROOT / "examples" / "paper"


@pytest.mark.slow
def test_graph_makes_every_result_once(tmp_path: Path) -> None:
    run(tmp_path, "make", "-j2", "-f", PAPER / "Makefile", "SCALE=demo", f"OUT={tmp_path}")
    run(tmp_path, "make", "-q", "-f", PAPER / "Makefile", "SCALE=demo", f"OUT={tmp_path}")
    collected, page = tmp_path / "results" / "demo.json", tmp_path / "results.md"
    collected.parent.mkdir()
    report = (sys.executable, "-m", "examples.paper.report")
    run(ROOT, *report, "collect", tmp_path, "SCALE=demo", "-o", collected)
    run(ROOT, *report, "render", collected.parent, "-o", page)
    text = "".join(path.read_text("utf-8") for path in collected.parent.glob("*.md"))
    assert "results/demo-claims.md" in page.read_text("utf-8")
    if (ROOT / ".git").exists():
        (noted,) = (tmp_path / "commits").read_text("utf-8").splitlines()
        assert f"Made by commit {noted.split()[1]} (from " in text
    for model in ("sft/orm", "sft/sorm", "sft/value", "ei/model", "ei/local"):
        assert re.search(rf"\| `{model}` \| `\S+` \| `\S+` \| [0-9,]+ \| [0-9]+ \|", text)
    for name in ("sft/main", "sft/value", "sft/many", "sft/labels", "cross-sft", "sft/budget-4"):
        assert f"### {name}.json\n" in text
    for library, name in (("trl", "rl-orm"), ("torchrl", "ppo")):
        assert (f"### sft/{name}.json\n" in text) == (find_spec(library) is not None)
    for row in ("draft + global + local by the ORM", "best by the SORM, 4 samples"):
        assert re.search(rf"\| {re.escape(row)} \| [0-9.]+ \| [0-9.]+ to ", text)
    assert {path.name for path in collected.parent.glob("*.svg")} == {
        "demo.budget-ei.svg",
        "demo.budget-sft.svg",
        "demo.figure-4.svg",
        "demo.figure-5.svg",
        "summary.svg",
    }


@pytest.mark.parametrize("option", ["K=4", "TRAINING=--lr 1e-4 --batch-size 32", "SCALE=cpu"])
def test_graph_keeps_to_its_settings(tmp_path: Path, option: str) -> None:
    """Else files of two settings would lie side by side, and nobody could tell."""
    graph = ("make", "-f", PAPER / "Makefile", f"OUT={tmp_path}", "SCALE=demo")
    run(tmp_path, *graph, f"{tmp_path}/1/sft/student")
    run(tmp_path, *graph, "-n", "SEEDS=2", "STUDENTS=sft")
    done = start(tmp_path, *graph, "-n", option)
    assert done.returncode == 2
    said = rf"{tmp_path}/settings says \w+=.*; give that, another OUT, or remove"
    assert re.search(said, done.stderr)
    assert done.stdout == ""


def test_a_setting_that_is_younger_than_the_folder_is_not_taken_in_silence(tmp_path: Path) -> None:
    graph = ("make", "-f", PAPER / "Makefile", f"OUT={tmp_path}", "SCALE=demo")
    run(tmp_path, *graph, f"{tmp_path}/1/sft/student")
    settings = tmp_path / "settings"
    settings.write_text(settings.read_text().replace("BASE=\n", ""))
    run(tmp_path, *graph, "-n")
    done = start(tmp_path, *graph, "-n", "BASE=embedded:orm")
    assert (done.returncode, f"{settings} says BASE=; give that" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("OUT=a b", "OUT=a b: make knows no names with spaces"),
        ("SCALE=big", "SCALE=big is none of demo, cpu, laptop, gpu"),
        ("BENCH=gsm8k", "STUDENT is missing"),
        ("STUDENTS=sft rl", "STUDENTS=sft rl: rl is none of sft, ei"),
        ("ROUNDS=4", "ROUNDS=4 is none of 1, 2, 3"),
        ("BASE=a b", "BASE=a b: make knows no names with spaces"),
        ("FIRST=trained", "FIRST=trained is none of given, supervised"),
        ("PRM800K=missing.jsonl", "PRM800K=missing.jsonl: no such file"),
    ],
)
def test_graph_tells_what_it_cannot_do(tmp_path: Path, option: str, said: str) -> None:
    done = start(tmp_path, "make", "-f", PAPER / "Makefile", "SEEDS=1", option)
    assert (done.returncode, said in done.stderr) == (2, True)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("bench", ["chain", "chain-hard"])
@pytest.mark.parametrize("scale", ["demo", "cpu", "laptop", "gpu"])
def test_a_scale_sets_every_size(tmp_path: Path, scale: str, bench: str) -> None:
    graph = ("make", "-n", "--warn-undefined-variables", "-f", PAPER / "Makefile")
    done = start(tmp_path, *graph, f"SCALE={scale}", f"BENCH={bench}", f"OUT={tmp_path}")
    assert (done.returncode, done.stderr) == (0, "")


def test_reward_models_and_refiners_start_from_the_base(tmp_path: Path) -> None:
    graph = ("make", "-n", "-f", PAPER / "Makefile", f"OUT={tmp_path}", "SCALE=cpu", "SEEDS=1")
    for bench, base in (("chain", f"$(cat {tmp_path}/1/ei/student)"), ("chain-hard", None)):
        commands = run(tmp_path, *graph, f"BENCH={bench}")
        models = r"--model \"(.*?)\" .* -o \S+/1/ei/(?:orm|sorm|global|local)$"
        found = re.findall(f"train-(?:rm|refiner) {models}", commands, re.MULTILINE)
        assert found == [base or "embedded:hard-base"] * 4


def test_graph_keeps_nothing_of_a_pipe_that_failed(tmp_path: Path) -> None:
    """The last command of a pipe does not know that the first was killed, and finishes its file."""
    command = tmp_path / "sormctl"
    command.write_text('#!/bin/bash\n[ "$1" != filter-labels ] && cat > "${@: -1}"\n')
    command.chmod(0o755)
    judged = tmp_path / "1" / "sft" / "judged-by-sorm-1.jsonl"
    target = judged.with_name("for-sorm-filtered-1.jsonl")
    judged.parent.mkdir(parents=True)
    judged.write_text("{}")
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    graph = ("make", "-f", PAPER / "Makefile", "SCALE=demo", f"OUT={tmp_path}", "-o", judged)
    assert start(tmp_path, *graph, target, env=path).returncode == 2
    assert not target.exists()


def test_the_best_round_is_the_first_that_no_other_exceeds(tmp_path: Path) -> None:
    for number, right in enumerate((1, 2, 2), start=1):
        folder = tmp_path / "1" / f"ei-{number}"
        folder.mkdir(parents=True)
        (folder / "student").write_text(f"round {number}\n")
        records = ('{"correct":true}\n' if i < right else "{}\n" for i in range(3))
        (folder / "held.jsonl").write_text("".join(records))
    graph = ("make", "-f", PAPER / "Makefile", "SCALE=demo", "ROUNDS=3", f"OUT={tmp_path}")
    kept = [f"-o{path}" for path in tmp_path.glob("1/*/*")]
    best = tmp_path / "1" / "ei" / "student"
    run(tmp_path, *graph, *kept, best)
    assert best.read_text() == "round 2\n"


def test_graph_keeps_what_can_be_gone_on_with(tmp_path: Path) -> None:
    """Make removes what a command that failed was writing, unless its pattern is on a list."""
    graph = ("make", "-n", "-B", "-f", PAPER / "Makefile", "SCALE=demo", "ROUNDS=2")
    commands = run(tmp_path, *graph, f"OUT={tmp_path}").replace("\\\n", "").splitlines()
    resumed = re.findall(r"--resume .*-o \S+/(\S+\.jsonl)$", "\n".join(commands), re.MULTILINE)
    kept = re.search(r"\.PRECIOUS: ((?:.*\\\n)*.*)", (PAPER / "bookkeeping.mk").read_text("utf-8"))
    assert kept
    listed = {name.removeprefix("%/") for name in kept[1].replace("\\", "").split()}
    needed = {"trl": ("refined-rl", "refined-rl-orm"), "torchrl": ("refined-ppo",)}
    missing = [library for library in needed if find_spec(library) is None]
    left_out = {f"{name}.jsonl" for library in missing for name in needed[library]}
    if len(missing) == len(needed):
        left_out.add("learn-drafts.jsonl")
    assert {*resumed} == listed - left_out


def run(folder: Path, *command: str | Path) -> str:
    done = start(folder, *command)
    assert done.returncode == 0, done.stderr
    return done.stdout


def start(
    folder: Path, *command: str | Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """As a user's shell would start it, though this test may itself be started by make."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    found = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        command,
        cwd=folder,
        env={**ours, "PATH": found, "HF_HUB_OFFLINE": "1", **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )
