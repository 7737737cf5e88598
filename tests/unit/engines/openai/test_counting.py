"""Servers that lay prompts out anew, or cut them, are found out by what they count."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sormctl.engines.base import Sampling
from sormctl.engines.encoding import load_tokenizer, prompt_ids, prompt_text
from sormctl.engines.openai.counting import (
    AS_SENT,
    CUT,
    LONGER,
    PromptCounts,
    length_of,
    room_for_counts,
)
from sormctl.errors import EngineError, TooLongError
from sormctl.models import resolve_model
from sormctl.prompts import Prompt
from tests.unit.engines.openai.server import Reply, ok, refusal, serving
from tests.unit.engines.openai.test_dialect import NO_IDS, pooling
from tests.unit.engines.openai.test_engine import PROMPT, engine_of

TOKENIZER = load_tokenizer(resolve_model("embedded:student"))
DRAFT = replace(PROMPT, steps=())
IDS = {"prompt": [1] * 40}
LENGTHS = st.integers(9, 5000)


@given(st.lists(st.tuples(LENGTHS, st.integers(0, 2), st.integers(0, 5000), st.integers(1, 9))))
def test_a_server_that_counts_what_it_was_sent_never_trips(
    prompts: list[tuple[int, int, int, int]],
) -> None:
    """Whatever it had in its cache, with BOS and EOS of its own, and for any `n`."""
    counts = PromptCounts()
    for length, own, cached, n in prompts:
        counted = length + own
        sent = {"prompt": [1] * length}
        room = room_for_counts(length, sent)
        assert counts.judge(counted, min(cached, counted), length, room, n) == AS_SENT
        assert counts.judge(counted * n, 0, length, room * n, n) == AS_SENT
        assert counts.judge(0, 0, length, room, n) == AS_SENT  # it does not tell


@given(st.lists(st.tuples(LENGTHS, st.floats(-0.009, 0.009))))
def test_nor_does_one_whose_tokenizer_parts_a_little_over_a_text(
    prompts: list[tuple[int, float]],
) -> None:
    counts = PromptCounts()
    for length, apart in prompts:
        room = room_for_counts(length, {"prompt": "a text"})
        assert counts.judge(length + int(apart * length), 0, length, room) == AS_SENT


@given(st.lists(st.tuples(LENGTHS, st.integers(0, 5000)), min_size=1))
def test_nor_does_one_that_tells_apart_what_it_had_in_its_cache(
    prompts: list[tuple[int, int]],
) -> None:
    counts = PromptCounts()
    for length, cached in prompts:
        had = min(cached, length - 1)
        assert counts.judge(length - had, had, length, 2) == AS_SENT


@given(LENGTHS, st.lists(st.tuples(LENGTHS, st.integers(0, 5000))))
def test_one_that_leaves_out_what_it_had_in_its_cache_is_soon_known(
    first: int, prompts: list[tuple[int, int]]
) -> None:
    """It has read a prompt, and has it whole in its cache when it comes again."""
    counts = PromptCounts()
    assert counts.judge(first, 0, first, 2) == AS_SENT
    assert counts.judge(1, 0, first, 2) == AS_SENT
    for length, cached in prompts:
        assert counts.judge(length - min(cached, length - 1), 0, length, 2) == AS_SENT


@given(st.lists(LENGTHS, min_size=1), st.integers(200, 3000), st.integers(3, 60))
def test_what_is_cut_or_laid_out_anew_is_seen_every_time(
    lengths: list[int], most: int, more: int
) -> None:
    cutting, laying = PromptCounts(), PromptCounts()
    for length in lengths:
        expected = CUT if length > most + 2 else AS_SENT
        assert cutting.judge(min(length, most), 0, length, 2) == expected
        assert laying.judge(length + more, 0, length, 2) == LONGER
        assert laying.judge(1, 0, length, 2) == LONGER  # also where it leaves out what it had


@given(st.integers(3, 40), st.integers(100, 3000), st.lists(LENGTHS, min_size=1))
def test_who_lays_out_anew_may_cut_as_well(more: int, most: int, lengths: list[int]) -> None:
    """What it has cut is fewer than was sent, whatever it has laid out before."""
    counts = PromptCounts()
    for length in lengths:
        counted = min(length + more, most)
        if abs(counted - length) > 2:
            expected = LONGER if counted > length else CUT
            assert counts.judge(counted, 0, length, 2) == expected


@given(st.text(max_size=60), st.lists(st.text(min_size=1, max_size=20), max_size=3))
def test_text_has_the_length_that_its_reader_counts(question: str, steps: list[str]) -> None:
    """As a server does that has the same tokenizer."""
    text = prompt_text(TOKENIZER, Prompt(text=f"Question: {question}", steps=tuple(steps)))
    assert length_of({"prompt": text}, TOKENIZER) == len(TOKENIZER(text)["input_ids"])


def test_whose_prompts_have_no_length() -> None:
    assert length_of(IDS, None) == 40
    assert length_of({"prompt": "1 + 1"}, None) is None
    assert length_of({"messages": []}, TOKENIZER) is None


def text_alone(more: int) -> Any:
    """A server of text alone that counts so many tokens more than there are."""

    def rule(path: str, body: dict[str, Any]) -> Reply:
        if isinstance(body["prompt"], list):
            return refusal(400, NO_IDS[0])
        return ok(prompt_tokens=len(TOKENIZER(body["prompt"])["input_ids"]) + more)

    return rule


async def test_who_lays_prompts_out_anew_continues_no_steps(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serving(rule=text_alone(9)) as script:
        async with engine_of(script, tokenizer="embedded:student") as engine:
            assert len(await engine.sample(DRAFT, Sampling(seeds=(1, 2)))) == 2
            with pytest.raises(EngineError, match=r"counts 25 tokens in a prompt of 16.*api=chat"):
                await engine.sample(PROMPT, Sampling())
            with pytest.raises(EngineError, match="does not continue steps"):
                await engine.sample(replace(DRAFT, thought="Hm."), Sampling())
    told = capsys.readouterr().err
    assert told.count("it lays prompts out anew, or has another tokenizer") == 1
    assert "--engine-arg api=chat" in told


@pytest.mark.parametrize("prompt", [PROMPT, DRAFT])
async def test_a_prompt_that_was_cut_is_too_long(
    prompt: Prompt, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = prompt_ids(TOKENIZER, prompt)
    with serving(*[ok(prompt_tokens=len(ids) - 4, prompt_tokens_details={})] * 2) as script:
        async with engine_of(script, tokenizer="embedded:student") as engine:
            for _ in range(2):
                with pytest.raises(TooLongError, match="was cut"):
                    await engine.sample(prompt, Sampling())
    assert script.asked[0]["prompt"] == ids
    assert (
        capsys.readouterr().err.count("cuts prompts, or has another tokenizer; such records end")
        == 1
    )


@pytest.mark.parametrize("own", [0, 1, 2])
async def test_what_a_server_adds_by_itself_is_no_matter(
    own: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(rule=text_alone(own)) as script:
        async with engine_of(script, tokenizer="embedded:student") as engine:
            assert len(await engine.sample(PROMPT, Sampling())) == 1
    assert "counts" not in capsys.readouterr().err


async def test_a_solution_that_was_cut_has_no_scores() -> None:
    def rule(path: str, body: dict[str, Any]) -> Reply:
        status, answer, headers = pooling(path, body) or ok()
        return status, {**answer, "usage": {"prompt_tokens": len(body["input"]) - 3}}, headers

    with serving(rule=rule) as script:
        async with engine_of(script, tokenizer="embedded:student") as engine:
            with pytest.raises(TooLongError, match="was cut"):
                await engine.score(DRAFT, ["1 + 1 = 2"])


async def test_where_nobody_counts_it_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    silent = ok(prompt_tokens=None, completion_tokens=0)
    for tokenizer, lines in (("none", 1), ("embedded:student", 0)):
        with serving(silent, silent) as script:
            async with engine_of(script, tokenizer=tokenizer) as engine:
                await engine.sample(PROMPT, Sampling(seeds=(1, 2)))
        assert capsys.readouterr().err.count("counts no tokens") == lines
