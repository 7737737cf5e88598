import json
from pathlib import Path

import pytest
import torch
import transformers

from sormctl.engines.base import Sampling
from sormctl.engines.hf.engine import create
from sormctl.engines.hf.load import load
from sormctl.engines.running import Running
from sormctl.errors import ModelError, UsageError
from sormctl.prompts import Prompt
from tests.invariance.families import ENDS, byte_tokenizer, save_family, save_reward_model
from tests.models import add_token, make_model


def refusal(folder: Path, device: str = "cpu") -> str:
    with pytest.raises((ModelError, UsageError)) as error:
        load(str(folder), device, "auto", None)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_a_model_says_of_itself(tmp_path: Path) -> None:
    loaded = load(str(save_family("llama", tmp_path)), "auto", "auto", None)
    assert loaded.reading is None
    assert loaded.max_length == 128
    assert loaded.eos_ids == set(ENDS)
    assert loaded.model.dtype == torch.float32


def test_a_reward_model_is_known_by_its_architecture(tmp_path: Path) -> None:
    loaded = load(str(save_reward_model(tmp_path)), "cpu", "auto", 64)
    assert loaded.reading is not None
    assert loaded.max_length == 64


@pytest.mark.parametrize(
    ("stored", "asked", "got"),
    [
        (torch.bfloat16, "auto", torch.bfloat16),
        (torch.float16, "auto", torch.float32),  # on a CPU
        (torch.bfloat16, "float32", torch.float32),
        (torch.float32, "bfloat16", torch.bfloat16),
    ],
)
def test_dtypes(tmp_path: Path, stored: torch.dtype, asked: str, got: torch.dtype) -> None:
    save_family("llama", tmp_path)
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    model.to(stored).save_pretrained(tmp_path)
    assert load(str(tmp_path), "cpu", asked, None).model.dtype == got


def test_unknown_devices_are_refused(tmp_path: Path) -> None:
    save_family("llama", tmp_path)
    assert "device=abacus" in refusal(tmp_path, device="abacus")


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    save_family("llama", tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    assert refusal(tmp_path).startswith(f"{tmp_path}: cannot load the model")


def test_missing_weights_are_refused_not_made_up(tmp_path: Path) -> None:
    save_family("llama", tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["architectures"] = ["LlamaForTokenClassification"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert "weights are missing" in refusal(tmp_path)


def test_no_weights_and_no_config(tmp_path: Path) -> None:
    save_family("llama", tmp_path)
    (tmp_path / "model.safetensors").unlink()
    assert "cannot load the model" in refusal(tmp_path)
    (tmp_path / "config.json").write_text("{")
    assert "cannot load" in refusal(tmp_path)


def test_models_that_neither_generate_nor_classify_tokens_are_refused(tmp_path: Path) -> None:
    config = transformers.CLIPTextConfig(
        hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1
    )
    transformers.CLIPTextModel(config).save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    assert "cannot load the model" in refusal(tmp_path)


def test_layers_that_keep_no_keys_are_refused(tmp_path: Path) -> None:
    config = transformers.MambaConfig(
        vocab_size=260, hidden_size=16, num_hidden_layers=1, state_size=4, eos_token_id=257
    )
    transformers.MambaForCausalLM(config).save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    assert "mamba" in refusal(tmp_path)


@pytest.mark.parametrize("scores", [False, True])
async def test_a_token_without_an_embedding_is_told_where_it_occurs(
    tmp_path: Path, scores: bool
) -> None:
    folder = add_token(make_model(tmp_path))
    if scores:
        kind = transformers.AutoModelForTokenClassification
        kind.from_pretrained(folder, num_labels=2).save_pretrained(folder)
    async with create(str(folder), Running()) as engine:

        async def ask(text: str) -> object:
            prompt = Prompt(text=f"{text} How many?")
            params = Sampling(seeds=(0,), temperature=0, top_p=1, max_tokens=4, stop=())
            return await (engine.score(prompt, ["4"]) if scores else engine.sample(prompt, params))

        with pytest.raises(ModelError, match="no embedding for the token '<image>'"):
            await ask("<image>")
        assert await ask("image")
