"""Keys and values of prompts, computed once for all completions of a prompt."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import DynamicCache

from sormctl.engines.hf.cache import cache_arguments

_TOKENS = {"cpu": 2048}  # of one forward pass, with padding
_TOKENS_GPU = 16384
_POSITIONS = 4  # times as many, with those that were computed before: they take memory, no time
_SHARED = 16  # tokens; a shorter beginning of many prompts is computed with each of them
_SLACK = 16  # prompts are padded together if their lengths differ by no more than this, or 1 / 4


@dataclass(frozen=True, slots=True)
class Prefilled:
    """One prompt's keys and values: a row of the cache that its batch was computed in."""

    cache: DynamicCache
    row: int


class Prompts:
    """The prompts computed last, up to `room` positions of keys and values.

    A prompt that was computed, or that begins one that was, is not computed again: the waves of
    rollouts from one prefix, and the shorter prefixes that a walk backwards comes to next. Nor is
    what all prompts that come together begin with, such as a solved example.
    """

    def __init__(self, model: Any, room: int) -> None:
        self._model = model
        self._room = room
        self._used = 0
        self._found: dict[tuple[int, ...], Prefilled] = {}
        self._sorted: list[tuple[int, ...]] = []  # what a prompt begins stands right after it
        self._batches: OrderedDict[DynamicCache, list[tuple[int, ...]]] = OrderedDict()

    def prefill(self, prompts: Sequence[Sequence[int]]) -> list[Prefilled]:
        """Keys and values of each prompt; those of similar length are computed together."""
        # 1. What was computed before, alone or as the beginning of a longer prompt.
        wanted = [tuple(prompt) for prompt in prompts]
        found = {ids: known for ids in wanted if (known := self._find(ids))}
        # 2. The rest, each prompt once, in batches of similar length, and without what all of them
        #    begin with.
        new = [ids for ids in dict.fromkeys(wanted) if ids not in found]
        shared, beginning = self._beginning(new)
        tokens = _TOKENS.get(self._model.device.type, _TOKENS_GPU)
        for batch in _batches(new, shared, tokens, min(_POSITIONS * tokens, self._room)):
            cache = _forward(self._model, batch, shared, beginning)
            found.update((ids, Prefilled(cache, row)) for row, ids in enumerate(batch))
            self._keep(cache, batch)
        return [found[ids] for ids in wanted]

    def _find(self, ids: tuple[int, ...]) -> Prefilled | None:
        # Of sorted prompts the first that is not before `ids` begins with these if any does. A key
        # depends on what stands before it alone, so the longer prompt has those of this one.
        at = bisect_left(self._sorted, ids)
        if at == len(self._sorted) or self._sorted[at][: len(ids)] != ids:
            return None
        prefilled = self._found[self._sorted[at]]
        self._batches.move_to_end(prefilled.cache)
        return prefilled

    def _beginning(self, new: list[tuple[int, ...]]) -> tuple[int, Prefilled | None]:
        """How many tokens all of `new` begin with, if they are many, and where their keys are."""
        if not new:
            return 0, None
        # 1. What all of them share, but for a last token: a pass reads one. Those that are sorted
        #    first and last differ soonest.
        shared = min(_common(min(new), max(new)), min(map(len, new)) - 1)
        # 2. How much of that was computed. The prompt that shares most with one is its neighbour.
        at = bisect_left(self._sorted, new[0])
        known = max(
            (_common(new[0], ids) for ids in self._sorted[max(0, at - 1) : at + 1]), default=0
        )
        if shared - known >= _SHARED and len(new) > 1:  # the rest of it is computed, once
            start = new[0][:shared]
            self._keep(_forward(self._model, [start], *self._known(start, known)), [start])
            known = shared
        return self._known(new[0], min(shared, known))

    def _known(self, ids: tuple[int, ...], length: int) -> tuple[int, Prefilled | None]:
        """The first `length` of `ids`, which were computed, and where; nothing if they are few."""
        return (length, self._find(ids[:length])) if length >= _SHARED else (0, None)

    def _keep(self, cache: DynamicCache, batch: list[tuple[int, ...]]) -> None:
        self._batches[cache] = batch
        self._used += len(batch) * len(batch[-1])
        for row, ids in enumerate(batch):
            self._found[ids] = Prefilled(cache, row)
            insort(self._sorted, ids)
        while self._used > self._room and len(self._batches) > 1:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        _, batch = self._batches.popitem(last=False)
        self._used -= len(batch) * len(batch[-1])
        for ids in batch:
            del self._found[ids]
            del self._sorted[bisect_left(self._sorted, ids)]


def _common(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens both begin with."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(first), len(second)))


def _batches(
    prompts: list[tuple[int, ...]], shared: int, tokens: int, positions: int
) -> Iterator[list[tuple[int, ...]]]:
    """Prompts by length, grouped so that little is padding and a pass stays within `tokens`.

    It leaves out the first `shared` tokens of each, whose keys count among the `positions` that it
    may see.
    """
    batch: list[tuple[int, ...]] = []
    for prompt in sorted(prompts, key=len):
        if batch:
            shortest, longest = len(batch[0]) - shared, len(prompt) - shared
            rows = len(batch) + 1
            too_long = longest - shortest > max(_SLACK, shortest // 4)
            too_many = rows * longest > tokens or rows * len(prompt) > positions
            if too_long or too_many:
                yield batch
                batch = []
        batch.append(prompt)
    if batch:
        yield batch


def _forward(
    model: Any,
    prompts: list[tuple[int, ...]],
    shared: int = 0,
    beginning: Prefilled | None = None,
) -> DynamicCache:
    """The cache of a pass over `prompts`, whose first `shared` tokens stand in `beginning`."""
    # Padding on the right: no token sees what follows it, so the prompts need no mask, and a row
    # overwrites the padding's keys before it sees their positions.
    longest = len(prompts[-1])  # T; prompts come in order of length
    rows = [[*prompt[shared:], *[0] * (longest - len(prompt))] for prompt in prompts]
    ids = torch.tensor(rows)  # (B, T - shared)
    # without the model's config: keep what sliding windows would drop
    cache = DynamicCache()  # of each layer, keys and values (B, H, T, D)
    if beginning:
        for i, layer in enumerate(beginning.cache.layers):
            known = (
                x[beginning.row, :, :shared].expand(len(prompts), -1, -1, -1)
                for x in (layer.keys, layer.values)
            )
            cache.update(*known, i)
    # the logits are not read; one position of them is the least that a model computes
    model(ids.to(model.device), **cache_arguments(model, cache), logits_to_keep=1)
    return cache
