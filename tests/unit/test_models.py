"""What is refused of a model folder before anything of it is loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sormctl.errors import ModelError
from sormctl.models import resolve_model


def folder_with(folder: Path, config: object, index: object = None) -> str:
    (folder / "config.json").write_text(json.dumps(config))
    if index is not None:
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return str(folder)


@pytest.mark.parametrize("name", ["evil.bin", "../outside.safetensors", "/x.safetensors", "", 7])
def test_weights_are_safetensors_of_the_folder(tmp_path: Path, name: Any) -> None:
    """Others are pickles, or belong to somebody else."""
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": name}}
    with pytest.raises(ModelError, match="is no file of safetensors in the folder"):
        resolve_model(folder_with(tmp_path, {}, index))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "pytorch_model-00001-of-00002.bin"])
def test_a_pickle_is_not_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(ModelError, match=rf"{name}.* saved as safetensors"):
        resolve_model(folder_with(tmp_path, {}))
    (tmp_path / "model.safetensors").touch()
    assert resolve_model(str(tmp_path)) == str(tmp_path)


@pytest.mark.parametrize(
    "index", [None, [], {}, {"weight_map": 3}, {"weight_map": {"a": "x.safetensors"}}]
)
def test_any_other_index_is_for_the_engine_to_read(tmp_path: Path, index: object) -> None:
    assert resolve_model(folder_with(tmp_path, {"num_hidden_layers": 80}, index)) == str(tmp_path)


@pytest.mark.parametrize("key", ["", "text_config"])
def test_a_model_has_a_size(tmp_path: Path, key: str) -> None:
    size = {"num_hidden_layers": 1_000_000}
    with pytest.raises(ModelError, match="1,000,000 layers; no model has so many"):
        resolve_model(folder_with(tmp_path, {key: size} if key else size))
