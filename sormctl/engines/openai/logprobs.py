"""The log-probability of a text, of those that a server gives of its tokens. Nothing here waits."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import isfinite
from typing import Any

from sormctl.errors import EngineError
from sormctl.records import Json

_ROUNDING = 1e-4  # by so much the logarithm of a probability of 1 may be above 0


def logprob_of(choice: Json, text: str, last: int | None, told: int, stop: Sequence[str]) -> float:
    """The sum over the tokens of a choice, of which those beyond character `last` do not count.

    `text` is what it says without a thought; `last` None: nothing is cut. `told` is the number of
    tokens, 0 if nobody knows; those of a `stop` string may lack. EngineError for numbers that are
    not those of the text.
    """
    tokens, listed = _listed(choice)
    if text and not listed:
        raise EngineError("the server gives no log-probabilities")
    if any(not _is_number(value) for value in listed):
        raise EngineError("the server gives log-probabilities that are no numbers")
    if any(value > _ROUNDING for value in listed):
        raise EngineError("the server gives log-probabilities above 0")
    unlisted = 1 + max(map(len, stop), default=0)
    if told and not -unlisted <= len(listed) - told <= 1:
        raise EngineError(f"the server gives {len(listed)} log-probabilities for {told} tokens")
    if last is None:
        return float(sum(listed))
    start = "".join(tokens).rfind(text)
    if start < 0 or len(tokens) != len(listed):
        raise EngineError("the server's tokens are not those of its text, which a stop string cuts")
    starts = accumulate(map(len, tokens), initial=0)
    counted = (value for value, at in zip(listed, starts, strict=False) if at < start + last)
    return float(sum(counted))


def _listed(choice: Json) -> tuple[list[str], list[Any]]:
    """The tokens and their numbers, of either API."""
    found = choice.get("logprobs") or {}
    if content := found.get("content"):
        return [str(item.get("token")) for item in content], [item["logprob"] for item in content]
    listed = found.get("token_logprobs")
    if listed is None and found.get("content") != []:
        raise EngineError("the server gives no log-probabilities")
    return [str(token) for token in found.get("tokens") or ()], list(listed or ())


def _is_number(value: Any) -> bool:
    return value is not None and not isinstance(value, bool) and isfinite(value)
