"""Which matrices LoRA goes beside, in families whose experts are one parameter."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from peft import AutoPeftModelForCausalLM
from transformers import AutoModelForCausalLM

from sormctl.training import student
from sormctl.training.worker.lora import add_lora, halve_frozen
from sormctl.training.worker.losses import language_model_loss
from sormctl.training.worker.model import load_language_model
from sormctl.training.worker.targets import find_untrained
from tests.asked import PLAIN
from tests.models import TINY, make_model
from tests.unit.training.runs import configured, prepare, sums, train_here

_SIZES: dict[str, Any] = {
    **TINY,
    "vocab_size": 31,
    "intermediate_size": 48,
    "num_key_value_heads": 4,
    "max_position_embeddings": 256,
    "bos_token_id": None,
    "eos_token_id": 1,
    "pad_token_id": 1,
    "num_experts_per_tok": 2,
}
_EXPERTS: dict[str, Any] = {**_SIZES, "moe_intermediate_size": 24, "n_routed_experts": 4}


def qwen2_moe() -> Any:
    """A shared expert beside those that are routed to."""
    return transformers.Qwen2MoeForCausalLM(
        transformers.Qwen2MoeConfig(
            **_SIZES, num_experts=4, moe_intermediate_size=24, shared_expert_intermediate_size=40
        )
    )


def gpt_oss() -> Any:
    return transformers.GptOssForCausalLM(
        transformers.GptOssConfig(**_SIZES, num_local_experts=4, head_dim=8, sliding_window=8)
    )


def deepseek() -> Any:
    """Its first layer is dense."""
    return transformers.DeepseekV3ForCausalLM(
        transformers.DeepseekV3Config(
            **_EXPERTS,
            q_lora_rank=16,
            kv_lora_rank=16,
            qk_rope_head_dim=4,
            qk_nope_head_dim=8,
            v_head_dim=8,
            first_k_dense_replace=1,
            n_group=1,
            topk_group=1,
        )
    )


def llama4() -> Any:
    """Its router is a layer that gives two tensors."""
    return transformers.Llama4ForCausalLM(
        transformers.Llama4TextConfig(
            **_SIZES, num_local_experts=4, intermediate_size_mlp=64, head_dim=8
        )
    )


FAMILIES = [qwen2_moe, gpt_oss, deepseek, llama4]


def trained(make: Callable[[], Any], tmp_path: Path, merged: bool, again: bool = False) -> Path:
    """The folder of a tiny LoRA run."""
    torch.manual_seed(0)
    base = make_model(tmp_path / "base")
    make().save_pretrained(base)
    config = configured(
        model=str(base),
        output=str(tmp_path / "out"),
        lora=4,
        merge_lora=merged,
        gradient_checkpointing=again,
    )
    prepare(config, [x for y in sums(8) if (x := student.parse(y, PLAIN))])
    train_here(config, load_language_model, language_model_loss)
    return config.model_to_be


@pytest.mark.parametrize("make", FAMILIES)
def test_every_matrix_of_a_layer_learns(make: Callable[[], Any], tmp_path: Path) -> None:
    """And what is merged loads as a model of its family, whose every matrix has moved."""
    torch.manual_seed(0)
    adapted = add_lora(make(), configured(lora=2))
    assert find_untrained(adapted).notes == []
    folder = trained(make, tmp_path, merged=True)
    before, after = (load_language_model(str(x)) for x in (tmp_path / "base", folder))
    old = dict(before.named_parameters())
    still = [name for name, x in after.named_parameters() if torch.equal(x, old[name])]
    names = ("embed_tokens", "lm_head", "norm", "bias", "sinks")
    assert [name for name in still if not any(x in name for x in names)] == []


@pytest.mark.parametrize("make", FAMILIES)
def test_experts_are_merged_as_they_were_trained(make: Callable[[], Any], tmp_path: Path) -> None:
    """With gradient checkpointing, too, which passes through each layer twice."""
    ids = torch.tensor([[3, 4, 5, 6]])
    whole = trained(make, tmp_path / "merged", merged=True)
    expected = AutoModelForCausalLM.from_pretrained(whole)(ids).logits
    again = trained(make, tmp_path / "again", merged=True, again=True)
    found = AutoModelForCausalLM.from_pretrained(again)(ids).logits
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
    adapter = trained(make, tmp_path / "adapter", merged=False)
    found = AutoPeftModelForCausalLM.from_pretrained(adapter)(ids).logits
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_a_sum_with_lora_is_not_rounded() -> None:
    """The layers that peft would rename are parameters to it: each pass adds theirs up."""
    adapted = add_lora(deepseek().bfloat16(), configured(lora=2))
    halve_frozen(adapted)
    layer = adapted.get_base_model().model.layers[0]
    assert layer.mlp.up_proj.get_param().dtype == torch.float32
    assert layer.self_attn.o_proj.get_base_layer().weight.dtype == torch.bfloat16


def test_what_is_left_out_is_told_and_on_the_card(tmp_path: Path) -> None:
    base = make_model(tmp_path / "base")
    config = transformers.MambaConfig(vocab_size=31, hidden_size=16, num_hidden_layers=1)
    transformers.MambaForCausalLM(config).save_pretrained(base)
    run = configured(model=str(base), output=str(tmp_path / "out"), lora=4)
    prepare(run, [x for y in sums(4) if (x := student.parse(y, PLAIN))])
    events = train_here(run, load_language_model, language_model_loss)
    (told,) = [x["text"] for x in events if x["event"] == "note" and "--lora" in x["text"]]
    assert re.fullmatch(r"--lora leaves out \d\d% of the numbers in matrices: .*out_proj.*", told)
    assert told in (run.model_to_be / "README.md").read_text()


def test_a_layer_that_its_parent_gives_a_state_is_not_wrapped() -> None:
    """What the parent writes to a wrapper the layer would not read: it kept another batch's."""
    config = transformers.RecurrentGemmaConfig(
        vocab_size=31, hidden_size=32, intermediate_size=48, num_hidden_layers=3, lru_width=32,
        num_attention_heads=4, num_key_value_heads=2, head_dim=8,
    )  # fmt: skip
    adapted = add_lora(transformers.RecurrentGemmaForCausalLM(config), configured(lora=2))
    for rows in (3, 2):
        adapted(torch.full((rows, 5), 3), use_cache=False)
    assert any("rg_lru" in kind for kind in find_untrained(adapted).kinds)
