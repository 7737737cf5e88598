"""A completion depends on (prompt, seed, parameters) and on nothing else that the engine does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from sormctl.engines.base import Completion, Sampling
from sormctl.engines.encoding import load_tokenizer, prompt_ids
from sormctl.engines.hf.engine import create
from sormctl.engines.running import Running
from sormctl.errors import EngineError
from sormctl.prompts import Prompt
from tests.invariance.families import ENDS, FAMILIES, save_family

PROMPTS = [
    Prompt(
        text="Reason in steps.\nQ: " + "how many " * (i % 5) + f"{i}?\nA:\n",
        steps=("1 + 1 = 2",) * (i % 3),
    )
    for i in range(11)
]
GREEDY = Sampling(temperature=0.0, max_tokens=24)
WARM = Sampling(temperature=1.0, max_tokens=24)


async def run(
    model: str, jobs: Sequence[tuple[Prompt, Sampling]], **arguments: str
) -> list[list[Completion]]:
    given = [f"{name}={value}" for name, value in arguments.items()]
    async with create(model, Running(engine_arg=given)) as engine:
        return await asyncio.gather(*(engine.sample(*job) for job in jobs))


def texts(results: Sequence[Sequence[Completion]]) -> list[list[str]]:
    return [[completion.text for completion in group] for group in results]


def with_seeds(params: Sampling, *seeds: int, **changes: Any) -> Sampling:
    fields = {"temperature": params.temperature, "max_tokens": params.max_tokens, **changes}
    return Sampling(seeds=seeds, **fields)


def reference(model: str, prompt: Prompt, max_tokens: int) -> list[int]:
    """What `generate` writes greedily after one prompt, alone."""
    lm = AutoModelForCausalLM.from_pretrained(model).eval()
    ids = torch.tensor([prompt_ids(load_tokenizer(model), prompt)])
    output = lm.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=max_tokens,
        do_sample=False,
        eos_token_id=list(ENDS),
    )
    written: list[int] = output[0, ids.shape[1] :].tolist()
    return written


@pytest.mark.parametrize("family", FAMILIES)
async def test_greedy_text_is_that_of_generate(family: str, tmp_path: Path) -> None:
    model = str(save_family(family, tmp_path))
    # 3 rows for 11 requests: rows are refilled while others are in the middle of theirs
    results = await run(model, [(prompt, GREEDY) for prompt in PROMPTS], batch_size="3")
    tokenizer = load_tokenizer(model)
    lengths = set()
    for prompt, (completion,) in zip(PROMPTS, results, strict=True):
        expected = reference(model, prompt, GREEDY.max_tokens)
        assert completion.text == tokenizer.decode(expected, skip_special_tokens=True)
        assert completion.generated_tokens == len(expected)
        assert completion.finish == ("stop" if expected[-1] in ENDS else "length")
        lengths.add(len(expected))
    assert len(lengths) > 2, "the models must end their texts at different lengths"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
async def test_a_gpu_writes_the_same_text(llama: str) -> None:
    jobs = [(prompt, with_seeds(WARM, 1, 2, 3)) for prompt in PROMPTS]
    jobs += [(prompt, GREEDY) for prompt in PROMPTS]
    on_cpu = await run(llama, jobs, device="cpu", batch_size="5")
    assert await run(llama, jobs, device="cuda", batch_size="5") == on_cpu


async def test_text_does_not_depend_on_the_batch(llama: str) -> None:
    jobs = [(PROMPTS[i % 11], with_seeds(WARM, i)) for i in range(40)]
    together = await run(llama, jobs)
    assert len({text for (text,) in texts(together)}) > 30
    alone = [await run(llama, [job], batch_size="1") for job in jobs[:5]]
    assert [group[0] for group in texts([r[0] for r in alone])] == [
        t[0] for t in texts(together[:5])
    ]
    assert (await run(llama, jobs[::-1], batch_size="7"))[::-1] == together


@pytest.mark.parametrize("batch_size", ["64", "3"])  # 3: fewer rows than rollouts
async def test_rollouts_of_one_request_are_those_of_single_requests(
    llama: str, batch_size: str
) -> None:
    seeds = range(100, 108)
    one = await run(llama, [(PROMPTS[4], with_seeds(WARM, *seeds))], batch_size=batch_size)
    singles = await run(llama, [(PROMPTS[4], with_seeds(WARM, seed)) for seed in seeds])
    assert texts(one)[0] == [text for (text,) in texts(singles)]


async def test_mixed_parameters_share_a_batch(llama: str) -> None:
    kinds = [
        GREEDY,
        with_seeds(WARM, 1),
        with_seeds(WARM, 1, top_p=0.3),
        with_seeds(WARM, 1, temperature=0.2),
        with_seeds(WARM, 1, max_tokens=3),
    ]
    jobs = [(prompt, kind) for prompt in PROMPTS[:4] for kind in kinds]
    separate = [(await run(llama, [job]))[0] for job in jobs]
    assert await run(llama, jobs) == separate


async def test_a_prefix_continues_as_its_text_in_the_prompt(llama: str) -> None:
    step = "3 + 4 = 7"
    prefix = Prompt(text="Q\nA:\n", steps=(step,))
    whole = Prompt(text=f"Q\nA:\n{step}\n")  # bytes: its ids are the same
    first, second = await run(llama, [(prefix, GREEDY), (whole, GREEDY)])
    assert first == second


async def test_stop_strings_end_the_text_before_them(llama: str) -> None:
    seeds = range(20)
    free = await run(llama, [(PROMPTS[0], with_seeds(WARM, *seeds))])
    stops = ("e", "\n", "é")
    cut = await run(llama, [(PROMPTS[0], with_seeds(WARM, *seeds, stop=stops))])
    shorter = 0
    for whole, part in zip(free[0], cut[0], strict=True):
        ends = [whole.text.find(stop) for stop in stops if stop in whole.text]
        assert part.text == (whole.text[: min(ends)] if ends else whole.text)
        assert part.finish == ("stop" if ends else whole.finish)
        shorter += part.generated_tokens < whole.generated_tokens
    assert shorter > 0


async def test_a_stop_string_of_several_tokens(llama: str) -> None:
    text = (await run(llama, [(PROMPTS[3], GREEDY)]))[0][0].text
    stop = text[4:9]
    params = Sampling(temperature=0.0, max_tokens=24, stop=("never in it", stop))
    (completion,) = (await run(llama, [(PROMPTS[3], params)]))[0]
    assert completion.text == text[: text.find(stop)]
    assert completion.finish == "stop"


async def test_usage_says_who_paid_for_the_prompt(llama: str) -> None:
    tokens = len(prompt_ids(load_tokenizer(llama), PROMPTS[7]))
    (group,) = await run(llama, [(PROMPTS[7], with_seeds(WARM, 1, 2, 3))])
    assert [c.prompt_tokens for c in group] == [tokens] * 3
    assert [c.cached_tokens for c in group] == [0, tokens, tokens]
    assert all(1 <= c.generated_tokens <= 24 for c in group)


async def test_a_text_may_be_empty(llama: str) -> None:
    tokenizer = load_tokenizer(llama)
    jobs = [(Prompt(text=f"{i} "), with_seeds(WARM, i)) for i in range(200)]
    first = [completion for (completion,) in await run(llama, jobs)]
    ended = [c for c in first if c.generated_tokens == 1]
    assert ended, "some sample must end at once"
    assert all(c.finish == "stop" for c in ended)
    assert all(c.text in {"", *(tokenizer.decode([end]) for end in ENDS)} for c in ended)


async def test_a_completion_ends_where_the_model_does(llama: str) -> None:
    long = Prompt(text="x" * 120)
    (completion,) = (await run(llama, [(long, with_seeds(WARM, 3, temperature=0.01))]))[0]
    assert completion.generated_tokens <= 8  # 128 positions
    jobs = [(Prompt(text="x" * 90), with_seeds(WARM, i, max_tokens=1000)) for i in range(30)]
    results = await run(llama, jobs, max_length="100")
    assert max(c.generated_tokens for (c,) in results) == 10


@pytest.mark.parametrize("text", ["x" * 128, ""])
async def test_an_impossible_prompt_fails_alone(llama: str, text: str) -> None:
    async with create(llama, Running()) as engine:
        good, bad = await asyncio.gather(
            engine.sample(PROMPTS[0], GREEDY),
            engine.sample(Prompt(text=text), GREEDY),
            return_exceptions=True,
        )
    assert isinstance(good, list)
    assert isinstance(bad, EngineError)
    assert "\n" not in str(bad)


async def test_a_cancelled_request_leaves_the_others_alone(llama: str) -> None:
    async with create(llama, Running(engine_arg=["batch_size=4"])) as engine:
        tasks = [
            asyncio.create_task(engine.sample(prompt, with_seeds(WARM, 1, 2, 3, max_tokens=60)))
            for prompt in PROMPTS
        ]
        await tasks[0]
        for task in tasks[1::2]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        again = await engine.sample(PROMPTS[0], with_seeds(WARM, 1, 2, 3, max_tokens=60))
    assert again == results[0]
    kept = [r for r in results if isinstance(r, list)]
    assert len(kept) >= 6
    assert all(isinstance(r, list | asyncio.CancelledError) for r in results)


async def test_closing_fails_what_is_unfinished(llama: str) -> None:
    async with create(llama, Running()) as engine:
        task = asyncio.create_task(engine.sample(PROMPTS[0], with_seeds(WARM, *range(500))))
        await asyncio.sleep(0)
    with pytest.raises(EngineError, match="closed"):
        await task
    with pytest.raises(EngineError, match="not open"):
        await engine.sample(PROMPTS[0], GREEDY)
