"""Tokenizers of several families, trained in a second on sums."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from sormctl.engines.encoding import load_tokenizer
from sormctl.models import resolve_model

# folder of SmolLM2's tokenizer, or of another model's that a user wants to check
FOLDER = os.environ.get("SORMCTL_TOKENIZER", "HuggingFaceTB/SmolLM2-135M-Instruct")
_SPECIAL = ["<pad>", "<eos>", "<unk>"]
_SUMS = [
    f"{a} + {b} = {a + b}\n{a} * {b} = {a * b}\n#### {a * b}\n" for a in range(40) for b in (2, 7)
]


def byte_level() -> Any:
    """Byte-level BPE with GPT-2's splits."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=_SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    return _trained(tokenizer, trainer)


def sentencepiece() -> Any:
    """BPE of the whole text with `▁` for a space, as SentencePiece's: it merges across newlines."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=200, special_tokens=_SPECIAL, show_progress=False, max_token_length=4
    )
    return _trained(tokenizer, trainer)


def embedded() -> Any:
    """The embedded student's."""
    return load_tokenizer(resolve_model("embedded:student"))


def smollm2() -> Any:
    """SmolLM2's, from SORMCTL_TOKENIZER or the cache of the hub; OSError where there is none."""
    return AutoTokenizer.from_pretrained(FOLDER, local_files_only=True)


def save_reward_model(tokenizer: Any, folder: Path) -> str:
    """A random reward model for that tokenizer, whose scores differ at every position."""
    import torch
    from transformers import LlamaConfig, LlamaForTokenClassification

    torch.manual_seed(2)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=256,
        initializer_range=0.3,
        num_labels=2,
        classifier_dropout=0.0,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    LlamaForTokenClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def _trained(tokenizer: Any, trainer: Any) -> Any:
    tokenizer.train_from_iterator(_SUMS, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>"
    )
