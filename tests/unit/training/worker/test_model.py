"""What training starts from."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from sormctl.errors import ModelError
from sormctl.training.config import REWARD_MODEL
from sormctl.training.worker.model import (
    load_language_model,
    load_model,
    load_reward_model,
    model_limits,
    what_to_know,
)
from tests.invariance.families import BYTES, byte_tokenizer, loaded_anew, save_family
from tests.models import TINY
from tests.unit.training.runs import configured

_SIZES: dict[str, Any] = {**TINY, **BYTES, "max_position_embeddings": 64}
DROPPING = {
    "falcon": lambda: transformers.FalconForCausalLM(
        transformers.FalconConfig(**_SIZES, hidden_dropout=0.5, attention_dropout=0.5)
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
    model = loaded_anew(DROPPING[family](), tmp_path, load).train()
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


BACKWARD = {
    "llama4": lambda: transformers.Llama4ForCausalLM(  # has no base model apart from its head
        transformers.Llama4TextConfig(
            **_SIZES,
            num_key_value_heads=2,
            head_dim=8,
            intermediate_size=32,
            intermediate_size_mlp=64,
            num_local_experts=2,
        )
    ),
    "bart": lambda: transformers.BartForCausalLM(  # its cache is made for an encoder, too
        transformers.BartConfig(
            vocab_size=260, d_model=32, encoder_layers=1, decoder_layers=2, decoder_ffn_dim=64
        )
    ),
}


@pytest.mark.parametrize("family", BACKWARD)
def test_a_decoder_is_seen_to_look_back_alone(family: str, tmp_path: Path) -> None:
    BACKWARD[family]().save_pretrained(tmp_path)
    load_model(str(tmp_path), load_language_model, torch.float32, byte_tokenizer())


def test_a_model_that_cannot_be_run_is_one_line(tmp_path: Path) -> None:
    def broken(folder: str, dtype: torch.dtype) -> Any:
        model = load_language_model(folder, dtype)
        del model.model.layers[0].mlp.up_proj
        return model

    DROPPING["llama"]().save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"^\S+: cannot be run: .*up_proj"):
        load_model(str(tmp_path), broken, torch.float32, byte_tokenizer())


def save_without(folder: Path, *names: str) -> str:
    """A Llama's folder whose weights of these names are lost."""
    DROPPING["llama"]().save_pretrained(folder)
    file = folder / "model.safetensors"
    lost = {name: x for name, x in load_file(file).items() if not name.startswith(names)}
    save_file(lost, file, metadata={"format": "pt"})
    return str(folder)


@pytest.mark.parametrize("load", [load_language_model, load_reward_model])
@pytest.mark.parametrize("name", ["model.layers.1.", "model.layers.0.mlp.up_proj", "model.norm"])
def test_missing_weights_are_refused(load: Any, name: str, tmp_path: Path) -> None:
    """They would be random in a language model, and all zeros in a reward model."""
    with pytest.raises(ModelError, match=rf"^\S+: weights are missing \({name}.*complete\?$"):
        load_model(save_without(tmp_path, name), load, torch.float32, byte_tokenizer())


def test_a_lost_head_is_one_that_a_student_needs(tmp_path: Path) -> None:
    """A reward model gets a new one, all zeros."""
    folder = save_without(tmp_path, "lm_head")
    with pytest.raises(ModelError, match=r"lm_head\.weight"):
        load_model(folder, load_language_model, torch.float32, byte_tokenizer())
    model = load_model(folder, load_reward_model, torch.float32, byte_tokenizer())
    assert not model.score.weight.any()
    assert model.model.layers[1].mlp.up_proj.weight.any()


def test_a_head_of_other_classes_is_refused(tmp_path: Path) -> None:
    """Its shape is told, and whose choice the other one is."""
    load_reward_model(save_without(tmp_path / "base", "lm_head")).save_pretrained(tmp_path / "rm")
    with pytest.raises(ModelError, match=r"score\.\w+ has the shape .*; this run makes 3"):
        load_reward_model(str(tmp_path / "rm"), classes=3)


def test_what_is_left_out_or_cannot_be_sampled_is_told(tmp_path: Path) -> None:
    """Of a folder that sees, too, and has layers with a state of their own."""
    text = {
        **_SIZES,
        "intermediate_size": 32,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "layer_types": ["linear_attention", "full_attention"],
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 2,
        "linear_key_head_dim": 8,
        "linear_value_head_dim": 8,
    }
    sight = {"depth": 1, "hidden_size": 32, "intermediate_size": 32, "num_heads": 2}
    whole = transformers.Qwen3_5Config(
        text_config=text, vision_config={**sight, "out_hidden_size": 32}
    )
    transformers.Qwen3_5ForConditionalGeneration(whole).save_pretrained(tmp_path)
    config = configured(model=str(tmp_path))
    left_out, unsampled = what_to_know(config, load_language_model(str(tmp_path)))
    assert left_out.startswith("of this qwen3_5 model the language model (qwen3_5_text) alone is")
    assert "engine hf does not run the layers of qwen3_5_text models; use --engine" in unsampled
    judge = load_reward_model(str(tmp_path))
    assert what_to_know(configured(model=str(tmp_path), kind=REWARD_MODEL), judge) == []


def test_nothing_is_told_of_a_model_that_can_be_sampled(tmp_path: Path) -> None:
    DROPPING["llama"]().save_pretrained(tmp_path)
    config = configured(model=str(tmp_path))
    assert what_to_know(config, load_language_model(str(tmp_path))) == []
