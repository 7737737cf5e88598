"""What every engine does when it samples, on the embedded student."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from sormctl.engines.base import Completion, Engine, Sampling
from sormctl.engines.encoding import load_tokenizer, prompt_ids
from sormctl.errors import EngineError, ModelError, TooLongError
from sormctl.models import resolve_model
from sormctl.prompts import Prompt
from tests.engines.contract import Contract
from tests.engines.problems import PROMPTS

pytestmark = pytest.mark.asyncio(loop_scope="session")

MODEL = resolve_model("embedded:student")
LIMIT = 512  # positions of the student
GREEDY = Sampling(temperature=0.0, max_tokens=60)


def warm(*seeds: int, **changes: Any) -> Sampling:
    return Sampling(**{"seeds": seeds, "temperature": 1.0, "max_tokens": 60, **changes})


async def one(engine: Engine, prompt: Prompt, params: Sampling) -> Completion:
    (completion,) = await engine.sample(prompt, params)
    return completion


@cache
def plain_model() -> tuple[Any, Any]:
    """The student and its tokenizer, by transformers alone."""
    return AutoModelForCausalLM.from_pretrained(MODEL).eval(), load_tokenizer(MODEL)


@torch.inference_mode()
def log_probability(prompt: Prompt, completion: Completion) -> float | None:
    """What transformers gives for the text; None if other tokens than the engine's write it."""
    lm, tokenizer = plain_model()
    new = tokenizer(completion.text, add_special_tokens=False)["input_ids"]
    new += [tokenizer.eos_token_id] * (completion.finish == "stop")
    if len(new) != completion.generated_tokens:
        return None
    ids = torch.tensor([prompt_ids(tokenizer, prompt) + new])
    found = torch.log_softmax(lm(ids).logits[0, :-1], dim=-1).gather(-1, ids[0, 1:, None])
    return float(found[-len(new) :].sum())


@torch.inference_mode()
def reference(prompt: Prompt, max_tokens: int) -> tuple[str, int]:
    """What `generate` writes greedily: text and number of tokens."""
    lm, tokenizer = plain_model()
    ids = torch.tensor([prompt_ids(tokenizer, prompt)])
    mask = torch.ones_like(ids)
    out = lm.generate(ids, attention_mask=mask, max_new_tokens=max_tokens, do_sample=False)
    new = out[0, ids.shape[1] :].tolist()
    return tokenizer.decode(new, skip_special_tokens=True), len(new)


async def test_says_how_much_it_works_on(contract: Contract, student: Engine) -> None:
    assert student.capacity == contract.capacity


async def test_greedy_text_is_that_of_generate(student: Engine) -> None:
    found = await asyncio.gather(*(one(student, prompt, GREEDY) for prompt in PROMPTS))
    expected = [reference(prompt, GREEDY.max_tokens) for prompt in PROMPTS]
    assert [(c.text, c.generated_tokens) for c in found] == expected


async def test_one_completion_for_each_seed_in_order(contract: Contract, student: Engine) -> None:
    seeds = [7, 1 << 62, 8, 7]
    many = await student.sample(PROMPTS[0], warm(*seeds))
    assert len(many) == len(seeds)
    if contract.same_seed_same_text:
        singles = [await one(student, PROMPTS[0], warm(seed)) for seed in seeds]
        assert [c.text for c in many] == [c.text for c in singles]
    assert len({c.text for c in await student.sample(PROMPTS[0], warm(*range(20)))}) > 1


async def test_a_run_of_seeds_is_one_completion_each(contract: Contract, student: Engine) -> None:
    many = await student.sample(PROMPTS[0], warm(*range(40, 72)))
    assert len(many) == 32
    assert len({c.text for c in many}) > 1
    if contract.same_seed_same_text:
        again = await asyncio.gather(*(one(student, PROMPTS[0], warm(s)) for s in range(40, 72)))
        assert [c.text for c in many] == [c.text for c in again]


@pytest.mark.parametrize("changes", [{}, {"temperature": 0.3}, {"top_p": 0.5}, {"max_tokens": 7}])
async def test_log_probabilities_are_the_models_own(
    student: Engine, changes: dict[str, Any]
) -> None:
    """Whatever a completion was drawn at, greedily too."""
    asked = [GREEDY, warm(1, 2, 3, **changes)]
    checked = 0
    for params in asked:
        params = replace(params, logprobs=True)
        for prompt in PROMPTS[:4]:
            for completion in await student.sample(prompt, params):
                if (expected := log_probability(prompt, completion)) is not None:
                    assert completion.logprob == pytest.approx(expected, abs=1e-3)
                    checked += 1
    assert checked >= 8


async def test_who_goes_round_in_circles_is_ended(student: Engine) -> None:
    """What is no problem makes the student write one digit for ever; others end as before."""
    params = replace(GREEDY, max_tokens=90)
    nonsense = Prompt("x")
    endless = await one(student, nonsense, params)
    ended = await one(student, nonsense, replace(params, max_repeats=3))
    assert (endless.finish, endless.generated_tokens) == ("length", 90)
    assert ended.finish == "repetition"
    assert 24 <= ended.generated_tokens < 40
    assert endless.text.startswith(ended.text)
    for prompt in PROMPTS[:3]:
        texts = [(await one(student, prompt, replace(params, max_repeats=n))).text for n in (0, 3)]
        assert texts[0] == texts[1]


async def test_log_probabilities_must_be_asked_for(student: Engine) -> None:
    plain, asked = await asyncio.gather(
        student.sample(PROMPTS[0], warm(1, 2)),
        student.sample(PROMPTS[0], warm(1, 2, logprobs=True)),
    )
    assert [c.logprob for c in plain] == [None, None]
    assert all(c.logprob is not None and c.logprob < 0 for c in asked)
    assert [c.text for c in plain] == [c.text for c in asked]


async def test_no_seeds_no_completions(student: Engine) -> None:
    assert await student.sample(PROMPTS[0], Sampling(seeds=())) == []


async def test_greedy_completions_are_equal(student: Engine) -> None:
    found = await student.sample(PROMPTS[1], replace(GREEDY, seeds=(1, 2, 3)))
    assert [c.text for c in found] == [reference(PROMPTS[1], GREEDY.max_tokens)[0]] * 3


async def test_a_nucleus_of_nothing_is_greedy(student: Engine) -> None:
    nucleus = await one(student, PROMPTS[1], warm(5, top_p=0.0))
    assert nucleus.text == (await one(student, PROMPTS[1], GREEDY)).text


async def test_a_stop_string_ends_the_text_before_it(student: Engine) -> None:
    whole = await one(student, PROMPTS[0], GREEDY)
    assert "\n" in whole.text.strip("\n")
    cut = await one(student, PROMPTS[0], Sampling(temperature=0.0, max_tokens=60, stop=("\n",)))
    assert cut.text == whole.text.partition("\n")[0]
    assert cut.finish == "stop"
    assert cut.generated_tokens < whole.generated_tokens


async def test_usage_counts_tokens(student: Engine) -> None:
    tokens = len(prompt_ids(load_tokenizer(MODEL), PROMPTS[3]))
    for completion in await student.sample(PROMPTS[3], warm(1, 2, 3, max_tokens=5)):
        assert completion.prompt_tokens == tokens
        assert 0 <= completion.cached_tokens <= tokens
        assert completion.generated_tokens == 5
        assert completion.finish == "length"


async def test_a_completion_ends_where_the_model_does(student: Engine) -> None:
    prompt = _of_length(LIMIT - 3)
    completion = await one(student, prompt, warm(1, max_tokens=1000))
    assert 1 <= completion.generated_tokens <= 3


@pytest.mark.parametrize("length", [LIMIT, 2 * LIMIT])
async def test_a_prompt_without_room_fails_alone(student: Engine, length: int) -> None:
    good, bad = await asyncio.gather(
        student.sample(PROMPTS[0], GREEDY),
        student.sample(_of_length(length), GREEDY),
        return_exceptions=True,
    )
    assert isinstance(good, list)
    assert isinstance(bad, TooLongError)
    told = f"a prompt of {length} tokens leaves no room for an answer; [^;\n]+ reads {LIMIT}"
    assert re.fullmatch(told, str(bad))


async def test_an_empty_prompt_is_refused(student: Engine) -> None:
    with pytest.raises(EngineError, match="empty prompt"):
        await student.sample(Prompt(text=""), GREEDY)


async def test_unicode_prompts(student: Engine) -> None:
    prompt = Prompt(text="Frage: 3 Äpfel, 苹果 🍎?\n", steps=("3 · 2 = 6 €",))
    completion = await one(student, prompt, GREEDY)
    assert (completion.text, completion.generated_tokens) == reference(prompt, GREEDY.max_tokens)


async def test_a_text_may_be_empty(student: Engine) -> None:
    full = (await one(student, PROMPTS[0], GREEDY)).text.splitlines()
    done = Prompt(text=PROMPTS[0].text, steps=tuple(full))
    completion = await one(student, done, GREEDY)
    assert (completion.text, completion.generated_tokens, completion.finish) == ("", 1, "stop")


async def test_a_cancelled_request_leaves_the_others_alone(student: Engine) -> None:
    tasks = [asyncio.create_task(student.sample(prompt, GREEDY)) for prompt in PROMPTS]
    await asyncio.sleep(0)
    for task in tasks[1::2]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results[1::2])
    kept = [group[0].text for group in results[::2] if isinstance(group, list)]
    assert kept == [reference(prompt, GREEDY.max_tokens)[0] for prompt in PROMPTS[::2]]


async def test_requests_cancelled_under_load_leave_the_others_alone(
    contract: Contract, student: Engine
) -> None:
    params = warm(*range(8))
    tasks = [asyncio.create_task(student.sample(prompt, params)) for prompt in PROMPTS * 3]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    cancelled = [task for task in tasks[1::2] if task.cancel()]
    kept = [task for task in tasks if task not in cancelled]
    results = await asyncio.gather(*kept)
    await asyncio.wait(cancelled)
    assert len(cancelled) > 5
    assert all(task.cancelled() for task in cancelled)
    assert all(len(result) == 8 for result in results)
    if contract.same_seed_same_text:
        alone = [await student.sample(prompt, params) for prompt in PROMPTS]
        texts = [[c.text for c in group] for group in alone] * 3
        expected = [text for text, task in zip(texts, tasks, strict=True) if task in kept]
        assert [[c.text for c in group] for group in results] == expected


async def test_a_language_model_does_not_score(student: Engine) -> None:
    with pytest.raises(ModelError, match=r"only a reward model|does not score"):
        await student.score(PROMPTS[0], ["1 + 1 = 2"])


def _of_length(tokens: int) -> Prompt:
    prompt = Prompt(text="1 " * tokens)
    ids = prompt_ids(load_tokenizer(MODEL), prompt)
    prompt = Prompt(text="1" * tokens) if len(ids) != tokens else prompt
    assert len(prompt_ids(load_tokenizer(MODEL), prompt)) == tokens
    return prompt
