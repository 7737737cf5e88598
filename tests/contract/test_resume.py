"""`kill -9` in the middle of a command that runs a real model, then `--resume`."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from sormctl.cli import app
from tests.contract.campaign import COMMANDS, Campaign, kept_tokens, new_tokens
from tests.contract.commands import PROBLEM, WRONG
from tests.contract.shell import SORMCTL, start

NUM_RECORDS = 50


def write_problems(path: Path) -> None:
    """Every tenth comes twice."""
    with path.open("wb") as file:
        for i in range(NUM_RECORDS):
            own = {"problem_id": f"p{i}", "question": f"How many are 2 + {i}?"}
            line = orjson.dumps({**PROBLEM, **own}) + b"\n"
            file.write(line * (2 if i % 10 == 0 else 1))


def test_killed_and_resumed(models: dict[str, str], tmp_path: Path) -> None:
    source, whole, path = (tmp_path / name for name in ("in.jsonl", "whole.jsonl", "out.jsonl"))
    write_problems(source)
    options = ["--model", models["student"], "-n", "2", "--max-tokens", "12"]
    argv = ["sample", str(source), *options, "--concurrency", "4", "--resume", "-o"]
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
    kept = kept_tokens(path) or 0
    resumed = CliRunner().invoke(app, [*argv, str(path), "--log-format", "json"])
    assert resumed.exit_code == 0
    assert f'"message":"{finished:,} records were finished before"' in resumed.stderr
    assert path.read_bytes() == whole.read_bytes()
    assert kept + new_tokens(resumed.stderr) == kept_tokens(whole)


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    return Campaign(tmp_path_factory.mktemp("campaign"))


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_killed_at_random_moments(name: str, campaign: Campaign) -> None:
    """`python -m tests.contract.campaign` does this for hours."""
    tally = campaign.run(name, kills=3)
    assert tally.kills >= 3
    assert tally.differences == []


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
