"""Token classifiers of families that transformers has none of."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from sormctl.engines.encoding import encode_steps
from sormctl.engines.hf.classifiers import token_classifier
from sormctl.engines.hf.engine import create
from sormctl.engines.running import Running
from sormctl.prompts import Prompt
from sormctl.training.worker.model import load_reward_model
from tests.invariance.families import BYTES, byte_tokenizer, loaded_anew
from tests.models import DECODER

ASKED, STEPS = Prompt(text="1 + 1?\n"), ["1 + 1 = 2", "#### 2"]
SIZES: dict[str, Any] = {**DECODER, **BYTES, "head_dim": 8, "initializer_range": 0.3}
FAMILIES = ("olmo2", "granite", "gemma3_text", "cohere2")


def test_that_of_transformers_is_taken_where_it_has_one() -> None:
    config = transformers.LlamaConfig()
    assert token_classifier(config) is transformers.AutoModelForTokenClassification


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_without_one_gets_its_own(family: str, tmp_path: Path) -> None:
    """Made of a language model, saved and loaded, it gives the engine the same scores."""
    torch.manual_seed(1)
    config = transformers.AutoConfig.for_model(family, **SIZES)
    language_model = transformers.AutoModelForCausalLM.from_config(config)
    model, tokenizer = loaded_anew(language_model, tmp_path, load_reward_model), byte_tokenizer()
    assert not model.score.weight.any()  # the head is new, and nothing else
    torch.nn.init.normal_(model.score.weight)
    model.save_pretrained(tmp_path / "rm")
    tokenizer.save_pretrained(tmp_path / "rm")
    ids, ends = encode_steps(tokenizer, ASKED, STEPS)
    with torch.inference_mode():
        logits = model.eval()(torch.tensor([ids])).logits[0, ends]
    assert asyncio.run(scored(tmp_path / "rm")) == pytest.approx(logits.softmax(-1)[:, 1].tolist())


async def scored(folder: Path) -> list[float]:
    async with create(str(folder), Running()) as engine:
        return await engine.score(ASKED, STEPS)
