"""A model as the user names it: its folder, its digest, and how it wants to be prompted."""

from __future__ import annotations

import hashlib
import json
import os
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

from msgspec import ValidationError, convert
from msgspec.structs import replace

from sormctl.asking import FORMER_INSTRUCTION, STYLES, Asking, AskingSettings, default_asking
from sormctl.errors import ModelError, SormctlError, UsageError, first_line
from sormctl.missing import no_such, no_such_path

SETTINGS_FILE = "sormctl.json"
NO_TOKENIZER = "none"  # what a hosted model has for a tokenizer that takes text

_EMBEDDED = "embedded:"
_WHERE = "give a folder, or a name of the hub"

_SAMPLED_BYTES = 1 << 20

_OF_CHAIN = ("student", "orm", "sorm", "global", "local")
_OF_CHAIN_HARD = ("hard-base", "hard-student")
EMBEDDED_MODELS = tuple(_EMBEDDED + name for name in (*_OF_CHAIN, *_OF_CHAIN_HARD))

_TEMPLATE = "chat_template.jinja"
_INDEX = "model.safetensors.index.json"
_MOST_LAYERS = 10_000  # to make more of them takes minutes and all memory before a weight is read

_HUB_NAME = re.compile(r"[\w-][\w.-]*(/[\w.-]+)?")


def resolve_model(name: str, is_hosted: bool = False) -> str:
    """A model's folder, or its name on the hub, from what the user typed.

    `embedded:NAME` is a model in the package. UsageError if there is no such model, ModelError
    if what is there is none. A hosted model may be called anything.
    """
    if name.startswith(_EMBEDDED):
        return _embedded_folder(name)
    path = Path(os.path.expanduser(name))  # the method of Path raises where there is no home
    if path.is_dir():
        return _checked_folder(path)
    if path.exists():
        raise ModelError(f"{name}: a file, not a model folder; name the folder that holds it")
    if not is_hosted and not _HUB_NAME.fullmatch(name):
        raise UsageError(no_such_path("model", name, _WHERE))
    return name


def public_name(model: str) -> str:
    """What others know a resolved model by, without a path of this machine.

    Its name on the hub or in the package, or that of its folder.
    """
    folder = Path(model)
    if not folder.is_dir():
        return model
    return f"{_EMBEDDED if folder.parent == _embedded() else ''}{folder.resolve().name}"


def same_model(one: str, other: str) -> bool:
    """Whether two resolved models are one: the same name, or one in the package, wherever that is.

    The first may lie in a package that is no longer there.
    """
    in_package = public_name(other).startswith(_EMBEDDED)
    return one == other or (in_package and Path(one).parts[-2:] == Path(other).parts[-2:])


def model_digest(name: str) -> str | None:
    """Tells the weights of a local model from others that take its place; None for the hub's.

    It reads a part of each file, so that a large model costs no time. What is no model is None,
    too: the engine says so if there is a record to work on.
    """
    try:
        folder = Path(resolve_model(name))
    except SormctlError:
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


def template_digest(name: str) -> str | None:
    """Tells the chat template of a local model from another; None where there is none."""
    try:
        folder = Path(resolve_model(name))
        path = folder / _TEMPLATE
        template = path.read_text(encoding="utf-8") if path.is_file() else _noted_template(folder)
    except (SormctlError, OSError, UnicodeDecodeError):  # whoever loads the model says so
        return None
    text = json.dumps(template).encode()
    return hashlib.blake2b(text, digest_size=8).hexdigest() if template else None


def settle_asking(model: str, said: AskingSettings) -> Asking:
    """How a resolved model is asked: as the user says, and else as it was in training.

    A model that sormctl did not train is asked by its chat template, plainly if it has none.
    """
    if said.prompt != "auto" and not Path(model).is_dir():
        return said.over(default_asking(said.prompt))
    folder = settings_folder(model)
    trained = trained_asking(folder)
    if trained is not None and said.prompt in ("auto", trained.style):
        return said.over(trained)
    natural = "chat" if _has_chat_template(folder) else "plain"
    return said.over(default_asking(natural if said.prompt == "auto" else said.prompt))


def trained_asking(folder: Path) -> Asking | None:
    """How a model that sormctl trained was asked in training; None for any other model.

    ModelError if that cannot be read.
    """
    settings = read_settings(folder)
    if "asking" in settings:
        try:
            return convert(settings["asking"], Asking)
        except ValidationError as error:
            raise ModelError(f"{folder / SETTINGS_FILE}: `asking`: {error}") from error
    style = settings.get("prompt")
    return former_asking(style) if style in STYLES else None


def former_asking(style: str) -> Asking:
    """How a model was asked that was trained when only the style was noted."""
    asking = default_asking(style).taught()
    return replace(asking, instruction=FORMER_INSTRUCTION, steps=None) if asking.is_chat else asking


def read_settings(folder: Path) -> dict[str, Any]:
    """What sormctl noted about a model that it trained; empty for any other model."""
    return _read_json(folder / SETTINGS_FILE)


def read_model_config(folder: Path) -> dict[str, Any]:
    """The model's configuration, as transformers keeps it; ModelError if it is none."""
    path = folder / "config.json"
    config = _json(path)
    if not isinstance(config, dict):
        raise ModelError(f"{path}: not a JSON object")
    return config


def settings_folder(model: str) -> Path:
    """Where the settings of a resolved model are; a model of the hub is asked for them."""
    return Path(model) if Path(model).is_dir() else _hub_settings(model)


def not_on_hub(model: str, error: Exception) -> UsageError:
    """What to raise where a resolved model is no folder, and not to be had from the hub."""
    return UsageError(no_such_path("model", model, f"no such folder, and {_hub_refusal(error)}"))


def _hub_refusal(error: BaseException) -> str:
    """Why the hub gives no model, and what to do; libraries raise errors of their own over its."""
    from huggingface_hub import constants, errors

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, errors.GatedRepoError):
            return "the hub asks who you are: accept its terms there, then `hf auth login`"
        if isinstance(cause, errors.RepositoryNotFoundError):
            return "none of the hub, or a private one: correct the name, or `hf auth login`"
        if isinstance(cause, errors.LocalEntryNotFoundError):
            if constants.HF_HUB_OFFLINE:
                return "not downloaded, and HF_HUB_OFFLINE is set: unset it, or name a folder"
            return "the hub cannot be reached: try again later, or name a folder"
        cause = cause.__cause__ or cause.__context__
    return f"the hub says: {first_line(error)}"


def _embedded_folder(name: str) -> str:
    if name not in EMBEDDED_MODELS:
        raise UsageError(no_such("model", name, EMBEDDED_MODELS))
    return _checked_folder(_embedded() / name.removeprefix(_EMBEDDED))


def _embedded() -> Path:
    return Path(str(files("sormctl") / "embedded"))


def _checked_folder(path: Path) -> str:
    if not (path / "config.json").is_file():
        if (path / "adapter_config.json").is_file():
            raise ModelError(f"{path}: an adapter of peft; train it without --no-merge-lora")
        raise ModelError(f"{path}: no model folder (no config.json in it)")
    _check_files(path)
    return str(path)


def _check_files(folder: Path) -> None:
    """ModelError for weights that are no safetensors of the folder, or a model of no real size.

    Any other file of weights is a pickle, which is a program.
    """
    index = _read_json(folder / _INDEX).get("weight_map")
    for name in set(map(str, index.values())) if isinstance(index, dict) else ():
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise ModelError(f"{folder / _INDEX}: {name} is no file of safetensors in the folder")
    pickles = sorted(path.name for path in folder.glob("pytorch_model*.bin"))
    if pickles and not any(folder.glob("*.safetensors")):
        raise ModelError(
            f"{folder}: its weights are a pickle ({pickles[0]}), a program, and not read; "
            "have them saved as safetensors, by save_pretrained of transformers"
        )
    config = read_model_config(folder)
    for part in (config, config.get("text_config")):
        layers = part.get("num_hidden_layers") if isinstance(part, dict) else 0
        if isinstance(layers, int) and layers > _MOST_LAYERS:
            raise ModelError(f"{folder / 'config.json'}: {layers:,} layers; no model has so many")


def _hub_settings(model: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(model, allow_patterns=["*.json", "*.jinja"]))
    except Exception as error:  # network, authorisation, no such repository, offline
        raise not_on_hub(model, error) from error
    _check_files(folder)
    return folder


def _has_chat_template(folder: Path) -> bool:
    return (folder / _TEMPLATE).is_file() or bool(_noted_template(folder))


def _noted_template(folder: Path) -> Any:
    """The chat template, or several by name, of a folder that has no file for it alone."""
    files = ("tokenizer_config.json", "chat_template.json")
    noted = (_read_json(folder / name).get("chat_template") for name in files)
    return next(filter(None, noted), None)


def _read_json(path: Path) -> dict[str, Any]:
    data = _json(path)
    return data if isinstance(data, dict) else {}


def _json(path: Path) -> Any:
    """What a file holds, {} if it is not there; ModelError if it cannot be read."""
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise ModelError(f"{path}: not a file")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: not JSON: {error}") from error
