"""Commands over a server that is not as one would wish, as they are typed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

from sormctl.cli import app
from tests.unit.engines.openai.server import Reply, Script, refusal, said, serving

WRONG = {
    "steps": ["1 + 1 = 3", "3"],
    "predicted": "3",
    "correct": False,
    "source": {"kind": "sample"},
}
NAMES = ["p0", "p1", "p2", "p3"]


def sormctl(script: Script, *arguments: str | Path, code: int = 0, bare: bool = True) -> Result:
    """A command with a model of that server, whose tokenizer nobody has."""
    served = ("--engine", "openai", "--base-url", script.url)
    no_tokenizer = ("--engine-arg", "tokenizer=none") if bare else ()
    result = CliRunner().invoke(app, [*map(str, arguments), *served, *no_tokenizer])
    assert result.exit_code == code, result.output
    return result


def write(path: Path, records: Sequence[Any]) -> Path:
    path.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in records))
    return path


def read(path: Path) -> list[Any]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture
def problems(tmp_path: Path) -> Path:
    records = [
        {"task": "numeric", "problem_id": name, "question": f"{name}: 1 + 1?", "answer": "2"}
        for name in NAMES
    ]
    return write(tmp_path / "problems.jsonl", records)


def refusing(name: str) -> Any:
    """A server that fails on the requests in which a name is, whatever they are."""

    def rule(path: str, body: dict[str, Any]) -> Reply | None:
        return refusal(400, "no") if f"{name}:" in str(body) else None

    return rule


def test_a_record_that_is_refused_for_good_is_left_out(tmp_path: Path, problems: Path) -> None:
    out = tmp_path / "out.jsonl"
    plain = ("sample", "--model", "m", "--prompt", "plain", problems, "-o", out)
    with serving(rule=refusing("p1")) as script:
        told = sormctl(script, *plain, code=1).stderr
        place = f"{script.url}/completions"
        assert f"record p1: {place}: no (400); give --skip-failed to go on without it" in told
        told = sormctl(script, *plain, "--resume", "--skip-failed", code=1).stderr
        assert f"sample: left out: record p1: {place}: no (400)\n" in told
        assert told.endswith(
            "sormctl sample: 1 of 4 records failed and were left out; --resume tries them again\n"
        )
        assert [record["problem_id"] for record in read(out)] == ["p0", "p2", "p3"]
        script.rule = lambda path, body: None
        sormctl(script, *plain, "--resume")
    assert [record["problem_id"] for record in read(out)] == ["p0", "p2", "p3", "p1"]


@pytest.mark.parametrize(
    "command",
    [
        ("label-steps", "--model", "m", "-k", "2"),
        ("refine", "--mode", "global", "--model", "m"),
    ],
)
def test_so_it_is_by_the_other_commands(
    tmp_path: Path, problems: Path, command: tuple[str, ...]
) -> None:
    solutions = [
        {**record, "solution_id": f"{record['problem_id']}/s", **WRONG} for record in read(problems)
    ]
    path, out = write(tmp_path / "in.jsonl", solutions), tmp_path / "out.jsonl"
    with serving(rule=refusing("p2")) as script:
        typed = ("--prompt", "plain", path, "-o", out, "--skip-failed")
        told = sormctl(script, *command, *typed, code=1).stderr
    assert "left out: record p2/s: " in told
    assert [record["problem_id"] for record in read(out)] == ["p0", "p1", "p3"]


def test_a_server_that_lets_nobody_in_ends_the_run_all_the_same(problems: Path) -> None:
    with serving(rule=lambda path, body: refusal(401)) as script:
        typed = ("sample", "--model", "m", "--prompt", "plain", problems, "--skip-failed")
        told = sormctl(script, *typed, code=1).stderr
    assert told.endswith(
        f"sormctl sample: record p0: {script.url}/completions: no (401); "
        "the key is missing: set OPENAI_API_KEY\n"
    )


def test_a_chat_model_of_which_only_the_name_is_known(tmp_path: Path, problems: Path) -> None:
    reply = said("So 2.\n#### 2", reasoning_content="1 + 1, hm")
    with serving(rule=lambda path, body: reply) as script:
        typed = ("sample", "--model", "llama3:8b", problems, "-o", tmp_path / "out.jsonl")
        sormctl(script, *typed, "--engine-arg", "api=chat", bare=False)
    record = read(tmp_path / "out.jsonl")[0]
    assert (record["thought"], record["steps"]) == ("1 + 1, hm", ["So 2.", "#### 2"])
    assert set(script.paths) == {"/v1/chat/completions"}


def test_a_hosted_model_judges_steps(tmp_path: Path, problems: Path) -> None:
    """Of two verdicts one finds the second step wrong; the scores stand beside those of others."""
    (record, *_) = read(problems)
    known = {**record, "solution_id": "p0/s", **WRONG, "scores": {"rm": [0.9, 0.1]}}
    path, out = write(tmp_path / "in.jsonl", [known]), tmp_path / "out.jsonl"
    verdicts = [said("Step 2 does not follow. \\boxed{2}"), said("\\boxed{-1}")]
    with serving(*verdicts) as script:
        typed = ("score", "--judge", "gpt", "--verdicts", "2", path, "-o", out)
        sormctl(script, *typed, "--engine-arg", "api=chat", bare=False)
    assert read(out)[0]["scores"] == {"rm": [0.9, 0.1], "gpt": [1.0, 0.5]}
    content = script.asked[0]["messages"][-1]["content"]
    assert "p0: 1 + 1?" in content and "Step 1: 1 + 1 = 3\nStep 2: 3\n" in content
    assert script.asked[0]["seed"] != script.asked[1]["seed"]


def test_a_judge_that_says_nothing_is_told_of(tmp_path: Path, problems: Path) -> None:
    solutions = [
        {**record, "solution_id": record["problem_id"], **WRONG} for record in read(problems)
    ]
    path, out = write(tmp_path / "in.jsonl", solutions), tmp_path / "out.jsonl"
    verdicts = {"p0": "\\boxed{1}", "p1": "Well.", "p2": "\\boxed{-1}", "p3": "Let us see"}

    def rule(path: str, body: dict[str, Any]) -> Reply | None:
        asked = str(body)
        return next(said(text) for name, text in verdicts.items() if f"{name}:" in asked)

    with serving(rule=rule) as script:
        typed = ("score", "--judge", "gpt", path, "-o", out)
        told = sormctl(script, *typed, "--engine-arg", "api=chat", bare=False).stderr
    assert [record["scores"]["gpt"] for record in read(out)] == [
        [0, 0],
        [0.5] * 2,
        [1, 1],
        [0.5] * 2,
    ]
    assert "2 of 4 solutions have 0.5 at every step: " in told


def test_an_environment_that_is_broken_is_one_line(
    problems: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent.pem")
    with serving() as script:
        told = sormctl(
            script, "sample", "--model", "m", "--prompt", "plain", problems, code=2
        ).stderr
    assert told.startswith("sormctl sample: SSL_CERT_FILE=/nonexistent.pem: must name a file")
    assert told.count("\n") == 1


def test_scores_of_a_served_reward_model(tmp_path: Path, problems: Path) -> None:
    def rule(path: str, body: dict[str, Any]) -> Reply | None:
        rows = [[0.25, 0.75]] * len(body["input"])
        return 200, {"data": [{"data": rows}]}, {}

    solutions = [
        {**record, "solution_id": record["problem_id"], **WRONG} for record in read(problems)
    ]
    path, out = write(tmp_path / "in.jsonl", solutions), tmp_path / "out.jsonl"
    with serving(rule=rule) as script:
        typed = ("score", "--rm", "embedded:student", "--name", "rm", path, "-o", out)
        sormctl(script, *typed, bare=False)
    assert read(out)[0]["scores"] == {"rm": [0.75, 0.75]}
    assert set(script.paths) == {"/pooling"}
