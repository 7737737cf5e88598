"""What training starts from."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers

from sormctl.training.worker.model import (
    load_language_model,
    load_model,
    load_reward_model,
    model_limits,
)
from tests.invariance.families import byte_tokenizer, save_family

_SIZES = {
    "vocab_size": 260,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
    "eos_token_id": 257,
    "pad_token_id": 256,
    "bos_token_id": None,
}
DROPPING = {
    "falcon": lambda: transformers.FalconForCausalLM(
        transformers.FalconConfig(**_SIZES, hidden_dropout=0.5, attention_dropout=0.5)
    ),
    "mixtral": lambda: transformers.MixtralForCausalLM(
        transformers.MixtralConfig(
            **_SIZES, intermediate_size=64, num_key_value_heads=2, router_jitter_noise=0.5
        )
    ),
    "gpt2": lambda: transformers.GPT2LMHeadModel(transformers.GPT2Config(**_SIZES)),
    "opt": lambda: transformers.OPTForCausalLM(
        transformers.OPTConfig(**_SIZES, ffn_dim=64, word_embed_proj_dim=32, layerdrop=0.5)
    ),
    "llama": lambda: transformers.LlamaForCausalLM(
        transformers.LlamaConfig(**_SIZES, intermediate_size=64, attention_dropout=0.5)
    ),
}


@pytest.mark.parametrize(
    ("family", "load"),
    [
        *((family, load_language_model) for family in DROPPING),
        *((family, load_reward_model) for family in ("gpt2", "llama")),  # OPT has no such head
    ],
)
def test_nothing_drops_out(family: str, load: Any, tmp_path: Path) -> None:
    DROPPING[family]().save_pretrained(tmp_path)
    model = load_model(str(tmp_path), load, torch.float32, byte_tokenizer()).train()
    ids = torch.arange(40).reshape(1, -1)
    one, other = (model.base_model(ids).last_hidden_state for _ in range(2))
    assert torch.equal(one, other)


@pytest.mark.parametrize(("family", "longest"), [("llama", 100), ("phi3", 40)])
def test_rows_are_no_longer_than_they_can_be_alike(
    family: str, longest: int, tmp_path: Path
) -> None:
    """Beyond the 40 tokens of this Phi-3 a row would depend on the longest of its part."""
    config: Any = SimpleNamespace(model=str(save_family(family, tmp_path)), max_length=100)
    assert model_limits(config) == (longest, torch.float32)
