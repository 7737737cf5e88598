"""What is said of folders that transformers does not load."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import transformers

from sormctl.engines.hf.load import load
from sormctl.errors import ModelError, first_line
from sormctl.models import resolve_model
from tests.invariance.families import byte_tokenizer, save_family


def refusal(folder: Path) -> str:
    with pytest.raises(ModelError) as error:
        load(resolve_model(str(folder)), "cpu", "auto", None)
    return str(error.value).removeprefix(str(folder))


def configured(folder: Path, change: Any) -> Path:
    save_family("llama", folder)
    path = folder / "config.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    return folder


def test_a_config_that_is_no_object(tmp_path: Path) -> None:
    assert refusal(configured(tmp_path, lambda _: [1])) == "/config.json: not a JSON object"


def test_settings_in_a_part_that_the_model_does_not_have(tmp_path: Path) -> None:
    folder = configured(tmp_path, lambda found: {"text_config": found, "model_type": "llama"})
    assert refusal(folder).startswith(": config.json: llama models have no `text_config`")


def test_code_of_its_own(tmp_path: Path) -> None:
    named = {"AutoConfig": "configuration_x.X", "AutoModelForCausalLM": "modeling_x.X"}
    folder = configured(tmp_path, lambda found: found | {"model_type": "x", "auto_map": named})
    assert "code of its own, which sormctl never runs" in refusal(folder)


def test_code_that_is_not_needed_is_not_run(tmp_path: Path) -> None:
    named = {"AutoModelForCausalLM": "modeling_x.X"}
    folder = configured(tmp_path, lambda found: found | {"auto_map": named})
    assert load(str(folder), "cpu", "auto", None).model.config.model_type == "llama"


def test_weights_of_llama_cpp_beside_a_config(tmp_path: Path) -> None:
    save_family("llama", tmp_path)
    (tmp_path / "model.safetensors").unlink()
    assert "GGUF" not in refusal(tmp_path)
    (tmp_path / "model-Q4.gguf").write_bytes(b"GGUF")
    assert refusal(tmp_path).startswith(": its weights are GGUF (model-Q4.gguf); give")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("mistral3", "a multimodal model (mistral3), which engine hf does not run; use --engine v"),
        ("qwen2_vl", "a multimodal model (qwen2_vl), which engine hf does not run; use --engine v"),
        ("t5", "cannot load the model: transformers has no AutoModelForCausalLM of t5 models"),
    ],
)
def test_models_of_another_kind(tmp_path: Path, kind: str, said: str) -> None:
    transformers.AutoConfig.for_model(kind).save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    assert said in refusal(tmp_path)


def test_a_list_is_told_to_its_end() -> None:
    said = "none of: \n(1) a file,\n(2) a class to convert or\n(3) another.\nYou need more"
    assert (
        first_line(ValueError(said))
        == "none of: (1) a file, (2) a class to convert or (3) another."
    )
