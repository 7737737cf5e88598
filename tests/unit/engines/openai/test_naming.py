"""Which model a server has, by the names that it gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sormctl.engines.base import Sampling
from sormctl.engines.openai.naming import are_alike, are_different
from sormctl.errors import UsageError
from sormctl.models import resolve_model
from tests.unit.engines.openai.server import ok, serving
from tests.unit.engines.openai.test_engine import PROMPT, engine_of

ALIKE = [
    ("student", "embedded:student"),
    ("student:latest", "/a/b/student"),
    ("student.gguf", "student"),
    ("Qwen/Qwen3-8B", "qwen3-8b"),
    ("gpt-4o", "gpt-4o-2024-08-06"),
    ("claude-3-5-sonnet-latest", "claude-3-5-sonnet-20241022"),
    ("gemini-1.5-pro", "models/gemini-1.5-pro-002"),
    ("meta/llama:free", "meta/llama"),
]
OTHERS = [
    ("gpt-4o", "gpt-4o-mini"),
    ("Qwen/Qwen3-8B", "Qwen/Qwen3-4B"),
    ("Qwen/Qwen3-8B", "Qwen/Qwen3-8B-Base"),
    ("student", "student2"),
    ("m", "x"),
]


@pytest.mark.parametrize(("first", "second"), ALIKE)
def test_names_of_one_model(first: str, second: str) -> None:
    assert are_alike(first, second)
    assert are_alike(second, first)


@pytest.mark.parametrize(("first", "second"), OTHERS)
def test_names_of_two_models(first: str, second: str) -> None:
    assert not are_alike(first, second)
    assert not are_alike(second, first)


def test_what_a_folder_is_called_proves_nothing(tmp_path: Path) -> None:
    assert are_different("Qwen/Qwen3-8B", ["embedded:student"])
    assert are_different("Qwen/Qwen3-8B", ["Qwen/Qwen3-4B"])
    assert not are_different("Qwen/Qwen3-8B", ["me/copy", "Qwen/Qwen3-8B"])
    assert not are_different("/data/run12/last", ["Qwen/Qwen3-4B"])
    assert not are_different("Qwen/Qwen3-8B", [str(tmp_path)])
    assert not are_different("", ["embedded:student"])


@pytest.mark.parametrize(
    ("name", "options", "lines"),
    [("x", {}, 1), ("x", {"served_model": "x"}, 0), ("org/m:latest", {}, 0), ("m", {}, 0)],
)
async def test_the_only_model_is_asked_and_named(
    name: str, options: dict[str, Any], lines: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(models=[{"id": name}]) as script:
        async with engine_of(script, **options) as engine:
            await engine.sample(PROMPT, Sampling(seeds=(1, 2)))
    assert script.asked[0]["model"] == name
    assert capsys.readouterr().err.count("serves x alone: it is asked in the place of m") == lines


async def test_token_ids_do_not_go_to_another_model() -> None:
    model = resolve_model("embedded:student")
    served = [{"id": "x", "root": "Qwen/Qwen3-8B"}]
    with serving(models=served) as script:
        with pytest.raises(UsageError, match="serves Qwen/Qwen3-8B, not embedded:student"):
            async with engine_of(script, model=model, tokenizer=None):
                pass
        for options in ({"served_model": "x", "tokenizer": None}, {"tokenizer": "none"}):
            async with engine_of(script, model=model, **options):
                pass


@pytest.mark.parametrize(
    ("answered", "lines"), [("x", 1), ("m-20250101", 0), ("m", 0), (None, 0), ("", 0)]
)
async def test_an_answer_of_another_model_is_told_of_once(
    answered: str | None, lines: int, capsys: pytest.CaptureFixture[str]
) -> None:
    status, answer, headers = ok()
    with serving(*[(status, {**answer, "model": answered}, headers)] * 2) as script:
        async with engine_of(script) as engine:
            await engine.sample(PROMPT, Sampling(seeds=(1, 2)))
    assert capsys.readouterr().err.count("answers as x where m was asked") == lines
