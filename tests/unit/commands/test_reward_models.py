"""Other people's reward models through the commands, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sormctl.adapters.registry import built_in
from sormctl.cli import app
from sormctl.records import encode
from tests.reward_models import FAMILIES, save_outcome_model, save_qwen_prm, save_token_classifier
from tests.unit.examples import solution, wrong

SOLUTIONS = b"".join(map(encode, (solution(), wrong(), solution("s2", ("#### 6",)))))


@pytest.fixture(scope="module")
def prm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("models") / "prm"
    folder.mkdir()
    save_qwen_prm(folder)
    return folder


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("models") / "outcome"
    folder.mkdir()
    save_outcome_model(folder)
    return folder


def run(*argv: str | Path, given: bytes = SOLUTIONS) -> Result:
    return CliRunner().invoke(app, [*map(str, argv)], given)


def records(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_process_model_is_known_by_its_architecture(prm: Path) -> None:
    found = records(run("score", "--rm", prm))
    assert [len(row["scores"]["prm"]) for row in found] == [2, 2, 1]
    named = records(run("score", "--rm", prm, "--rm-adapter", "qwen2.5-math-prm"))
    assert named == found


def test_an_outcome_model_gives_rewards(outcome: Path) -> None:
    scored = run("score", "--rm", outcome, "--name", "rm")
    rewards = {row["solution_id"]: row["rewards"]["rm"] for row in records(scored)}
    assert len(set(rewards.values())) == 3
    (best,) = records(run("rerank", "--scores", "rm", given=scored.stdout_bytes))
    assert best["rewards"]["rm"] == max(rewards.values())
    (again,) = records(run("rerank", "--rm", outcome))
    assert again["solution_id"] == best["solution_id"]
    report = run("eval", given=scored.stdout_bytes)
    assert "rerank@3 by rm" in report.stderr
    assert "reward by rm" in run("show", given=scored.stdout_bytes).stdout


def test_the_adapter_says_how_steps_make_a_score(prm: Path) -> None:
    scored = run("score", "--rm", prm)
    least = {row["solution_id"]: min(row["scores"]["prm"]) for row in records(scored)}
    (best,) = records(run("rerank", "--rm", prm))
    assert best["solution_id"] == max(least, key=least.__getitem__)
    (last,) = records(run("rerank", "--rm", prm, "--agg", "final"))
    final = {row["solution_id"]: row["scores"]["prm"][-1] for row in records(scored)}
    assert last["solution_id"] == max(final, key=final.__getitem__)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_is_read_as_it_is_typed(tmp_path: Path, name: str) -> None:
    """By its own architecture where that is certain, else by name; else the line says so."""
    FAMILIES[name](tmp_path)
    adapter = built_in()[name]
    alone = run("score", "--rm", tmp_path, "--name", "rm")
    assert (alone.exit_code == 0) == bool(adapter.architectures)
    if alone.exit_code:
        assert alone.exit_code == 1 and "--rm-adapter" in alone.stderr
    named = records(run("score", "--rm", tmp_path, "--rm-adapter", name, "--name", "rm"))
    field = "rewards" if adapter.judges_whole else "scores"
    assert all("rm" in row[field] for row in named)
    if adapter.judges_whole:
        return
    assert all(len(row["scores"]["rm"]) == len(row["steps"]) for row in named)


def test_an_adapter_of_ones_own(tmp_path: Path) -> None:
    save_token_classifier(tmp_path)
    mine = tmp_path / "mine.toml"
    mine.write_text(
        'about = "mine"\n[text]\nstyle = "text"\nquestion = "{question}{cut}"\n'
        'step = "{step}{cut}\\n{read}{cut}"\n[head]\nkind = "classes"\n'
    )
    found = records(run("score", "--rm", tmp_path, "--rm-adapter", mine, "--name", "rm"))
    assert found == records(run("score", "--rm", tmp_path, "--rm-adapter", "trl", "--name", "rm"))


def test_the_whole_test_time_path_takes_them(tmp_path: Path, prm: Path, outcome: Path) -> None:
    bench = ("eval", "--bench", "chain", "-n", "2", "--student", "embedded:student")
    models = ("--orm", outcome, "--sorm", prm, "--sorm-adapter", "qwen2.5-math-prm")
    result = run(*bench, *models, "--samples", "2", "-o", tmp_path / "run", given=b"")
    assert result.exit_code == 0, result.stderr
    kept = (tmp_path / "run" / "solutions.jsonl").read_text().splitlines()
    solutions = [json.loads(line) for line in kept]
    assert all("orm" in row["rewards"] for row in solutions)
    assert any("sorm" in row.get("scores", {}) for row in solutions)
    assert "rerank@2 by orm" in (tmp_path / "run" / "table.txt").read_text()


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (
            "score --rm {prm} --rm-adapter nosuch",
            2,
            "no adapter (--rm-adapter) `nosuch`; give",
        ),
        ("score --rm {prm} --prompt chat", 2, "adapter qwen2.5-math-prm says how"),
        ("score --rm {prm} --judge {prm}", 2, "score needs either --rm MODEL or --judge MODEL"),
        ("score --rm {prm} --verdicts 3", 2, "goes with --judge"),
        ("score --judge {prm}", 1, "a Qwen2ForProcessRewardModel generates nothing"),
        ("score --judge embedded:student --judge-prompt Well?", 2, "--judge-prompt: must hold"),
        ("rerank --scores rm --rm-adapter trl", 2, "give --rm MODEL, too"),
        ("score --rm embedded:student", 1, "judges no steps; give a reward model"),
        ("rerank --scores rm", 65, "no field `scores.rm`; run `sormctl score --name rm` first"),
        (
            "score --rm {prm} --engine openai --base-url http://x/v1 --rm-adapter {other}",
            2,
            "other",
        ),
    ],
)
def test_what_is_refused(prm: Path, tmp_path: Path, argv: str, code: int, message: str) -> None:
    other = tmp_path / "other.toml"
    other.write_text('about = "other"\n[head]\nkind = "classes"\n')
    result = run(*argv.format(prm=prm, other=other).split())
    assert result.exit_code == code, result.stderr
    assert message in result.stderr
