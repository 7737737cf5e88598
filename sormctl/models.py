"""A model as the user names it: its folder, its digest, and how it wants to be prompted."""

from __future__ import annotations

import hashlib
import json
import os
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

from sormctl.errors import ModelError, UsageError, first_line
from sormctl.prompts import STYLES

SETTINGS_FILE = "sormctl.json"
NO_TOKENIZER = "none"  # what a hosted model has for a tokenizer that takes text

_EMBEDDED = "embedded:"

_SAMPLED_BYTES = 1 << 20

_EMBEDDED_NAMES = ("student",)

_HUB_NAME = re.compile(r"[\w-][\w.-]*(/[\w.-]+)?")


def resolve_model(name: str, is_hosted: bool = False) -> str:
    """A model's folder, or its name on the hub, from what the user typed.

    `embedded:student` is the model in the package. ModelError if `name` is a path but no model
    folder. A hosted model may be called anything.
    """
    if name.startswith(_EMBEDDED):
        return _embedded_folder(name.removeprefix(_EMBEDDED))
    path = Path(os.path.expanduser(name))  # the method of Path raises where there is no home
    if path.is_dir():
        return _checked_folder(path)
    if path.exists():
        raise ModelError(f"{name}: a file, not a model folder; name the folder that holds it")
    if not is_hosted and not _HUB_NAME.fullmatch(name):
        raise ModelError(f"{name}: no such model folder")
    return name


def model_digest(name: str) -> str | None:
    """Tells the weights of a local model from others that take its place; None for the hub's.

    It reads a part of each file, so that a large model costs no time. What is no model is None,
    too: the engine says so if there is a record to work on.
    """
    try:
        folder = Path(resolve_model(name))
    except ModelError:
        return None
    if not folder.is_dir():
        return None
    state = hashlib.blake2b(digest_size=8)
    for path in filter(Path.is_file, sorted(folder.glob("*.safetensors"))):
        with path.open("rb") as file:
            for start in (0, path.stat().st_size // 2):
                file.seek(start)
                state.update(file.read(_SAMPLED_BYTES))
    return state.hexdigest()


def prompt_style(model: str, style: str) -> str:
    """How to prompt a resolved model: `style`, where `auto` asks the model.

    `auto` is the `prompt` of the folder's `sormctl.json`, else `chat` if there is a chat template,
    else `plain`. UsageError for an unknown style.
    """
    if style in STYLES:
        return style
    if style != "auto":
        raise UsageError(f"--prompt {style}: must be auto or one of {', '.join(STYLES)}")
    folder = settings_folder(model)
    if (trained := read_settings(folder).get("prompt")) in STYLES:
        return str(trained)
    return "chat" if _has_chat_template(folder) else "plain"


def read_settings(folder: Path) -> dict[str, Any]:
    """What sormctl noted about a model that it trained; empty for any other model."""
    return _read_json(folder / SETTINGS_FILE)


def read_config(folder: Path) -> dict[str, Any]:
    """The model's configuration, as transformers keeps it."""
    return _read_json(folder / "config.json")


def settings_folder(model: str) -> Path:
    """Where the settings of a resolved model are; a model of the hub is asked for them."""
    return Path(model) if Path(model).is_dir() else _hub_settings(model)


def _embedded_folder(name: str) -> str:
    if name not in _EMBEDDED_NAMES:
        known = ", ".join(_EMBEDDED + known for known in _EMBEDDED_NAMES)
        raise ModelError(f"{_EMBEDDED}{name}: no such model in the package; there are {known}")
    return _checked_folder(Path(str(files("sormctl") / "embedded" / name)))


def _checked_folder(path: Path) -> str:
    if not (path / "config.json").is_file():
        if (path / "adapter_config.json").is_file():
            raise ModelError(f"{path}: an adapter of peft; train it without --no-merge-lora")
        raise ModelError(f"{path}: no model folder (no config.json in it)")
    return str(path)


def _hub_settings(model: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(model, allow_patterns=["*.json", "*.jinja"]))
    except Exception as error:  # network, authorisation, no such repository, offline
        raise ModelError(f"{model}: no such folder; from the hub: {first_line(error)}") from error


def _has_chat_template(folder: Path) -> bool:
    if (folder / "chat_template.jinja").is_file() or (folder / "chat_template.json").is_file():
        return True
    return bool(_read_json(folder / "tokenizer_config.json").get("chat_template"))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: not JSON: {error}") from error
    return data if isinstance(data, dict) else {}
