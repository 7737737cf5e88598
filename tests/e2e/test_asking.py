"""How a model is asked: said once, kept with the model, as a user types it."""

from __future__ import annotations

import json
import shutil
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sormctl.cli import app
from sormctl.models import resolve_model
from sormctl.records import to_json
from sormctl.tasks.chain.problems import generate
from tests.e2e.trainings import SMALL
from tests.unit.training.runs import write_jsonl

TEMPLATE = (
    "{% for turn in messages %}{{ turn.role }}: {{ turn.content }}\n{% endfor %}"
    "{% if loud %}loud: {% endif %}Answer:\n"
)


def sormctl(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, arguments)
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A chat model, problems, and a file with what it is told."""
    shutil.copytree(resolve_model("embedded:student"), tmp_path / "chat")
    (tmp_path / "chat" / "sormctl.json").unlink()
    (tmp_path / "chat" / "chat_template.jinja").write_text(TEMPLATE)
    write_jsonl(tmp_path / "p.jsonl", [to_json(p) for p in islice(generate("test", 0), 4)])
    (tmp_path / "words").write_text("Be short.\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_it_is_said_once_and_kept_with_the_model(folder: Path) -> None:
    said = ("--system", "@words", "--examples", "1", "--chat-arg", "loud=true", "--steps", "lines")
    sampled = ("sample", "--greedy", "--max-tokens", "40", "p.jsonl")
    code, _, told = sormctl(*sampled, "--model", "chat", *said, "-o", "asked.jsonl")
    assert code == 0, told
    manifest = json.loads((folder / "asked.jsonl.manifest.json").read_text())["arguments"]
    assert (manifest["system"], manifest["examples"]) == ("Be short.", 1)
    assert manifest["chat_args"] == [["loud", "true"]]

    trained = ("train-student", *SMALL, "--epochs", "1", "--model", "chat", *said, "-o", "trained")
    code, _, told = sormctl(*trained, "p.jsonl")
    assert code == 0, told
    kept = json.loads((folder / "trained" / "sormctl.json").read_text())["asking"]
    assert (kept["style"], kept["system"], kept["steps"]) == ("chat", "Be short.", "lines")

    code, _, told = sormctl(*sampled, "--model", "trained", "-o", "again.jsonl")
    assert code == 0, told
    before, after = (records(folder / f"{name}.jsonl") for name in ("asked", "again"))
    lengths = [[made["usage"]["prompt_tokens"] for made in found] for found in (before, after)]
    assert lengths[0] == lengths[1]
    code, out, told = sormctl(*sampled, "--model", "chat")
    assert code == 0, told
    shorter = [json.loads(line)["usage"]["prompt_tokens"] for line in out.splitlines()]
    assert all(one < other for one, other in zip(shorter, lengths[0], strict=True))


def test_a_cut_text_is_counted_with_the_remedy(folder: Path) -> None:
    shown = ("sample", "--model", "embedded:student", "--max-tokens", "3", "p.jsonl")
    code, out, told = sormctl(*shown)
    assert code == 0
    assert "4 of 4 solutions (100.0%) were cut off at the token limit; raise --max-tokens" in told
    (folder / "cut.jsonl").write_text(out)
    assert "were cut off at the token limit" in sormctl("grade", "cut.jsonl")[2]
    shown_by_eval = sormctl("eval", "cut.jsonl")[2]
    assert "cut off %" in " ".join(shown_by_eval.split())


def test_grade_cuts_and_parts_as_it_is_told(folder: Path) -> None:
    text = "[T]Is it 8?[/T]So:\n\\[\n3 + 4 = 7\n\\]\n\\boxed{7}"
    row = {"task": "numeric", "problem_id": "p", "question": "3 + 4?", "answer": "7", "text": text}
    write_jsonl(folder / "raw.jsonl", [row])
    code, out, told = sormctl("grade", "--steps", "blocks", "--think", "[T],[/T]", "raw.jsonl")
    assert code == 0, told
    graded = json.loads(out)
    assert graded["steps"] == ["So:\n\\[\n3 + 4 = 7\n\\]", "\\boxed{7}"]
    assert (graded["thought"], graded["correct"]) == ("Is it 8?", True)
    code, _, told = sormctl("grade", "--steps", "words", "raw.jsonl")
    assert (code, told.count("\n")) == (2, 1)


def test_a_base_model_is_told_how_it_is_asked(folder: Path) -> None:
    (folder / "chat" / "chat_template.jinja").unlink()
    code, _, told = sormctl("sample", "--model", "chat", "--max-tokens", "9", "p.jsonl")
    assert code == 0
    assert told.count("no chat template: asked plainly; see --prompt one-shot") == 1
