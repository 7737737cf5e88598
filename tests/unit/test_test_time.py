"""`eval --bench` where the engine fails on some records, and where it is asked twice."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from sormctl import test_time as module
from sormctl.adapters import registry
from sormctl.adapters.adapter import OWN, TextLayout
from sormctl.asking import default_asking
from sormctl.cli import app
from sormctl.errors import EngineError
from sormctl.inference import Generator
from sormctl.judging import Judge
from sormctl.prompts import Prompt
from tests.fakes import ScriptedEngine
from tests.unit.streams.jobs import read
from tests.unit.training.runs import write_jsonl


class Failing:
    """Opens models that fail on the questions in `on`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *on: str) -> None:
        self.on = {*on}
        monkeypatch.setattr(module, "open_generator", self.open_generator)
        monkeypatch.setattr(module, "open_judge", self.open_judge)

    def _answer(self, prompt: Prompt, seed: int = 0) -> str:
        if any(name in prompt.text for name in self.on):
            raise EngineError("refused")
        return "#### 4"

    @asynccontextmanager
    async def open_generator(
        self, model: str, sampling: Any, *rest: Any, **more: Any
    ) -> AsyncIterator[Generator]:
        engine = ScriptedEngine(self._answer)
        yield Generator(engine, model, default_asking("plain"), sampling, is_asked_plainly=True)

    @asynccontextmanager
    async def open_judge(self, *rest: Any, **more: Any) -> AsyncIterator[Judge]:
        yield Judge(ScriptedEngine(self._answer), default_asking("plain"))


@pytest.fixture
def typed(tmp_path: Path) -> list[str]:
    rows = [{"question": f"q{i}?", "answer": "4"} for i in range(4)]
    path = write_jsonl(tmp_path / "mine.jsonl", rows)
    models = ["--student", "s", "--global", "g", "--orm", "o"]
    return ["eval", "--bench", str(path), "--answer", "numeric", *models, "-o", str(tmp_path / "o")]


def test_what_fails_is_left_out_of_its_stage_and_tried_again(
    tmp_path: Path, typed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    models = Failing(monkeypatch, "q2?")
    result = CliRunner().invoke(app, typed)
    assert (result.exit_code, "--skip-failed to go on without it" in result.stderr) == (1, True)
    result = CliRunner().invoke(app, [*typed, "--resume", "--skip-failed"])
    assert result.exit_code == 1
    assert (
        "drafts: 1 of 4 records failed and were left out; --resume tries them again; samples: 1"
        in (result.stderr.splitlines()[-1])
    )
    rows = json.loads((tmp_path / "o" / "rows.json").read_text())["rows"]
    assert {row["n"] for row in rows if row["section"] == "accuracy"} == {3}
    models.on.clear()
    result = CliRunner().invoke(app, [*typed, "--resume", "--skip-failed"])
    assert result.exit_code == 0, result.stderr
    assert len(read(tmp_path / "o" / "solutions.jsonl")) == 4 * (1 + 1 + 3)


def test_there_must_be_something_to_try_again(typed: list[str]) -> None:
    result = CliRunner().invoke(app, [*typed[:-2], "--skip-failed"])
    assert (result.exit_code, "--skip-failed goes with --bench and -o DIR" in result.stderr) == (
        2,
        True,
    )


def test_what_the_user_should_know_of_a_model_is_said_once(
    typed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Failing(monkeypatch)
    result = CliRunner().invoke(app, typed)
    assert result.exit_code == 0, result.stderr
    told = [line for line in result.stderr.splitlines() if "no chat template" in line]
    assert told == [
        "eval drafts: no chat template: asked plainly; see --prompt one-shot",
        "eval global: no chat template: asked plainly; see --prompt one-shot",
    ]


def test_a_family_says_below_what_a_step_is_wrong(
    tmp_path: Path, typed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the user names its adapter or not; every step is scored 0.5."""
    family = replace(
        OWN,
        name="mine",
        threshold=0.9,
        architectures=("MineModel",),
        text=TextLayout("text", "{step}{read}"),
    )
    monkeypatch.setattr(registry, "built_in", lambda: {"sormctl": OWN, "mine": family})
    Failing(monkeypatch)
    sorm = tmp_path / "sorm"
    sorm.mkdir()
    (sorm / "config.json").write_text('{"architectures": ["MineModel"]}')
    path = [*typed, "--local", "l", "--sorm", str(sorm), "--overwrite"]
    for more, bad in ([], 0), (["--sorm-adapter", "mine"], 0), (["-T", "0.5"], None):
        result = CliRunner().invoke(app, [*path, *more])
        assert result.exit_code == 0, result.stderr
        made = read(tmp_path / "o" / "local.jsonl")
        assert {row["source"]["first_error"] for row in made} == {bad}
