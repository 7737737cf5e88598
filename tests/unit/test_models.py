"""What is refused of a model folder before anything of it is loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from huggingface_hub import constants
from huggingface_hub.errors import (
    GatedRepoError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)

from sormctl.errors import ModelError
from sormctl.model_options import complete_model
from sormctl.models import not_on_hub, resolve_model, template_digest

# of httpx, or of what the hub has in its place
ANSWER: Any = httpx.Response(404, request=httpx.Request("GET", "http://hub"))


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


@pytest.mark.parametrize(
    ("error", "offline", "told"),
    [
        (LocalEntryNotFoundError("a\nb"), False, "the hub cannot be reached: try again later, or "),
        (LocalEntryNotFoundError("a\nb"), True, "not downloaded, and HF_HUB_OFFLINE is set: unset"),
        (
            RepositoryNotFoundError("404", response=ANSWER),
            False,
            "none of the hub, or a private",
        ),
        (
            GatedRepoError("403", response=ANSWER),
            False,
            "the hub asks who you are: accept",
        ),
        (ValueError("odd\nlines"), False, "the hub says: odd"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_the_hub_refuses_is_one_line_that_says_what_to_do(
    error: Exception, offline: bool, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is raised by the hub's library, and by transformers over it."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
    message = str(not_on_hub("some/model", error))
    assert message.startswith(f"no model `some/model`; no such folder, and {told}")
    assert "\n" not in message
    over = OSError("We couldn't connect")
    over.__cause__ = error
    assert isinstance(error, ValueError) or str(not_on_hub("some/model", over)) == message


def test_a_model_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("embers", "orm"):
        (tmp_path / folder).mkdir()
    assert complete_model("embedded:s") == ["embedded:student", "embedded:sorm"]
    assert complete_model("embedded:h") == ["embedded:hard-base", "embedded:hard-student"]
    assert complete_model("emb")[-1] == "embers/"
    assert complete_model("o") == ["orm/"]


def test_a_chat_template_is_told_from_another_wherever_it_is_noted(tmp_path: Path) -> None:
    name, file = folder_with(tmp_path, {}), tmp_path / "chat_template.jinja"
    assert template_digest(name) is template_digest("some/model") is None
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ a }}"}))
    noted = template_digest(name)
    file.write_text("{{ a }}")
    assert template_digest(name) == noted is not None
    file.write_text("{{ b }}")
    assert template_digest(name) not in (noted, None)
    file.write_bytes(b"\xff")
    assert template_digest(name) is None  # whoever loads it says so
