"""Servers are told to keep the special tokens around a thought, or the user is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from sormctl.asking import THINK
from sormctl.engines.base import Sampling
from sormctl.engines.encoding import load_tokenizer
from sormctl.prompts import Prompt
from tests.models import make_model
from tests.unit.engines.openai.server import ok, refusal, said, serving
from tests.unit.engines.openai.test_engine import engine_of

TAGS = ("[THINK]", "[/THINK]")
THOUGHT = "[THINK]8?[/THINK]7"
KEEPS = "skip_special_tokens"
HIDES = "may leave out [THINK] and [/THINK], special tokens"


def prompt(think: tuple[str, str] = TAGS) -> Prompt:
    return Prompt(text="1 + 2 + 3 + 4 =", think=think)


@pytest.fixture
def model(tmp_path: Path) -> str:
    """One whose tokenizer has the tags as special tokens."""
    folder = make_model(tmp_path / "m")
    tokenizer = load_tokenizer(str(folder))
    tokenizer.add_special_tokens({"additional_special_tokens": [*TAGS, "<|im_end|>"]})
    tokenizer.save_pretrained(folder)
    return str(folder)


def owned(owner: str) -> list[dict[str, str]]:
    return [{"id": "m", "owned_by": owner}]


@pytest.mark.parametrize("owner", ["vllm", "sglang"])
async def test_what_keeps_special_tokens_is_asked_to(
    owner: str, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(ok(f"<eos>{THOUGHT}<|im_end|>"), ok("7"), models=owned(owner)) as script:
        async with engine_of(script, model=model, tokenizer=None, served_model="m") as engine:
            (found,) = await engine.sample(prompt(), Sampling())
            await engine.sample(prompt(THINK), Sampling())
    assert found.text == THOUGHT
    assert [asked.get(KEEPS) for asked in script.asked] == [False, None]
    assert capsys.readouterr().err == ""


async def test_without_a_tokenizer_tags_are_special_that_look_so() -> None:
    with serving(*[said(THOUGHT)] * 3, models=owned("vllm")) as script:
        async with engine_of(script, api="chat") as engine:
            for tags in (TAGS, THINK, ("<|channel>thought", "<channel|>")):
                await engine.sample(prompt(tags), Sampling(logprobs=False))
    assert [asked.get(KEEPS) for asked in script.asked] == [False, None, False]


async def test_of_others_it_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(said("7", reasoning="8?"), *[said("8?7")] * 2) as script:
        async with engine_of(script, api="chat") as engine:
            await engine.sample(prompt(), Sampling(logprobs=False))
            assert capsys.readouterr().err == ""  # it gives thoughts apart
            for _ in range(2):
                await engine.sample(prompt(), Sampling(logprobs=False))
    assert capsys.readouterr().err.count(HIDES) == 1
    assert not any(KEEPS in asked for asked in script.asked)


async def test_so_it_is_of_one_that_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    refuses = refusal(400, f"{KEEPS}: Extra inputs are not permitted")
    with serving(refuses, ok("8?7"), models=owned("vllm")) as script:
        async with engine_of(script) as engine:
            await engine.sample(prompt(), Sampling())
    assert [KEEPS in asked for asked in script.asked] == [True, False]
    assert HIDES in capsys.readouterr().err
