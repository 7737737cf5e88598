"""Prompts and steps as token ids: the only place that turns one into the other.

Training, sampling and scoring all come here, so the positions that a reward model is trained on are
the positions that it is read at. Nothing heavy is imported before a function needs it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from sormctl.asking import Asking
from sormctl.errors import ModelError, first_line
from sormctl.models import not_on_hub
from sormctl.prompts import Message, Prompt

_SHOWN = 8  # tokens, up to one that cannot be read
_KEPT = 4096  # questions, and steps, whose token ids are kept


def prompt_ids(tokenizer: Any, prompt: Prompt, *, speaks: bool = False) -> list[int]:
    """Token ids of a prompt with the steps of its prefix; a model continues them.

    `speaks` says that steps follow even if the prefix has none, so that no thought is open.

    Each step is encoded alone, so the ids of a prefix always begin those of a longer prefix. Parts
    are kept: the rollouts of a problem ask for the same question and steps again and again.
    """
    head = replace(prompt, steps=(), separators=(), opening="")
    ids = list(_head_ids(tokenizer, head, speaks or prompt.speaks))
    for step in prompt.written:
        ids += _kept_ids(tokenizer, step)
    return ids


def begins_thought(model: str | None, asking: Asking) -> bool:
    """Whether a model's chat template opens a thought where the model goes on; None: not known."""
    if model is None or not (asking.is_chat and asking.thinks):
        return False
    tokenizer = load_tokenizer(model)
    if tokenizer.chat_template is None:
        return False
    asked = Prompt(messages=(Message("user", "?"),), chat_args=asking.chat_args)
    return chat_text(tokenizer, asked).rstrip().endswith(asking.think[0])


def prompt_text(tokenizer: Any, prompt: Prompt) -> str:
    """The text whose tokens are those of `prompt_ids` to whoever encodes it as a whole.

    It lacks the token at the very beginning that a tokenizer adds by itself.
    """
    text = chat_text(tokenizer, prompt) if prompt.messages else prompt.text
    bos = tokenizer.bos_token
    if bos and tokenizer("")["input_ids"][:1] == [tokenizer.bos_token_id]:
        text = text.removeprefix(bos)
    head = prompt.spoken(text) if prompt.speaks else text
    return head + "".join(prompt.written)


def step_ids(tokenizer: Any, steps: Sequence[str], between: str = "\n") -> list[list[int]]:
    """Token ids of each step with what follows it, without special tokens."""
    if not steps:
        return []
    encoded = tokenizer([f"{step}{between}" for step in steps], add_special_tokens=False)
    ids: list[list[int]] = encoded["input_ids"]
    return ids


def encode_steps(
    tokenizer: Any, prompt: Prompt, steps: Sequence[str]
) -> tuple[list[int], list[int]]:
    """Ids of `prompt` followed by `steps`, and the position of the last token of each of `steps`.

    A reward model judges a step at that position (paper, 3.1 step 2).
    """
    ids = prompt_ids(tokenizer, prompt, speaks=True)
    positions = []
    for step in step_ids(tokenizer, steps, prompt.between):
        ids += step
        positions.append(len(ids) - 1)
    return ids, positions


def check_embedded(tokenizer: Any, ids: Sequence[int], embeddings: int, name: str) -> None:
    """ModelError for a token that a model of so many embeddings has none for.

    Some tokenizers know more tokens than their model (Gemma 3 1B has one for images); what counts
    is what occurs.
    """
    if (token := max(ids, default=0)) < embeddings:
        return
    end = ids.index(token) + 1
    around = tokenizer.decode(list(ids[max(0, end - _SHOWN) : end]))
    raise ModelError(
        f"{name}: has no embedding for the token {tokenizer.decode([token])!r} (number {token}, "
        f"there are {embeddings}), which stands in {around!r}; leave it out of the text"
    )


def load_tokenizer(model: str) -> Any:
    """The tokenizer of a resolved model; ModelError if it cannot be loaded, UsageError for none."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(model, trust_remote_code=False)
    except Exception as error:  # transformers raises whatever its readers meet
        if not Path(model).is_dir():
            raise not_on_hub(model, error) from error
        raise ModelError(f"{model}: cannot load its tokenizer: {first_line(error)}") from error


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
def _head_ids(tokenizer: Any, prompt: Prompt, speaks: bool) -> tuple[int, ...]:
    text = chat_text(tokenizer, prompt) if prompt.messages else prompt.text
    text = prompt.spoken(text) if speaks else text
    if prompt.messages:  # the template has written the special tokens itself
        return _kept_ids(tokenizer, text)
    return _begun(tokenizer(text)["input_ids"], _kept_ids(tokenizer, text))


def _begun(ids: list[int], bare: tuple[int, ...]) -> tuple[int, ...]:
    """The ids of a text that goes on: without the end that a tokenizer (`add_eos_token`) adds.

    `bare` are those of the text alone.
    """
    for start in range(len(ids) - len(bare) + 1 if bare else 0):
        if tuple(ids[start : start + len(bare)]) == bare:
            return tuple(ids[: start + len(bare)])
    return tuple(ids)


@lru_cache(_KEPT)
def _kept_ids(tokenizer: Any, text: str) -> tuple[int, ...]:
    return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])


def chat_text(tokenizer: Any, prompt: Prompt, *, is_whole: bool = False) -> str:
    """The turns of a chat as the model's template lays them out; ModelError if it has none.

    `is_whole`: nobody answers the last turn.
    """
    if tokenizer.chat_template is None:
        advice = "" if is_whole else "; use --prompt plain"
        raise ModelError(f"{tokenizer.name_or_path}: no chat template{advice}")
    turns = [{"role": turn.role, "content": turn.content} for turn in prompt.messages]
    arguments = {name: json.loads(value) for name, value in prompt.chat_args}
    try:
        text: str = tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=not is_whole, **arguments
        )
    except Exception as error:  # templates raise what they like, of a system's turn for instance
        raise ModelError(
            f"{tokenizer.name_or_path}: its chat template refuses the prompt: {first_line(error)}"
        ) from error
    return text
