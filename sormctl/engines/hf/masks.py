"""Which keys the token of each row may see while decoding."""

from __future__ import annotations

from typing import Any

import torch


def decode_mask(
    config: Any, positions: torch.Tensor, room: int, dtype: torch.dtype
) -> torch.Tensor | dict[str, torch.Tensor]:
    """Additive masks (B, 1, 1, room) for rows at `positions` (B,), as the model wants them.

    Models that mix kinds of layers take one mask a kind; a sliding window sees its last positions.
    """
    distance = positions[:, None] - torch.arange(room, device=positions.device)
    full = _additive(distance >= 0, dtype)
    window = getattr(config, "sliding_window", None)
    kinds = set(getattr(config, "layer_types", None) or ())
    if window is None or kinds == {"full_attention"}:
        return full
    sliding = _additive((distance >= 0) & (distance < window), dtype)
    return {"full_attention": full, "sliding_attention": sliding} if kinds else sliding


def _additive(visible: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    hidden = torch.finfo(dtype).min  # not -inf, which an attention kernel may turn into nan
    return torch.zeros_like(visible, dtype=dtype).masked_fill_(~visible, hidden)[:, None, None, :]
