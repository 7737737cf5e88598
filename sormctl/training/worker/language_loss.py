"""The loss of a language model, in chunks: its logits are the largest tensors of a step.

Shapes: B sequences, T tokens each, N targets, H hidden units, V tokens in the vocabulary, and C
columns, the positions at which some sequence has a target.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from sormctl.engines.memory import rows_at_once
from sormctl.training.worker.losses import Batch

LOGITS_AT_ONCE = 2**25  # 128 MiB in float32


def add_loss(model: Any) -> Any:
    """`model`, which then also answers `model(**batch.inputs, batch=batch)`: with the summed loss.

    The loss () is made inside of the forward pass, where a sharded model is whole and autocast is
    on. It is made in chunks where the logits are many and the head is a matrix.
    """
    forward, has_matrix = model.forward, _is_matrix(model)

    def forward_or_loss(*args: Any, batch: Batch | None = None, **inputs: Any) -> Any:
        if batch is None:
            return forward(*args, **inputs)
        columns = torch.unique(batch.positions)  # (C,), sorted
        weight = model.get_output_embeddings().weight  # (V, H)
        if has_matrix and len(batch.ids) * len(columns) * len(weight) > LOGITS_AT_ONCE:
            given = {name: value for name, value in inputs.items() if value is not None}  # peft's
            hidden = model.base_model(*args, **given).last_hidden_state  # (B, T, H)
            judged = hidden[batch.sequences, batch.positions]  # (N, H)
            return _ChunkedCrossEntropy.apply(judged, weight, batch.targets)  # type: ignore[no-untyped-call]
        logits = forward(*args, **inputs, logits_to_keep=columns).logits  # (B, C, V)
        kept = torch.searchsorted(columns, batch.positions)  # (N,), where a position is in columns
        judged = logits[batch.sequences, kept].float()  # (N, V)
        return cross_entropy(judged, batch.targets, reduction="sum")

    model.forward = forward_or_loss
    return model


@torch.no_grad()
def _is_matrix(model: Any) -> bool:
    """Whether logits are the last hidden states times a matrix; some models scale or cap them."""
    head, base = model.get_output_embeddings(), model.base_model
    if type(head) is not torch.nn.Linear or head.bias is not None or base is model:
        return False
    inputs = {"input_ids": torch.tensor([[1, 2]], device=model.device), "use_cache": False}
    return torch.equal(head(base(**inputs).last_hidden_state), model(**inputs).logits)


class _ChunkedCrossEntropy(torch.autograd.Function):
    """Summed cross entropy () of targets (N,) by the logits hidden (N, H) @ weight.T (H, V).

    Only `LOGITS_AT_ONCE` of the logits exist at any time: the gradients of a chunk are made
    together with its loss, not in a second pass. torch's `linear_cross_entropy` does so too, but on
    a CPU with bfloat16 it takes three times as long, and its sum is a bfloat16 number.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        """Multiplies matrices in autocast's type; the rest, and every sum, is in float32."""
        kind = hidden.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else weight.dtype
        matrix = weight.to(dtype)
        learns, weight_learns, _ = ctx.needs_input_grad  # nothing learns in an evaluation
        of_hidden = torch.empty_like(hidden) if learns else None
        of_weight = torch.zeros_like(weight) if learns and weight_learns else None
        loss = torch.zeros((), device=hidden.device)
        size = max(1, LOGITS_AT_ONCE // len(weight))
        for chunk in (slice(start, start + size) for start in range(0, len(targets), size)):
            inputs = hidden[chunk].to(dtype)  # (n, H)
            logits = inputs @ matrix.T  # (n, V)
            loss += _loss(logits, targets[chunk], learns)
            if of_hidden is not None:
                of_hidden[chunk] = logits @ matrix
                if of_weight is not None:
                    _add_product(of_weight, logits, inputs)
        ctx.save_for_backward(of_hidden, of_weight)
        return loss

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, Tensor | None, None]:
        """Both gradients, times the factor () with which the sum counts; once, for in place."""
        of_hidden, of_weight = ctx.saved_tensors
        if of_weight is not None:
            of_weight.mul_(upstream)
        return of_hidden.mul_(upstream), of_weight, None


def _loss(logits: Tensor, targets: Tensor, learns: bool) -> Tensor:
    """The summed loss () of logits (n, V); if it `learns`, its derivatives stand in their place.

    A logit's is its probability, less 1 if it is the target's: probabilities (1/4, 3/4) with target
    1 give (1/4, -1/4). On a CPU some rows are done after others, in its cache.
    """
    loss = torch.zeros((), device=logits.device)
    size = rows_at_once(len(logits), logits.shape[1], logits.device.type)
    for some, chosen in zip(torch.split(logits, size), torch.split(targets, size), strict=True):
        log_p = some.float().log_softmax(-1)
        loss -= log_p.gather(1, chosen[:, None]).sum()
        if learns:
            p = log_p.exp_()
            some.copy_(p.scatter_add_(1, chosen[:, None], p.new_full((len(p), 1), -1)))
    return loss


def _add_product(total: Tensor, logits: Tensor, inputs: Tensor) -> None:
    """total (V, H) += logits.T (V, n) @ inputs (n, H).

    On a CPU some words are done after others: the product and its float32 would each be a tensor as
    large as `total`.
    """
    size = rows_at_once(len(total), total.shape[1], total.device.type)
    some_words = zip(torch.split(total, size), torch.split(logits, size, dim=1), strict=True)
    for some, theirs in some_words:
        some.add_(theirs.T @ inputs)
