"""A key/value cache of slots: one row a sequence, each at its own position.

A model writes the new key and value of each row at that row's position, so sequences of any length
decode together, and one that finishes leaves its slot to another.

Of each layer the keys and the values are one tensor (S, H, L, D): S slots, H heads of the keys, L
positions, D numbers a head. A pass works on the first B slots.
"""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

_BLOCK = 16  # storage is a multiple of this many positions long


class SlotCache(Cache):  # type: ignore[misc]
    """Keys and values of up to `slots` sequences, with room for `budget` positions in all."""

    def __init__(self, slots: int, budget: int) -> None:
        super().__init__(layer_class_to_replicate=DynamicLayer)
        self._slots = slots
        self._budget = budget
        self._shape = (0, 0)  # slots and positions that are allocated
        self._at: tuple[torch.Tensor, torch.Tensor] | None = None

    def capacity(self, length: int) -> int:
        """How many sequences of that length there is room for; always one."""
        return max(1, min(self._slots, self._budget // _rounded(length)))

    def load(self, slots: Sequence[int], source: DynamicCache, rows: Sequence[int]) -> None:
        """Copy `rows` of a prefilled cache into `slots`; room must have been reserved."""
        for i, prefilled in enumerate(source.layers):
            layer = self._layer(i, prefilled)
            # (R, H, P, D) into (S, H, L, D). A batch of prompts is as long as its longest, P; where
            # that is more than L, the rest is padding of the rows that are copied.
            length = min(prefilled.keys.shape[2], self._shape[1])
            for stored, new in ((layer.keys, prefilled.keys), (layer.values, prefilled.values)):
                stored[_index(slots, stored), :, :length] = new[_index(rows, new), :, :length]

    def reserve(self, slots: int, length: int) -> None:
        """Make room for `length` positions in the first `slots` slots.

        Attention reads all of the storage, in one piece because gaps cost it up to three times its
        speed. So the storage is hardly longer than what is in use.
        """
        allocated, room = self._shape
        # 1. Enough slots, neither too short nor much too long: nothing to do. What follows copies
        #    the storage, so it waits until three blocks are too many.
        if slots <= allocated and length <= room <= length + 3 * _BLOCK:
            return
        # 2. Slots grow by doubling, within the budget, and stay: a pass reads the first ones alone.
        if slots > allocated:
            allocated = max(slots, min(2 * slots, self.capacity(length)))
        # 3. Positions follow the longest row, in both directions.
        self._shape = (allocated, _rounded(length))
        for layer in self.layers:
            layer.keys = self._resized(layer.keys)
            layer.values = self._resized(layer.values)

    def move(self, sources: Sequence[int], targets: Sequence[int]) -> None:
        """Copy whole slots over others, so that those in use stay the first ones."""
        for layer in self.layers:
            for stored in (layer.keys, layer.values):
                stored[_index(targets, stored)] = stored[_index(sources, stored)]

    def seek(self, positions: torch.Tensor, length: int) -> int:
        """The next pass writes row i, i < B, at `positions[i]`, all below `length`.

        Returns how many positions it will see, some of them unused.
        """
        self.reserve(len(positions), length)
        self._at = torch.arange(len(positions), device=positions.device), positions
        return self._shape[1]

    def update(
        self,
        key_states: torch.Tensor,
        value_states: torch.Tensor,
        layer_idx: int,
        *_: Any,
        **__: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Store states of shape (B, H, 1, D); returns the rows' whole storage."""
        layer = self.layers[layer_idx]
        rows, positions = self._at  # type: ignore[misc]  # (B,) both; row i writes at positions[i]
        layer.keys[rows, :, positions] = key_states[:, :, 0]  # (B, H, D)
        layer.values[rows, :, positions] = value_states[:, :, 0]
        return layer.keys[: len(rows)], layer.values[: len(rows)]  # (B, H, L, D), no copy

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Positions seen before the coming pass; rows differ, so no more than a bound."""
        return self._shape[1] - 1

    def _layer(self, index: int, like: DynamicLayer) -> DynamicLayer:
        if index == len(self.layers):
            layer = DynamicLayer()
            layer.lazy_initialization(like.keys, like.values)
            layer.keys = self._resized(like.keys[:0])
            layer.values = self._resized(like.values[:0])
            self.layers.append(layer)
        return self.layers[index]

    def _resized(self, stored: torch.Tensor) -> torch.Tensor:
        slots, length = self._shape
        # zeros: what is masked must still be finite, since 0 times nan is nan
        new = stored.new_zeros(slots, stored.shape[1], length, stored.shape[3])  # (S, H, L, D)
        rows, used = min(slots, len(stored)), min(length, stored.shape[2])
        new[:rows, :, :used] = stored[:rows, :, :used]
        return new


def cache_arguments(model: Any, cache: Cache) -> dict[str, Any]:
    """The arguments of a forward pass of `model` that reads `cache` and adds to it."""
    return {cache_name(model) or "past_key_values": cache, "use_cache": True}


def cache_name(model: Any) -> str | None:
    """What a forward pass of `model` calls the cache that it reads; None if it reads none."""
    # `cache` since transformers 5.24; code that comes with a model may be older
    taken = signature(type(model).forward).parameters
    return next((name for name in ("cache", "past_key_values") if name in taken), None)


def _rounded(length: int) -> int:
    return -(-length // _BLOCK) * _BLOCK


def _index(rows: Sequence[int], like: torch.Tensor) -> torch.Tensor:
    return torch.tensor(rows, device=like.device)
