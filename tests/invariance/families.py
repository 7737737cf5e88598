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

from sormctl.training.worker.loop import Load
from sormctl.training.worker.model import load_model
from tests.models import DECODER, TINY

ENDS = (257, *range(0, 256, 23))  # end-of-sequence ids: <eos> and some bytes
WINDOW = 7  # of the sliding layers: shorter than any prompt with its completion

# what a model says of `byte_tokenizer`
BYTES: dict[str, Any] = {
    "vocab_size": 260,
    "pad_token_id": 256,
    "eos_token_id": 257,
    "bos_token_id": None,
}
_SIZES: dict[str, Any] = {
    **TINY,
    **BYTES,
    "max_position_embeddings": 128,
    "initializer_range": 0.3,
    "tie_word_embeddings": False,
}
_DECODER: dict[str, Any] = {**_SIZES, **DECODER}


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


def loaded_anew(model: Any, folder: Path, load: Load) -> Any:
    """A model of bytes as training starts from it, by way of a folder."""
    model.save_pretrained(folder)
    return load_model(str(folder), load, torch.float32, byte_tokenizer())


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


def _wandering(model: Any) -> Any:
    """The model with weights of the usual spread, where its own take no account of it."""
    for weight in model.parameters():
        if weight.ndim > 1:
            torch.nn.init.normal_(weight, std=_SIZES["initializer_range"])
    return model


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


def _gemma4() -> Any:
    """Two widths of heads."""
    config = transformers.Gemma4TextConfig(
        **_DECODER,
        head_dim=8,
        global_head_dim=16,
        sliding_window=WINDOW,
        layer_types=["sliding_attention", "full_attention"],
        num_kv_shared_layers=0,
        hidden_size_per_layer_input=0,
    )
    return _wandering(transformers.Gemma4ForCausalLM(config))


def _mpt() -> Any:
    """It takes no positions: it adds to the scores by distance."""
    config = transformers.MptConfig(
        vocab_size=260,
        d_model=32,
        n_layers=2,
        n_heads=4,
        max_seq_len=128,
        eos_token_id=257,
    )
    return _wandering(transformers.MptForCausalLM(config))


def _phi3() -> Any:
    """It turns the keys of texts of more than 40 tokens by other factors."""
    rope = {
        "rope_type": "longrope",
        "rope_theta": 10000.0,
        "short_factor": [1.0] * 4,
        "long_factor": [1.0, 2.0, 4.0, 8.0],
    }
    config = transformers.Phi3Config(
        **_DECODER, rope_parameters=rope, original_max_position_embeddings=40
    )
    return transformers.Phi3ForCausalLM(config)


def _granite() -> Any:
    """Of a family that may keep states, one that keeps none."""
    config = transformers.GraniteMoeHybridConfig(
        **_DECODER,
        layer_types=["attention", "attention"],
        mamba_n_heads=8,
        mamba_expand=2,
        num_local_experts=0,
        shared_intermediate_size=32,
    )
    return transformers.GraniteMoeHybridForCausalLM(config)


def _gpt_neo() -> Any:
    """Layers that cut their window out of the storage's length; no short text shows it."""
    config = transformers.GPTNeoConfig(
        vocab_size=260,
        hidden_size=32,
        num_layers=2,
        num_heads=4,
        attention_types=[[["global", "local"], 1]],
        max_position_embeddings=512,
    )
    return transformers.GPTNeoForCausalLM(config)


def _llama4() -> Any:
    """Layers that see chunks of the text; no short text shows it."""
    config = transformers.Llama4TextConfig(
        **_DECODER, num_local_experts=2, layer_types=["chunked_attention", "full_attention"]
    )
    return transformers.Llama4ForCausalLM(config)


def _recurrent_gemma() -> Any:
    """States that are no keys, in layers whose kinds have no usual names."""
    config = transformers.RecurrentGemmaConfig(
        **_DECODER, lru_width=32, block_types=["recurrent", "attention"]
    )
    return transformers.RecurrentGemmaForCausalLM(config)


def _rwkv() -> Any:
    """States alone, and no attention."""
    config = transformers.RwkvConfig(
        vocab_size=260, hidden_size=32, num_hidden_layers=2, attention_hidden_size=32
    )
    return transformers.RwkvForCausalLM(config)


def _openai_gpt() -> Any:
    """It takes no cache."""
    config = transformers.OpenAIGPTConfig(vocab_size=260, n_embd=32, n_layer=2, n_head=4)
    return transformers.OpenAIGPTLMHeadModel(config)


def _bert() -> Any:
    """It looks ahead; with weights as narrow as its own, hardly."""
    sizes = {**_SIZES, "initializer_range": 0.02}
    config = transformers.BertConfig(**sizes, intermediate_size=64)
    return transformers.BertLMHeadModel(config)


def _roberta() -> Any:
    """It counts positions from behind its token for padding."""
    config = transformers.XLMRobertaConfig(**_SIZES, intermediate_size=64, is_decoder=True)
    config.max_position_embeddings = 512
    return transformers.XLMRobertaForCausalLM(config)


def _roformer() -> Any:
    """It takes no positions: it counts what the cache holds."""
    config = transformers.RoFormerConfig(
        **_SIZES, intermediate_size=64, embedding_size=32, is_decoder=True
    )
    return transformers.RoFormerForCausalLM(config)


def _bloom() -> Any:
    """It makes a term of the scores from a mask of its own form."""
    config = transformers.BloomConfig(
        vocab_size=260, hidden_size=32, n_layer=2, n_head=4, initializer_range=0.3
    )
    return transformers.BloomForCausalLM(config)


FAMILIES = {
    "llama": _llama,
    "gpt2": _gpt2,
    "qwen2": _qwen,
    "mistral": _mistral,
    "gemma2": _gemma2,
    "gemma3": _gemma,
    "gemma4": _gemma4,
    "mpt": _mpt,
    "granitemoehybrid": _granite,
}
# those whose layers are named, or that take no cache; and those that a short text shows
NOT_RUN = {
    "gpt_neo": _gpt_neo,
    "llama4_text": _llama4,
    "recurrent_gemma": _recurrent_gemma,
    "rwkv": _rwkv,
    "openai-gpt": _openai_gpt,
}
NOT_COMPUTED = {
    "bert": _bert,
    "xlm-roberta": _roberta,
    "roformer": _roformer,
    "bloom": _bloom,
}
_MODELS = FAMILIES | NOT_RUN | NOT_COMPUTED | {"phi3": _phi3}
