"""Texts keep the special tokens that stand around a thought, whichever engine writes them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from sormctl.engines.base import Engine, Sampling
from sormctl.engines.encoding import load_tokenizer
from sormctl.engines.registry import create_engine
from sormctl.engines.running import Running
from sormctl.models import resolve_model
from tests.engines.problems import PROMPTS

GREEDY = Sampling(temperature=0.0, max_tokens=60)
ENGINES = [
    Running(),
    pytest.param(
        Running(engine="vllm", engine_arg=["kv_cache_memory_bytes=100000000"]),
        marks=pytest.mark.slow,
    ),
]


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded student, to whose tokenizer `####` is a special token."""
    folder = tmp_path_factory.mktemp("model") / "student"
    shutil.copytree(resolve_model("embedded:student"), folder)
    tokenizer = load_tokenizer(str(folder))
    tokenizer.add_special_tokens({"additional_special_tokens": ["####"]})
    tokenizer.save_pretrained(folder)
    return folder


async def text(engine: Engine, think: tuple[str, str], *stop: str) -> str:
    prompt = replace(PROMPTS[0], think=think)
    (found,) = await engine.sample(prompt, replace(GREEDY, stop=stop))
    return found.text


@pytest.mark.parametrize("running", ENGINES, ids=lambda running: running.engine)
async def test_special_tokens_of_the_tags_are_kept(student: Path, running: Running) -> None:
    async with create_engine("embedded:student", Running()) as engine:
        plain = await text(engine, ("a", "b"))
    before, _, after = plain.partition("#### ")
    async with create_engine(str(student), running) as engine:
        assert await text(engine, ("a", "b")) == before + after
        assert await text(engine, ("a", "####")) == plain
        assert await text(engine, ("a", "####"), "####") == before
        assert await text(engine, ("a", "####"), f"#### {after[0]}") == before
