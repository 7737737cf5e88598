"""Token ids as text: what a model wrote, without special tokens but those around its thought."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

# how tags are written that may be special tokens of a model whose tokenizer nobody has
_LOOKS_SPECIAL = re.compile(r"<\||\|>|◁|\[/?[A-Z_]+\]")
_MODELS = 64  # tokenizers, and tags, of which this is kept


@lru_cache(_MODELS)
def kept_ids(tokenizer: Any, think: tuple[str, str]) -> frozenset[int]:
    """The special tokens that occur in the tags of a thought; with most models there are none."""
    in_tags = {i for tag in think for i in tokenizer(tag, add_special_tokens=False)["input_ids"]}
    return frozenset(in_tags) & special_ids(tokenizer) - {tokenizer.unk_token_id}


@lru_cache(_MODELS)
def special_ids(tokenizer: Any) -> frozenset[int]:
    """Every token that is left out of texts."""
    try:
        added = tokenizer.added_tokens_decoder
    except NotImplementedError:  # mistral-common's
        added = {}
    marked = {number for number, token in added.items() if token.special}
    return frozenset(marked.union(tokenizer.all_special_ids))


def decode(tokenizer: Any, ids: Sequence[int], kept: frozenset[int]) -> str:
    """The text of tokens, without special ones but those `kept`."""
    if kept:
        special = special_ids(tokenizer)
        ids = [token for token in ids if token in kept or token not in special]
    text: str = tokenizer.decode(
        ids, skip_special_tokens=not kept, clean_up_tokenization_spaces=False
    )
    return text


def without_special(tokenizer: Any, text: str, kept: frozenset[int]) -> str:
    """A text that somebody has decoded with every special token: without those not `kept`."""
    return _written(tokenizer, kept).sub("", text)


@lru_cache(_MODELS)
def _written(tokenizer: Any, kept: frozenset[int]) -> re.Pattern[str]:
    """What finds the special tokens in a text that are not kept."""
    texts = tokenizer.convert_ids_to_tokens(sorted(special_ids(tokenizer) - kept))
    longest_first = sorted(texts, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")


def may_be_special(think: tuple[str, str]) -> bool:
    """Whether the tags of a thought look as if they were special tokens."""
    return any(map(_LOOKS_SPECIAL.search, think))


def before_stop(text: str, stop: Sequence[str]) -> str | None:
    """The text before the first stop string; None if there is none."""
    starts = [start for start in map(text.find, stop) if start >= 0]
    return text[: min(starts)] if starts else None
