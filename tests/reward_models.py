"""Tiny random reward models of other people's architectures, in their files as published."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, normalizers, processors
from transformers import (
    AutoTokenizer,
    LlamaConfig,
    LlamaForSequenceClassification,
    LlamaForTokenClassification,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from tests.invariance.families import byte_tokenizer

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
MARKS = ["<|im_start|>", "<|im_end|>", "<extra_0>"]
SIZES: dict[str, Any] = {
    "vocab_size": 270,
    "hidden_size": 64,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 512,
    "initializer_range": 0.3,
    "bos_token_id": None,
    "eos_token_id": 257,
    "pad_token_id": 256,
    "tie_word_embeddings": False,
}
REMOTE = 'raise RuntimeError("the code of a model\'s folder was run")\n'


def save_chat_tokenizer(folder: Path, **special: str) -> Any:
    """One token for each byte, and one for each of `MARKS`; a chat is laid out as ChatML."""
    tokenizer = byte_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": MARKS, **special})
    tokenizer.chat_template = CHATML
    tokenizer.save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


def shepherd_tokenizer() -> Any:
    """As SentencePiece's: a space is `▁`, a text begins with `<s>`, and `▁ки` is one token."""
    tokens = ["<unk>", "<s>", "</s>", *"▁ки+-=:?#0123456789Step\n", "ки", "▁ки", "▁+", "▁-"]
    merges = [("к", "и"), ("▁", "ки"), ("▁", "+"), ("▁", "-")]
    vocabulary = {token: i for i, token in enumerate(dict.fromkeys(tokens))}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )


def save_qwen_prm(folder: Path) -> Any:
    """As Qwen2.5-Math-PRM: a backbone, two layers of its own, and code that must not be run."""
    torch.manual_seed(4)
    extra = {
        "score.0.weight": torch.randn(64, 64) / 8,
        "score.0.bias": torch.randn(64),
        "score.2.weight": torch.randn(2, 64) / 8,
        "score.2.bias": torch.randn(2),
    }
    _save_qwen(folder, "Qwen2ForProcessRewardModel", extra)
    return save_chat_tokenizer(folder)


def save_outcome_model(folder: Path) -> Any:
    """As Skywork-Reward: transformers' own classifier of texts, with one label."""
    torch.manual_seed(5)
    config = LlamaConfig(**SIZES, num_labels=1)
    LlamaForSequenceClassification(config).save_pretrained(folder)
    return save_chat_tokenizer(folder)


def save_skywork_prm(folder: Path) -> Any:
    """As Skywork-o1-Open-PRM: a language model, a value head beside it, and code as above."""
    torch.manual_seed(4)
    extra = {"v_head.summary.weight": torch.randn(1, 64) / 8, "v_head.summary.bias": torch.ones(1)}
    _save_qwen(folder, "Qwen2ForPrmModel", extra)
    return save_chat_tokenizer(folder, bos_token="<eos>")


def save_language_model(folder: Path, tokenizer: Any = None) -> Any:
    """As Math-Shepherd and RLHFlow's: a language model and nothing else."""
    torch.manual_seed(6)
    MistralForCausalLM(MistralConfig(**SIZES)).save_pretrained(folder)
    if tokenizer is None:
        return save_chat_tokenizer(folder)
    tokenizer.save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


def save_token_classifier(folder: Path, **special: str) -> Any:
    """As TRL and PURE: transformers' own classifier of tokens, with two labels."""
    torch.manual_seed(7)
    LlamaForTokenClassification(LlamaConfig(**SIZES, num_labels=2)).save_pretrained(folder)
    return save_chat_tokenizer(folder, **special)


def _save_qwen(folder: Path, architecture: str, extra: dict[str, torch.Tensor]) -> None:
    config = Qwen2Config(**SIZES)
    model = Qwen2ForCausalLM(config)
    save_file({**model.state_dict(), **extra}, folder / "model.safetensors", {"format": "pt"})
    settings = config.to_dict() | {
        "architectures": [architecture],
        "auto_map": {"AutoModel": f"modeling_rm.{architecture}"},
    }
    (folder / "config.json").write_text(json.dumps(settings))
    (folder / "modeling_rm.py").write_text(REMOTE)


FAMILIES: dict[str, Callable[[Path], Any]] = {  # by the adapter that reads them
    "qwen2.5-math-prm": save_qwen_prm,
    "math-shepherd": lambda folder: save_language_model(folder, shepherd_tokenizer()),
    "rlhflow": save_language_model,
    "rlhflow-vocabulary": save_language_model,
    "skywork-o1-prm": save_skywork_prm,
    "trl": save_token_classifier,
    "pure": save_token_classifier,
    "sequence": save_outcome_model,
}
