"""Which model a server has, by the names that it gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sormctl.engines.base import Sampling
from sormctl.engines.openai.naming import are_alike, are_different
from sormctl.errors import DeadEngineError, UsageError
from sormctl.models import resolve_model
from tests.unit.engines.openai.server import DROP, ok, serving
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
    ("llama3", "llama3:8b"),
    ("hf.co/me/llama3:8B", "llama3:8b"),
    ("llama3:latest", "llama3:8b"),
]
OTHERS = [
    ("llama3:8b", "llama3:70b"),
    ("qwen3:4b-q8_0", "qwen3:4b-q4_K_M"),
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


@pytest.mark.parametrize(
    ("models", "asked"),
    [
        (["student", "other"], "student"),
        (["STUDENT:latest", "teacher", "student-20250101"], "STUDENT:latest"),
        (["student:8b", "student:70b"], None),
        (["a/student", "b/student"], None),
        (["student-20250101", "teacher"], None),
    ],
)
async def test_of_several_models_the_one_of_that_name_is_asked(
    models: list[str], asked: str | None
) -> None:
    model = resolve_model("embedded:student")
    with serving(models=[{"id": name} for name in models]) as script:
        if asked:
            async with engine_of(script, model=model) as engine:
                await engine.sample(PROMPT, Sampling())
            assert script.asked[0]["model"] == asked
        else:
            with pytest.raises(UsageError, match=r"no model .?embedded:student.* served_model="):
                async with engine_of(script, model=model):
                    pass


async def test_a_server_that_comes_back_with_another_model_stays_out() -> None:
    with serving(DROP) as script:
        async with engine_of(script, patience=0) as engine:
            script.models = [{"id": "x"}]
            with pytest.raises(DeadEngineError, match="it serves x now, and m before"):
                await engine.sample(PROMPT, Sampling())
    assert [asked["model"] for asked in script.asked] == ["m"]
    with serving(DROP) as script:
        async with engine_of(script, patience=0) as engine:
            script.models = [{"id": "org/m:latest"}]
            await engine.sample(PROMPT, Sampling())
    assert [asked["model"] for asked in script.asked] == ["m", "org/m:latest"]


async def test_a_model_without_a_name_is_not_listed() -> None:
    with serving(models=[{"id": None}, {"id": ""}, {"id": 7}, {"id": "\ud83d"}]) as script:
        async with engine_of(script) as engine:
            await engine.sample(PROMPT, Sampling())
    assert script.asked[0]["model"] == "m"


async def test_a_room_that_is_no_number_is_none() -> None:
    with serving(ok(prompt_tokens=16), models=[{"id": "m", "max_model_len": True}]) as script:
        async with engine_of(script, model=resolve_model("embedded:student"), tokenizer=None) as e:
            assert len(await e.sample(PROMPT, Sampling())) == 1


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
