"""Prompts and steps as token ids: the only place that turns one into the other.

Training, sampling and scoring all come here, so the positions that a reward model is trained on are
the positions that it is read at. Nothing heavy is imported before a function needs it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from sormctl.errors import ModelError, UsageError
from sormctl.tasks.prompts import STYLES, Prompt

SETTINGS_FILE = "sormctl.json"

_EMBEDDED = "embedded:"
_SAMPLED_BYTES = 1 << 20
_KEPT = 4096  # questions, and steps, whose token ids are kept
_EMBEDDED_NAMES = ("student",)
_HUB_NAME = re.compile(r"[\w-][\w.-]*(/[\w.-]+)?")


def prompt_ids(tokenizer: Any, prompt: Prompt) -> list[int]:
    """Token ids of a prompt with the steps of its prefix; a model continues them.

    Each step is encoded alone, so the ids of a prefix always begin those of a longer prefix. Parts
    are kept: the rollouts of a problem ask for the same question and steps again and again.
    """
    ids = list(_head_ids(tokenizer, replace(prompt, steps=())))
    for step in prompt.steps:
        ids += _kept_step_ids(tokenizer, step)
    return ids


def step_ids(tokenizer: Any, steps: Sequence[str]) -> list[list[int]]:
    """Token ids of each step with its newline, without special tokens."""
    if not steps:
        return []
    encoded = tokenizer([f"{step}\n" for step in steps], add_special_tokens=False)
    ids: list[list[int]] = encoded["input_ids"]
    return ids


def encode_steps(
    tokenizer: Any, prompt: Prompt, steps: Sequence[str]
) -> tuple[list[int], list[int]]:
    """Ids of `prompt` followed by `steps`, and the position of the last token of each of `steps`.

    A reward model judges a step at that position (paper, 3.1 step 2).
    """
    ids = prompt_ids(tokenizer, prompt)
    positions = []
    for step in step_ids(tokenizer, steps):
        ids += step
        positions.append(len(ids) - 1)
    return ids, positions


def load_tokenizer(model: str) -> Any:
    """The tokenizer of a resolved model; ModelError if it cannot be loaded."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(model, trust_remote_code=False)
    except Exception as error:  # transformers raises whatever its readers meet
        place = "" if Path(model).is_dir() else "no such folder; from the hub: "
        raise ModelError(f"{model}: {place}cannot load its tokenizer: {first_line(error)}") from (
            error
        )


def is_reward_model(config: Any) -> bool:
    """Whether a model's configuration is that of a classifier of tokens."""
    names = config.architectures or []
    return any(name.endswith("ForTokenClassification") for name in names)


def p_correct(probabilities: Any) -> Any:
    """P(correct) = 1 - P(incorrect), from a tensor of probabilities (..., C) of 2 or 3 classes.

    Class 0 is incorrect. The others are summed: they are precise where P(correct) is near 0,
    and at most 1, which their sum may pass by rounding.
    """
    return probabilities[..., 1:].sum(-1).clamp(max=1)


def eos_ids(*sources: Any) -> frozenset[int]:
    """Every token that ends a completion, by generation settings, model and tokenizer."""
    found: set[int] = set()
    for source in sources:
        value = getattr(source, "eos_token_id", None)
        found.update(value if isinstance(value, list) else [value] if value is not None else [])
    return frozenset(found)


def resolve_model(name: str, is_hosted: bool = False) -> str:
    """A model's folder, or its name on the hub, from what the user typed.

    `embedded:student` is the model in the package. ModelError if `name` is a path but no model
    folder. A hosted model may be called anything.
    """
    if name.startswith(_EMBEDDED):
        return _embedded_folder(name.removeprefix(_EMBEDDED))
    path = Path(name).expanduser()
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
    for path in sorted(folder.glob("*.safetensors")):
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
    folder = Path(model) if Path(model).is_dir() else _hub_settings(model)
    if (trained := read_settings(folder).get("prompt")) in STYLES:
        return str(trained)
    return "chat" if _has_chat_template(folder) else "plain"


def read_settings(folder: Path) -> dict[str, Any]:
    """What sormctl noted about a model that it trained; empty for any other model."""
    return _read_json(folder / SETTINGS_FILE)


def first_line(error: BaseException) -> str:
    """The first line of an error's message, with the next if it only leads to it.

    The name of its type if it has none.
    """
    lines = str(error).strip().splitlines() or [type(error).__name__]
    leads = lines[0].rstrip().endswith(":") and len(lines) > 1
    return f"{lines[0].rstrip()} {lines[1].strip()}" if leads else lines[0]


@lru_cache(_KEPT)
def _head_ids(tokenizer: Any, prompt: Prompt) -> tuple[int, ...]:
    ids = _chat_ids(tokenizer, prompt) if prompt.messages else tokenizer(prompt.text)["input_ids"]
    return tuple(ids)


@lru_cache(_KEPT)
def _kept_step_ids(tokenizer: Any, step: str) -> tuple[int, ...]:
    return tuple(step_ids(tokenizer, [step])[0])


def _chat_ids(tokenizer: Any, prompt: Prompt) -> list[int]:
    if tokenizer.chat_template is None:
        raise ModelError(f"{tokenizer.name_or_path}: no chat template; use --prompt plain")
    turns = [{"role": turn.role, "content": turn.content} for turn in prompt.messages]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    # the template has written the special tokens itself
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


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
    except ValueError as error:
        raise ModelError(f"{path}: not JSON: {error}") from error
    return data if isinstance(data, dict) else {}
