"""Which keys the token of each row may see while decoding."""

from __future__ import annotations

from typing import Any

import torch


def decode_mask(
    config: Any, positions: torch.Tensor, room: int, dtype: torch.dtype
) -> torch.Tensor | dict[str, torch.Tensor]:
    """Additive masks (B, 1, 1, L), as the model wants them: rows at `positions` (B,), L = `room`.

    Models that mix kinds of layers take one mask a kind; a sliding window sees its last positions.
    """
    # How far back each key lies from the row's token. Below 0 it lies ahead: padding, or what an
    # earlier completion left in the slot. The row overwrites a position before it sees it.
    distance = positions[:, None] - torch.arange(room, device=positions.device)  # (B, L)
    full = _additive(distance >= 0, dtype)
    window = getattr(config, "sliding_window", None)
    kinds = set(getattr(config, "layer_types", None) or ())
    if window is None or kinds == {"full_attention"}:
        return full
    sliding = _additive((distance >= 0) & (distance < window), dtype)
    return {"full_attention": full, "sliding_attention": sliding} if kinds else sliding


def _additive(visible: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """(B, L) -> (B, 1, 1, L): alike for all heads, and for the one query."""
    hidden = torch.finfo(dtype).min  # not -inf, which an attention kernel may turn into nan
    return torch.zeros_like(visible, dtype=dtype).masked_fill_(~visible, hidden)[:, None, None, :]
