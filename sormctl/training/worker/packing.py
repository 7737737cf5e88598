"""Packed batches: documents one after another in a single row, and no padding.

Positions restart at each document and no document sees another. Packing goes wrong silently where
a model finds the borders by itself (it does so only without a cache and without an attention mask),
so the borders are handed down to an attention of our own, and to plain decoders only: those whose
tokens meet nowhere but in the attention, as a test holds for each.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from sormctl.errors import UsageError
from sormctl.training.config import Packing

FAMILIES = ("llama", "mistral", "qwen2", "qwen3", "smollm3")
_NAME = "sormctl_packed"


def use_packing(model: Any, wanted: Packing, max_length: int, half: bool) -> bool:
    """Whether batches are packed; the model then has the attention for it.

    `auto` packs where there is a kernel for it: on a GPU, in `half` precision. Elsewhere attention
    goes document by document. UsageError if packing is wanted and the model is none of `FAMILIES`,
    or looks less far back than the longest row.
    """
    has_kernel = half and torch.cuda.is_available()
    if wanted is Packing.off or (wanted is Packing.auto and not has_kernel):
        return False
    window = getattr(model.config, "sliding_window", None)
    if model.config.model_type not in FAMILIES or (window and window < max_length):
        if wanted is Packing.on:
            kind = model.config.model_type
            raise UsageError(f"--packing on: this {kind} model cannot be packed; use off")
        return False
    AttentionInterface.register(_NAME, _attention)
    model.set_attn_implementation(_NAME)
    return True


def _attention(
    module: torch.nn.Module,
    query: Tensor,  # (1, H, T, D)
    key: Tensor,  # (1, H / G, T, D)
    value: Tensor,  # (1, H / G, T, D)
    attention_mask: Tensor | None,
    **settings: Any,
) -> tuple[Tensor, None]:
    """Attention of each document to itself; transformers wants the heads last, (1, T, H, D).

    H heads of width D share keys and values in groups of G. Of the `settings`, `cu_seq_lens_q` says
    where the documents begin, and ends with T. `attention_mask` is None: borders do its work.
    """
    borders, scale = settings["cu_seq_lens_q"], settings["scaling"]
    # 1. on a GPU in half precision: one kernel for all documents
    if query.is_cuda and query.dtype != torch.float32:
        longest = settings["max_length_q"]
        return _varlen(query, key, value, borders.int(), longest, scale), None
    # 2. elsewhere: one document after another, each (1, H, length, D)
    documents = [
        scaled_dot_product_attention(
            query[:, :, start:end],
            key[:, :, start:end],
            value[:, :, start:end],
            is_causal=True,
            scale=scale,
            enable_gqa=True,
        )
        for start, end in pairwise(borders.tolist())
    ]
    return torch.cat(documents, dim=2).transpose(1, 2), None  # (1, T, H, D)


def _varlen(
    query: Tensor, key: Tensor, value: Tensor, borders: Tensor, longest: int, scale: float
) -> Tensor:
    """The same by torch's kernel for sequences of uneven length."""
    from torch.nn.attention.varlen import varlen_attn

    output = varlen_attn(
        query[0].transpose(0, 1),  # (T, H, D)
        key[0].transpose(0, 1),  # (T, H / G, D)
        value[0].transpose(0, 1),
        borders,  # of the queries
        borders,  # of the keys: the same, for a document attends to itself
        longest,
        longest,
        scale=scale,
        window_size=(-1, 0),  # causal
        enable_gqa=True,
    )
    assert isinstance(output, Tensor)
    return output.unsqueeze(0)  # (1, T, H, D)
