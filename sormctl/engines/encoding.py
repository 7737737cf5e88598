"""Prompts and steps as token ids: the only place that turns one into the other.

Training, sampling and scoring all come here, so the positions that a reward model is trained on are
the positions that it is read at. Nothing heavy is imported before a function needs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from sormctl.engines.templates import chat_text, solution_head
from sormctl.errors import ModelError, UsageError, first_line
from sormctl.models import not_on_hub
from sormctl.prompts import Prompt

_SHOWN = 8  # tokens, up to one that cannot be read
_LINE_END = "\n"
_KEPT = 4096  # questions, and steps, whose token ids are kept


def prompt_ids(tokenizer: Any, prompt: Prompt, *, speaks: bool = False) -> list[int]:
    """Token ids of a prompt with the steps of its prefix; a model continues them.

    `speaks` says that steps follow even if the prefix has none, so that no thought is open.

    Each step is encoded by itself, so the ids of a prefix always begin those of a longer prefix.
    Parts are kept: the rollouts of a problem ask for the same question and steps again and again.
    """
    head = _head(tokenizer, prompt, speaks or prompt.speaks)
    ids = list(head.ids)
    for i, step in enumerate(prompt.written):
        ids += _kept_ids(tokenizer, step, goes_on=i > 0 or head.ends_line)
    return ids


def prompt_text(tokenizer: Any, prompt: Prompt) -> str:
    """The text whose tokens are those of `prompt_ids` to whoever encodes it as a whole.

    It lacks the token at the very beginning that a tokenizer adds by itself.
    """
    text = _head_text(tokenizer, prompt, prompt.speaks)
    bos = tokenizer.bos_token
    if bos and tokenizer("")["input_ids"][:1] == [tokenizer.bos_token_id]:
        text = text.removeprefix(bos)
    return text + "".join(prompt.written)


def step_ids(tokenizer: Any, prompt: Prompt, steps: Sequence[str]) -> list[list[int]]:
    """Token ids of each of the steps that follow a prompt, with `between`."""
    goes_on = bool(prompt.steps) or _head(tokenizer, prompt, speaks=True).ends_line
    texts = [f"{step}{prompt.between}" for step in steps]
    if goes_on:
        return _ids_going_on(tokenizer, texts)
    return [list(_kept_ids(tokenizer, x)) for x in texts[:1]] + _ids_going_on(tokenizer, texts[1:])


def encode_steps(
    tokenizer: Any, prompt: Prompt, steps: Sequence[str]
) -> tuple[list[int], list[int]]:
    """Ids of `prompt` followed by `steps`, and the position of the last token of each of `steps`.

    A reward model judges a step at that position (paper, 3.1 step 2).
    """
    ids = prompt_ids(tokenizer, prompt, speaks=True)
    positions = []
    for step in step_ids(tokenizer, prompt, steps):
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


@contextmanager
def tokenizer_of_server() -> Iterator[None]:
    """Where the name of a served model leads to no tokenizer: what else there is to give."""
    try:
        yield
    except UsageError as error:
        others = "of a server: --engine-arg tokenizer= names its tokenizer, api=chat needs none"
        raise UsageError(f"{error}; {others}") from error


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


class _Head(NamedTuple):
    """Token ids of what stands before the steps, and whether it ends a line."""

    ids: tuple[int, ...]
    ends_line: bool


def _head(tokenizer: Any, prompt: Prompt, speaks: bool) -> _Head:
    return _kept_head(tokenizer, replace(prompt, steps=(), separators=(), opening=""), speaks)


@lru_cache(_KEPT)
def _kept_head(tokenizer: Any, prompt: Prompt, speaks: bool) -> _Head:
    text = _head_text(tokenizer, prompt, speaks)
    ids = _kept_ids(tokenizer, text)
    if not prompt.messages:  # a template has written the special tokens itself
        ids = _begun(tokenizer(text)["input_ids"], ids)
    return _Head(ids, text.endswith(_LINE_END))


def _head_text(tokenizer: Any, prompt: Prompt, speaks: bool) -> str:
    if not prompt.messages:
        return prompt.spoken(prompt.text) if speaks else prompt.text
    return solution_head(tokenizer, prompt) if speaks else chat_text(tokenizer, prompt)


def _begun(ids: list[int], bare: tuple[int, ...]) -> tuple[int, ...]:
    """The ids of a text that goes on: without the end that a tokenizer (`add_eos_token`) adds.

    `bare` are those of the text alone.
    """
    for start in range(len(ids) - len(bare) + 1 if bare else 0):
        if tuple(ids[start : start + len(bare)]) == bare:
            return tuple(ids[: start + len(bare)])
    return tuple(ids)


@lru_cache(_KEPT)
def _kept_ids(tokenizer: Any, text: str, goes_on: bool = False) -> tuple[int, ...]:
    if goes_on:
        return tuple(_ids_going_on(tokenizer, [text])[0])
    return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])


def _ids_going_on(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """The ids of each text as it stands behind a line end.

    Some tokenizers (Llama 2's) begin every text with a space, which none has within a solution.
    Where the line end and the text are joined, the ids are those of the text alone.
    """
    if not texts:
        return []
    behind = list(_kept_ids(tokenizer, _LINE_END))
    encoded = tokenizer([_LINE_END + text for text in texts], add_special_tokens=False)
    return [
        ids[len(behind) :] if ids[: len(behind)] == behind else list(_kept_ids(tokenizer, text))
        for ids, text in zip(encoded["input_ids"], texts, strict=True)
    ]
