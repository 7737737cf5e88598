"""Keys and values of prompts, computed once for all completions of a prompt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import DynamicCache

_TOKENS = {"cpu": 2048}  # of one forward pass, with padding
_TOKENS_GPU = 16384
_SLACK = 16  # prompts are padded together if their lengths differ by no more than this, or 1 / 4


@dataclass(frozen=True, slots=True)
class Prefilled:
    """One prompt's keys and values: a row of the cache that its batch was computed in."""

    cache: DynamicCache
    row: int


def prefill(model: Any, prompts: Sequence[list[int]]) -> list[Prefilled]:
    """Run the prompts through the model, those of similar length together."""
    found: dict[int, Prefilled] = {}
    for chunk in _chunks(prompts, _TOKENS.get(model.device.type, _TOKENS_GPU)):
        cache = _forward(model, [prompts[i] for i in chunk])
        found.update((i, Prefilled(cache, row)) for row, i in enumerate(chunk))
    return [found[i] for i in range(len(prompts))]


def _chunks(prompts: Sequence[list[int]], tokens: int) -> Iterator[list[int]]:
    """Indices of prompts, grouped so that little is padding and a pass stays within `tokens`."""
    chunk: list[int] = []
    for i in sorted(range(len(prompts)), key=lambda i: len(prompts[i])):
        length = len(prompts[i])
        if chunk:
            shortest = len(prompts[chunk[0]])
            if length - shortest > max(_SLACK, shortest // 4) or length * len(chunk) >= tokens:
                yield chunk
                chunk = []
        chunk.append(i)
    if chunk:
        yield chunk


def _forward(model: Any, prompts: list[list[int]]) -> DynamicCache:
    # Padding on the right: no token sees what follows it, so the prompts need no mask, and the
    # padding's keys are overwritten before a row reaches their positions.
    longest = max(map(len, prompts))
    ids = torch.tensor([prompt + [0] * (longest - len(prompt)) for prompt in prompts])
    cache = DynamicCache()  # without the model's config: keep what sliding windows would drop
    model(ids.to(model.device), past_key_values=cache, use_cache=True, logits_to_keep=1)
    return cache
