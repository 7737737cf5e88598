"""Attention of one new token per row on a CPU: two plain matrix products.

On contiguous keys they take a quarter to all of the time of the fused kernel, which is made for
many queries. Everything else is left to that kernel.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

_NAME = "sormctl_decode"


def use_decode_attention(model: Any) -> None:
    """Make a model on a CPU use it, if its attention is torch's own."""
    if model.device.type == "cpu" and model.config._attn_implementation == "sdpa":
        AttentionInterface.register(_NAME, _attention)
        AttentionMaskInterface.register(_NAME, sdpa_mask)
        model.set_attn_implementation(_NAME)


def _attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **settings: Any,
) -> tuple[torch.Tensor, None]:
    """Query (B, H, T, D), keys and values (B, H / G, L, D) -> (B, T, H, D).

    G heads of the query share one of the keys; L is the length of the cache's storage. The mask is
    that of `masks.py`; one of true and false, which transformers makes itself, is not for adding.
    """
    batch, heads, length, width = query.shape
    scaling = settings.get("scaling")
    if (
        length > 1
        or scaling is None
        or attention_mask is None
        or not attention_mask.is_floating_point()
    ):
        output: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, **settings
        )
        return output
    # 1. There is one query a head, so the G heads of a key head take the place of the queries: one
    #    product with the keys as they lie, in the place of G copies of them.
    grouped = (query * scaling).view(batch, key.shape[1], -1, width)  # (B, H / G, G, D)
    # 2. How much of each position; the mask (B, 1, 1, L) hides what the row has not written.
    scores = torch.matmul(grouped, key.transpose(2, 3)).add_(attention_mask)  # (B, H / G, G, L)
    # 3. The values in these shares.
    seen = torch.matmul(torch.softmax(scores, dim=-1), value)  # (B, H / G, G, D)
    return seen.view(batch, 1, heads, -1), None  # (B, 1, H, D): the heads are in order again
