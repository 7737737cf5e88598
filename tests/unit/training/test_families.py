"""Families that can be trained as reward models, told before anything is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from transformers.models.auto.modeling_auto import MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES
from typer.testing import CliRunner

from sormctl.cli import app
from sormctl.errors import ModelError
from sormctl.training import families
from sormctl.training.families import check_family, classifiers

# of the list in docs/reward-models.md
WITH = "llama mistral mixtral qwen2 qwen3 qwen3_5 gemma2 phi3 glm4 gpt_oss deepseek_v3 smollm3 mpt"
WITHOUT = "gemma3 gemma3_text gemma4_text olmo2 granite cohere2 llama4 deepseek_v2 glm4_moe mamba"


def folder_of(kind: str, tmp_path: Path) -> str:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
    return str(tmp_path)


def test_the_table_is_that_of_transformers() -> None:
    assert classifiers() == set(MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES)


def test_the_page_lists_them_right() -> None:
    assert set(WITH.split()) <= classifiers()
    assert not classifiers().intersection(WITHOUT.split())


def test_a_family_without_a_classifier_is_refused_before_the_input_is_read(tmp_path: Path) -> None:
    model = folder_of("gemma3_text", tmp_path)
    output = str(tmp_path / "out")
    result = CliRunner().invoke(app, ["train-rm", "--model", model, "-o", output], input="no json")
    assert result.exit_code == 1
    told = "transformers has no token classifier for gemma3_text models; begin with one of another"
    assert told in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_table_that_is_not_found_refuses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The workers say then what transformers says."""
    model = folder_of("gemma3_text", tmp_path)
    with pytest.raises(ModelError):
        check_family(model)
    monkeypatch.setattr(families, "classifiers", frozenset)
    check_family(model)
