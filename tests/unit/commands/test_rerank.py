"""`sormctl rerank` on solutions that stand in the input more than once."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from sormctl.asking import default_asking
from sormctl.cli import app
from sormctl.errors import EngineError
from sormctl.judging import Judge
from sormctl.prompts import Prompt
from sormctl.records import to_json
from tests.fakes import ScriptedEngine
from tests.unit.examples import solution, wrong


def test_a_solution_that_comes_twice_has_one_vote() -> None:
    group = [wrong("a"), wrong("a"), wrong("a"), solution("b"), solution("c")]
    lines = "\n".join(json.dumps(to_json(each)) for each in group)
    result = CliRunner().invoke(app, ["rerank", "-q", "--vote", "majority"], lines)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["solution_id"] == "b"


@pytest.mark.parametrize(
    "typed",
    [
        "rerank --rm rm",
        "rerank --scores rm",
        "label-steps --by rollouts --model embedded:student --gather",
        "show --problem p1",
        "show --together",
    ],
)
def test_a_line_that_contradicts_another_is_named(
    typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sormctl.commands.rerank.open_judge", judge)
    one = solution("a", problem_id="p1", scores={"rm": (0.5, 0.5)})
    lines = [one, replace(one, problem_id="p2"), replace(one, solution_id="b", answer="9")]
    if "--gather" in typed:  # another answer is another problem
        lines[2] = replace(one, steps=("Another.", "#### 6"))
    given = "\n".join(json.dumps(to_json(each)) for each in lines)
    result = CliRunner().invoke(app, typed.split(), given)
    assert result.exit_code == 65, result.stderr
    assert "<stdin>:3: " in result.stderr


class Refusing(ScriptedEngine):
    """Scores nothing about `bad`."""

    async def score(self, prompt: Prompt, steps: Sequence[str]) -> list[float]:
        if "bad" in prompt.text:
            raise EngineError("refused")
        return [0.5 for _ in steps]


@asynccontextmanager
async def judge(*_: Any) -> AsyncIterator[Judge]:
    yield Judge(Refusing(lambda prompt, seed: ""), default_asking("plain"))


def test_a_problem_on_which_the_engine_fails_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sormctl.commands.rerank.open_judge", judge)
    made = [
        replace(solution(f"{question}{i}"), problem_id=question, question=question)
        for question in ("good", "bad", "better")
        for i in range(2)
    ]
    lines = "\n".join(json.dumps(to_json(each)) for each in made)
    typed = ["rerank", "-q", "--rm", "rm", "-o", str(tmp_path / "best.jsonl")]
    failed = CliRunner().invoke(app, typed, lines)
    assert (failed.exit_code, "give --skip-failed to go on" in failed.stderr) == (1, True)
    result = CliRunner().invoke(app, [*typed, "--resume", "--skip-failed"], lines)
    assert result.exit_code == 1
    assert "left out: record bad/bad0: refused; with it, 1 more of its group" in result.stderr
    assert "2 of 6 records failed and were left out; --resume tries them again" in result.stderr
    best = map(json.loads, (tmp_path / "best.jsonl").read_text().splitlines())
    assert [record["problem_id"] for record in best] == ["good", "better"]
