"""Tiny random models, made in a second: real folders that transformers loads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

TINY: dict[str, Any] = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
DECODER: dict[str, Any] = {**TINY, "intermediate_size": 64, "num_key_value_heads": 2}
WORDS = ("Question", "Answer", "Draft", "Refinement", "How", "many", "apples", "####", "[BAD]")
SIGNS = "+-*/=?:"


def make_model(folder: Path, seed: int = 0, chat_template: str | None = None) -> Path:
    """A Llama of 2 layers and width 32, with a tokenizer that gives each digit its own token."""
    import torch
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokens = ["<unk>", "<eos>", "\n", *"0123456789", *SIGNS, *WORDS]
    tokenizer = Tokenizer(
        models.WordLevel({token: i for i, token in enumerate(tokens)}, unk_token="<unk>")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(
        Regex(r"\[BAD\]|\n|\d|#+|[A-Za-z]+|\S"), "removed", invert=True
    )
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<eos>", unk_token="<unk>")
    fast.chat_template = chat_template
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokens),
        **TINY,
        intermediate_size=64,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=1,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


def add_token(folder: Path) -> Path:
    """The tokenizer gets `<image>`, which the model has no embedding for, as Gemma 3 1B has it."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"], "pad_token": "<pad>"})
    tokenizer.save_pretrained(folder)
    return folder
