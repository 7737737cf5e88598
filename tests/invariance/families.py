"""Tiny random models of several families, with a tokenizer of bytes.

Their weights are large enough that greedy text wanders, and several bytes end a sequence, so that
completions have uneven lengths.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

ENDS = (257, *range(0, 256, 23))  # end-of-sequence ids: <eos> and some bytes
WINDOW = 7  # of the sliding layers: shorter than any prompt with its completion

_SIZES: dict[str, Any] = {
    "vocab_size": 260,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 128,
    "initializer_range": 0.3,
    "bos_token_id": None,
    "eos_token_id": 257,
    "pad_token_id": 256,
    "tie_word_embeddings": False,
}
_DECODER: dict[str, Any] = {**_SIZES, "intermediate_size": 64, "num_key_value_heads": 2}


def save_family(family: str, folder: Path) -> Path:
    """A causal language model of that family in `folder`."""
    torch.manual_seed(1)
    model = _MODELS[family]()
    model.generation_config.eos_token_id = list(ENDS)
    model.save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


def save_reward_model(folder: Path, labels: int = 2) -> Path:
    """A Llama that classifies tokens."""
    torch.manual_seed(2)
    config = transformers.LlamaConfig(**_DECODER, num_labels=labels)
    transformers.LlamaForTokenClassification(config).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


def byte_tokenizer() -> Any:
    """One token for each byte of UTF-8."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate([*alphabet, "<pad>", "<eos>"])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<eos>", pad_token="<pad>"
    )


def _llama() -> Any:
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**_DECODER))


def _gpt2() -> Any:
    return transformers.GPT2LMHeadModel(transformers.GPT2Config(**_SIZES))


def _qwen() -> Any:
    return transformers.Qwen2ForCausalLM(transformers.Qwen2Config(**_DECODER))


def _mistral() -> Any:
    config = transformers.MistralConfig(**_DECODER, sliding_window=WINDOW)
    return transformers.MistralForCausalLM(config)


def _gemma() -> Any:
    kinds = ["sliding_attention", "full_attention"]
    config = transformers.Gemma3TextConfig(
        **_DECODER, head_dim=8, sliding_window=WINDOW, layer_types=kinds
    )
    return transformers.Gemma3ForCausalLM(config)


def _gemma2() -> Any:
    config = transformers.Gemma2Config(
        **_DECODER, head_dim=8, sliding_window=WINDOW, attn_implementation="eager"
    )
    return transformers.Gemma2ForCausalLM(config)


_MODELS = {
    "llama": _llama,
    "gpt2": _gpt2,
    "qwen2": _qwen,
    "mistral": _mistral,
    "gemma2": _gemma2,
    "gemma3": _gemma,
}
FAMILIES = tuple(_MODELS)
