"""Prompts of the embedded benchmark, some with steps already written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

import torch
from transformers import AutoModelForTokenClassification

from sormctl.engines.encoding import encode_steps, load_tokenizer
from sormctl.prompts import Prompt
from sormctl.tasks.chain.problems import generate
from sormctl.tasks.prompts import draft_prompt
from sormctl.tasks.registry import get_task
from tests.asked import PLAIN

PROMPTS = [
    replace(
        draft_prompt(get_task("chain"), problem.question, PLAIN),
        steps=(problem.reference or ())[: i % 3],
    )
    for i, problem in enumerate(islice(generate("test", 0), 10))
]


@torch.inference_mode()
def plain_scores(
    model: str,
    jobs: Sequence[tuple[Prompt, Sequence[str]]],
    dtype: torch.dtype = torch.float32,
) -> list[list[float]]:
    """What transformers alone gives for each step, one forward pass a solution."""
    reward_model = AutoModelForTokenClassification.from_pretrained(model, dtype=dtype).eval()
    tokenizer = load_tokenizer(model)
    result = []
    for prompt, steps in jobs:
        ids, positions = encode_steps(tokenizer, prompt, steps)
        good = 1 - torch.softmax(reward_model(torch.tensor([ids])).logits[0].float(), -1)[:, 0]
        result.append(good[positions].tolist())
    return result
