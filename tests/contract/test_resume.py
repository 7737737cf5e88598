"""`kill -9` in the middle of a command that runs a real model, then `--resume`."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from sormctl.cli import app
from tests.contract.commands import PROBLEM, WRONG
from tests.contract.shell import SORMCTL, start

NUM_RECORDS = 50
MAP_COMMANDS = {
    "sample": ["--model", "{student}", "-n", "2", "--max-tokens", "12"],
    "label-steps": ["--by", "rollouts", "--model", "{student}", "-k", "2", "--max-tokens", "12"],
    "refine": ["--mode", "global", "--model", "{student}", "--max-tokens", "12"],
    "score": ["--rm", "{rm}"],
}
QUICK = ("sample",)


def write_input(path: Path, command: str) -> None:
    """Problems or solutions; every tenth comes twice."""
    record = PROBLEM if command == "sample" else WRONG
    with path.open("wb") as file:
        for i in range(NUM_RECORDS):
            own = {"problem_id": f"p{i}", "question": f"How many are 2 + {i}?"}
            line = orjson.dumps({**record, **own, "solution_id": f"s{i}"}) + b"\n"
            file.write(line * (2 if i % 10 == 0 else 1))


def records(path: Path) -> list[dict[str, Any]]:
    made = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    return [{**record, "scores": {"rm": [], **record.get("scores", {})}} for record in made]


@pytest.mark.parametrize(
    "command",
    [
        name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
        for name in MAP_COMMANDS
    ],
)
def test_killed_and_resumed(command: str, models: dict[str, str], tmp_path: Path) -> None:
    source, whole, path = (tmp_path / name for name in ("in.jsonl", "whole.jsonl", "out.jsonl"))
    write_input(source, command)
    options = [option.format(**models) for option in MAP_COMMANDS[command]]
    argv = [command, str(source), *options, "--concurrency", "4", "--resume", "-o"]
    with start([*SORMCTL, *argv, str(path)], stderr=subprocess.DEVNULL) as process:
        while not path.exists() or path.stat().st_size < 5_000:
            assert process.poll() is None
            time.sleep(0.005)
        process.kill()
    journal = path.with_name("out.jsonl.journal")
    entries = [orjson.loads(line) for line in journal.read_bytes().splitlines()]
    finished = sum(len(keys) for _, keys, *_ in entries)
    assert 0 < finished < NUM_RECORDS
    assert CliRunner().invoke(app, [*argv, str(whole)]).exit_code == 0
    resumed = CliRunner().invoke(app, [*argv, str(path)])
    assert resumed.exit_code == 0
    assert f"{command}: {finished:,} records were finished before\n" in resumed.stderr
    made, expected = records(path), records(whole)
    # a score's last digits depend on what else was in its batch
    scores = [[record.pop("scores")["rm"] for record in side] for side in (made, expected)]
    assert made == expected
    assert scores[0] == [pytest.approx(values, abs=1e-5) for values in scores[1]]


def test_a_problem_is_not_ranked_twice(models: dict[str, str], tmp_path: Path) -> None:
    """The best of what was added would stand beside the best of what was there."""
    source, path = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(orjson.dumps(WRONG) + b"\n")
    argv = ["rerank", str(source), "--rm", models["rm"], "--resume", "-o", str(path)]
    assert CliRunner().invoke(app, argv).exit_code == 0
    with source.open("ab") as file:
        file.write(orjson.dumps({**WRONG, "solution_id": "added"}) + b"\n")
    grown = CliRunner().invoke(app, argv)
    assert grown.exit_code == 2
    assert "record p1/added: its problem was ranked without it before; give --over" in grown.stderr
