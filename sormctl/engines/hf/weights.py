"""Weights of a folder or of the hub: into a class of transformers, or single tensors by name."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from sormctl.engines.hf.refusals import cannot_load
from sormctl.errors import ModelError, first_line

_INDEX = "model.safetensors.index.json"
_WHOLE = "model.safetensors"


def pretrained(kind: Any, name: str, dtype: str | torch.dtype, **settings: Any) -> Any:
    """A model of one of transformers' classes; ModelError unless all its weights are there.

    No code of the model's folder is run, and no pickle is read.
    """
    model, _ = with_head(kind, name, dtype, (), **settings)
    return model


def with_head(
    kind: Any, name: str, dtype: str | torch.dtype, heads: Sequence[str], **settings: Any
) -> tuple[Any, list[str]]:
    """The same, but that the weights of modules called `heads` may be new, and which of them are.

    New weights are random. `settings` go to `from_pretrained`.
    """
    try:
        model, report = kind.from_pretrained(
            name,
            trust_remote_code=False,
            dtype=dtype,
            use_safetensors=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # reported below, in one line
            **settings,
        )
    except Exception as error:  # transformers and safetensors raise whatever their readers meet
        raise cannot_load(name, error) from error
    new = sorted(key for key in report["missing_keys"] if key.split(".")[0] in heads)
    if missing := sorted(report["missing_keys"] - set(new)):
        raise ModelError(f"{name}: weights are missing ({missing[0]}); is the folder complete?")
    for key, found, expected in sorted(report["mismatched_keys"]):
        why = "this run makes" if key.split(".")[0] in heads else "its config.json makes"
        raise wrong_shape(name, key, found, expected, why)
    return model, new


def wrong_shape(
    name: str, key: str, found: Sequence[int], expected: Sequence[int | str], why: str
) -> ModelError:
    """What to raise for a tensor of another shape than what is told by `why`."""
    file = next(iter(_files(_folder(name), {key})), name)
    return ModelError(f"{file}: {key} has the shape {_written(found)}; {why} {_written(expected)}")


def read_tensors(name: str, keys: Iterable[str]) -> dict[str, Tensor]:
    """Tensors by name, of those that are there; ModelError if the files cannot be read."""
    wanted = set(keys)
    found: dict[str, Tensor] = {}
    try:
        for path in _files(_folder(name), wanted):
            with safe_open(path, framework="pt") as file:
                found |= {key: file.get_tensor(key) for key in wanted.intersection(file.keys())}
    except Exception as error:  # files that are not there, cut short, or of another format
        raise ModelError(f"{name}: cannot read its safetensors: {first_line(error)}") from error
    return found


def _files(folder: Path, keys: set[str]) -> set[Path]:
    """The files that hold tensors of these names."""
    if not (folder / _INDEX).is_file():
        return {folder / _WHOLE}
    listed: dict[str, str] = json.loads((folder / _INDEX).read_text("utf-8"))["weight_map"]
    return {folder / listed[key] for key in keys if key in listed}


def _written(shape: Sequence[int | str]) -> str:
    """A shape in words: 2 x 64."""
    return " x ".join(map(str, shape)) or "of one number"


def _folder(name: str) -> Path:
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(name, allow_patterns=["*.safetensors", _INDEX]))
