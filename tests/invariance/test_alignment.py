"""The positions that a reward model is trained on are the positions that every engine reads."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForTokenClassification

from sormctl.engines.encoding import load_tokenizer
from sormctl.prompts import Prompt
from sormctl.training.token_rows import TrainingExample, encode_example
from sormctl.training.worker.losses import (
    LossAndLogits,
    collate,
    contrastive_loss,
    reward_model_loss,
)
from tests.engines.contract import CONTRACTS, Contract
from tests.invariance import tokenizers

PROMPT = Prompt(text="Question: 7 * 3?\nAnswer:\n")
SOLUTIONS = [
    ("7 * 3 = 21", "21", "#### 21"),  # 21 at the end of a step and at the start of the next
    ("7 + 3 = 10", "", "10 is not it; 3 * 7 = 21.", "#### 21 €"),
    ("#### 20",),
]
FAMILIES = (
    tokenizers.byte_level,
    tokenizers.sentencepiece,
    tokenizers.embedded,
    tokenizers.smollm2,
)
ENGINES = [
    # vllm starts for every tokenizer
    replace(contract, marks=(pytest.mark.slow,) if contract.name == "vllm" else contract.marks)
    for contract in CONTRACTS
    if contract.name in ("hf", "vllm")  # ray runs one of these
]


@pytest.fixture(params=FAMILIES, ids=lambda family: family.__name__)
def reward_model(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Folder of a reward model with a tokenizer of that family."""
    build: Callable[[], Any] = request.param
    try:
        tokenizer = build()
    except OSError:
        pytest.skip(f"no tokenizer in {tokenizers.FOLDER}")
    return tokenizers.save_reward_model(tokenizer, tmp_path)


@pytest.mark.parametrize("contract", [contract.parameter() for contract in ENGINES])
async def test_the_loss_is_that_of_the_scores(contract: Contract, reward_model: str) -> None:
    """Labels 1 cost -ln p and labels 0 -ln(1 - p), with p the score that the engine gives."""
    labels = [tuple(i % 2 for i in range(len(steps))) for steps in SOLUTIONS]
    examples = [TrainingExample(PROMPT, *judged) for judged in zip(SOLUTIONS, labels, strict=True)]
    scores = await scored(contract, reward_model)
    costs = [
        -math.log(p if label else 1 - p)
        for judged in zip(scores, labels, strict=True)
        for p, label in zip(*judged, strict=True)
    ]
    assert trained(reward_model_loss, reward_model, examples) == pytest.approx(sum(costs), abs=1e-2)
    assert len({round(cost, 2) for cost in costs}) == len(costs)  # another position shows


@pytest.mark.parametrize("contract", [contract.parameter() for contract in ENGINES])
async def test_a_contrastive_loss_is_that_of_the_last_scores(
    contract: Contract, reward_model: str
) -> None:
    """The reward is the logit of the score of the last step."""
    good, bad = SOLUTIONS[0], SOLUTIONS[2]
    last = [math.log(p[-1] / (1 - p[-1])) for p in await scored(contract, reward_model)]
    expected = math.log1p(math.exp(last[2] - last[0]))
    pairs = [TrainingExample(PROMPT, good, rival=bad)]
    assert trained(contrastive_loss, reward_model, pairs) == pytest.approx(expected, abs=1e-2)


def test_one_of_the_tokenizers_merges_across_newlines() -> None:
    tokenizer = tokenizers.sentencepiece()
    tokens = tokenizer.convert_ids_to_tokens(tokenizer("7 * 3 = 21\n#### 21\n")["input_ids"])
    assert any("\n" in token and token != "\n" for token in tokens), tokens


async def scored(contract: Contract, reward_model: str) -> list[list[float]]:
    async with contract.open(reward_model) as engine:
        return await asyncio.gather(*(engine.score(PROMPT, steps) for steps in SOLUTIONS))


@torch.inference_mode()
def trained(
    loss: Callable[..., LossAndLogits], folder: str, examples: list[TrainingExample]
) -> float:
    """The loss that training computes of the examples in one batch."""
    tokenizer = load_tokenizer(folder)
    rows = [encode_example(tokenizer, example) for example in examples]
    model = AutoModelForTokenClassification.from_pretrained(folder).eval()
    return loss(model, collate(rows, tokenizer.pad_token_id)).loss.item()
