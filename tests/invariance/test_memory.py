"""What is kept of earlier prompts, and how little room there is, changes no text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from transformers import DynamicCache

from sormctl.engines.base import Completion, Sampling
from sormctl.engines.hf.attention import use_decode_attention
from sormctl.engines.hf.batch import SampleBatch, SampleRequest
from sormctl.engines.hf.cache import cache_arguments
from sormctl.engines.hf.load import LoadedModel, load
from sormctl.engines.hf.prefill import Prompts
from sormctl.prompts import Prompt
from tests.invariance.families import FAMILIES, save_family

AMPLE = 100_000


@pytest.fixture(scope="module")
def loaded(llama: str) -> LoadedModel:
    return load(llama, "cpu", "auto", None)


@pytest.fixture
def passes(loaded: LoadedModel) -> Iterator[list[int]]:
    """Rows of each forward pass of the model."""
    rows: list[int] = []
    hook = loaded.model.register_forward_hook(
        lambda model, args, kwargs, output: rows.append(len(output.logits)), with_kwargs=True
    )
    yield rows
    hook.remove()


def run(batch: SampleBatch, jobs: list[tuple[Prompt, Sampling]]) -> list[list[Completion]]:
    requests = [SampleRequest(*job) for job in jobs]
    for request in requests:
        batch.add(request)
    done = {}
    while batch.busy:
        done.update({id(request): completions for request, completions in batch.step()})
    return [done[id(request)] for request in requests]


def jobs() -> list[tuple[Prompt, Sampling]]:
    """Long and short prompts, one rollout or many, in no order."""
    random = Random(0)
    return [
        (
            Prompt(text="x" * random.randrange(1, 100), steps=("1",) * (i % 3)),
            Sampling(seeds=tuple(range(i, i + 1 + i % 6)), temperature=1.0, max_tokens=20),
        )
        for i in range(30)
    ]


@pytest.mark.parametrize("budget", [1, 300, 1000])
def test_little_memory_means_fewer_rows_and_the_same_text(
    loaded: LoadedModel, passes: list[int], budget: int
) -> None:
    expected = run(SampleBatch(loaded, 64, AMPLE), jobs())
    assert max(passes) > 32
    passes.clear()
    assert run(SampleBatch(loaded, 64, budget), jobs()) == expected
    assert max(passes) <= max(1, budget // 32)


def test_a_batch_serves_again_after_it_was_empty(loaded: LoadedModel) -> None:
    batch = SampleBatch(loaded, 8, AMPLE)
    expected = run(batch, jobs())
    assert run(batch, jobs()[::-1])[::-1] == expected


def test_a_known_prompt_and_what_it_begins_with_are_not_computed_again(
    loaded: LoadedModel, passes: list[int]
) -> None:
    prompts = Prompts(loaded.model, AMPLE)
    long, other = list(range(40)), list(range(5, 30))
    first = prompts.prefill([long, other, long])
    assert passes == [2]
    assert first[0] == first[2]
    assert prompts.prefill([long[:17], other, long[:1]]) == [first[0], first[1], first[0]]
    assert passes == [2]
    prompts.prefill([[*long[:17], 99]])
    assert passes == [2, 1]


def prefilled_alone(model: Any, prompt: list[int]) -> DynamicCache:
    """The keys and values of one prompt."""
    cache = DynamicCache()
    model(torch.tensor([prompt]), **cache_arguments(model, cache))
    return cache


@torch.inference_mode()
def test_prefilled_keys_are_those_of_each_prompt_alone(loaded: LoadedModel) -> None:
    random = Random(1)
    ids = [[random.randrange(250) for _ in range(random.randrange(1, 90))] for _ in range(20)]
    for prompt, found in zip(ids, Prompts(loaded.model, AMPLE).prefill(ids), strict=True):
        alone = prefilled_alone(loaded.model, prompt)
        for mine, layer in zip(found.cache.layers, alone.layers, strict=True):
            keys = mine.keys[found.row, :, : len(prompt)]
            torch.testing.assert_close(keys, layer.keys[0], atol=1e-5, rtol=1e-4)


def prefill_in_turns(
    loaded: LoadedModel, turns: list[list[list[int]]], room: int = AMPLE
) -> list[int]:
    """Prefills in each turn; the tokens of all passes, after keys were found to be as alone."""
    tokens: list[int] = []
    prompts = Prompts(loaded.model, room)
    for turn in turns:
        hook = loaded.model.register_forward_pre_hook(
            lambda model, args, kwargs: tokens.append(args[0].numel()), with_kwargs=True
        )
        found = prompts.prefill(turn)
        hook.remove()
        for prompt, prefilled in zip(turn, found, strict=True):
            alone = prefilled_alone(loaded.model, prompt)
            for mine, layer in zip(prefilled.cache.layers, alone.layers, strict=True):
                for stored, expected in ((mine.keys, layer.keys), (mine.values, layer.values)):
                    kept = stored[prefilled.row, :, : len(prompt)]
                    torch.testing.assert_close(kept, expected[0], atol=1e-4, rtol=1e-3)
    return tokens


EXAMPLE = list(range(60))
ASKED = [[*EXAMPLE, *range(start, 200, 9)] for start in (100, 120, 130)]  # 72 tokens and fewer


@torch.inference_mode()
@pytest.mark.parametrize("family", FAMILIES)
def test_what_prompts_begin_with_is_computed_once(family: str, tmp_path: Path) -> None:
    """Of the first prompts alone, of later ones with those before.

    In the last turns a pass has one token, and a later prompt goes on from there: its layers may
    look back no further than a window.
    """
    loaded = load(str(save_family(family, tmp_path)), "cpu", "auto", None)
    use_decode_attention(loaded.model)
    one_more = [[*ASKED[0], 7], [*ASKED[0], 7, *range(20)]]
    turns = [ASKED, one_more, [[*ASKED[0], 7, 9, 9, 9]]]
    assert prefill_in_turns(loaded, turns) == [60, 3 * 12, 1, 21, 3]


@torch.inference_mode()
@pytest.mark.parametrize(
    ("turns", "tokens"),
    [
        # the neighbour before it knows more than the one behind it, and the other way round
        ([[[*EXAMPLE, 1]], [[*EXAMPLE, 3, 5]], [[*EXAMPLE, 2, 5]]], [61, 2, 2]),
        ([[[*EXAMPLE, 3]], [[*EXAMPLE[:30], 3]], [[*EXAMPLE, 2, 5]]], [61, 1, 2]),
        # half of what they begin with is known
        ([[EXAMPLE[:30]], ASKED], [30, 30, 3 * 12]),
        # all but a little of it: that is computed with each
        ([[EXAMPLE[:50]], ASKED], [50, 3 * 22]),
        # too little to be worth a pass, and nothing that all of them begin with
        ([[[1, 2, 3], [1, 2, 4]]], [2 * 3]),
        ([[*ASKED, [5]]], [1, 3 * 72]),
    ],
)
def test_what_is_known_is_not_computed(
    loaded: LoadedModel, turns: list[list[list[int]]], tokens: list[int]
) -> None:
    assert prefill_in_turns(loaded, turns) == tokens


@torch.inference_mode()
@pytest.mark.parametrize("room", [1, 80, 150])
def test_sharing_keeps_to_its_room(loaded: LoadedModel, room: int) -> None:
    """Prompts that begin alike are computed together only as far as there is room for them."""
    prefill_in_turns(loaded, [ASKED, [[*ids, 7] for ids in ASKED], ASKED[::-1]], room)
    prompts = Prompts(loaded.model, room)
    prompts.prefill(ASKED)
    assert prompts._used <= max(72, room)


def test_old_prompts_make_room_for_new_ones(loaded: LoadedModel, passes: list[int]) -> None:
    prompts = Prompts(loaded.model, room=100)
    a, b, c = ([start, *range(40)] for start in (100, 101, 102))
    prompts.prefill([a])
    prompts.prefill([b])
    prompts.prefill([a])  # now b is the oldest
    prompts.prefill([c])
    assert len(passes) == 3
    prompts.prefill([a])
    assert len(passes) == 3
    prompts.prefill([b])
    assert len(passes) == 4


def test_tokens_are_told_before_their_request_is_answered(loaded: LoadedModel) -> None:
    batch = SampleBatch(loaded, 4, AMPLE)
    dropped, first, second = (
        SampleRequest(Prompt(text="Q: 1?\nA:\n"), Sampling(tuple(range(n)), max_tokens=n + 1))
        for n in (3, 1, 2)
    )
    for request in (first, second, dropped):
        batch.add(request)
    told, answered = [], 0
    while batch.busy:
        for _, completions in batch.step():
            answered += sum(completion.generated_tokens for completion in completions)
        told.append(batch.in_progress + answered)
        if len(told) == 1:
            assert batch.in_progress == 4
            batch.drop(dropped)
    assert batch.in_progress == 0
    assert told == sorted(told)
