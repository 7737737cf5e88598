"""Prompts and steps as token ids: the only place that turns one into the other.

Training, sampling and scoring all come here, so the positions that a reward model is trained on are
the positions that it is read at. Nothing heavy is imported before a function needs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from sormctl.errors import ModelError, first_line
from sormctl.prompts import Prompt

_KEPT = 4096  # questions, and steps, whose token ids are kept


def prompt_ids(tokenizer: Any, prompt: Prompt) -> list[int]:
    """Token ids of a prompt with the steps of its prefix; a model continues them.

    Each step is encoded alone, so the ids of a prefix always begin those of a longer prefix. Parts
    are kept: the rollouts of a problem ask for the same question and steps again and again.
    """
    ids = list(_head_ids(tokenizer, replace(prompt, steps=(), separators=())))
    for step in prompt.written:
        ids += _kept_ids(tokenizer, step)
    return ids


def prompt_text(tokenizer: Any, prompt: Prompt) -> str:
    """The text whose tokens are those of `prompt_ids` to whoever encodes it as a whole.

    It lacks the token at the very beginning that a tokenizer adds by itself.
    """
    text = chat_text(tokenizer, prompt) if prompt.messages else prompt.text
    bos = tokenizer.bos_token
    if bos and tokenizer("")["input_ids"][:1] == [tokenizer.bos_token_id]:
        text = text.removeprefix(bos)
    return text + "".join(prompt.written)


def chat_text(tokenizer: Any, prompt: Prompt) -> str:
    """The turns of a chat as the model's template lays them out; ModelError if it has none."""
    if tokenizer.chat_template is None:
        raise ModelError(f"{tokenizer.name_or_path}: no chat template; use --prompt plain")
    turns = [{"role": turn.role, "content": turn.content} for turn in prompt.messages]
    text: str = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    return text


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


@lru_cache(_KEPT)
def _head_ids(tokenizer: Any, prompt: Prompt) -> tuple[int, ...]:
    ids = _chat_ids(tokenizer, prompt) if prompt.messages else tokenizer(prompt.text)["input_ids"]
    return tuple(ids)


@lru_cache(_KEPT)
def _kept_ids(tokenizer: Any, text: str) -> tuple[int, ...]:
    return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])


def _chat_ids(tokenizer: Any, prompt: Prompt) -> list[int]:
    # the template has written the special tokens itself
    ids: list[int] = tokenizer(chat_text(tokenizer, prompt), add_special_tokens=False)["input_ids"]
    return ids
