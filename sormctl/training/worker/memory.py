"""How many tokens go through the model at once where the run does not say: what memory holds."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch.autograd.graph import saved_tensors_hooks

from sormctl.engines.memory import available_memory
from sormctl.training.token_rows import Row
from sormctl.training.worker.losses import Loss, collate

MOST_TOKENS = 8192
_CPU_BYTES = 3 * 2**28  # there more tokens at once are hardly faster
_SHARE = 0.5  # the rest is for gradients on their way, and for whoever else needs memory
_LEARNING = 12  # bytes of a number that learns: its gradient and AdamW's two averages, in float32


def tokens_that_fit(
    model: Any, loss: Loss, rows: Sequence[Row], accelerator: Accelerator, pad: int, packed: bool
) -> int:
    """The tokens of one pass: at most `MOST_TOKENS`, the same in every process.

    It looks at what a pass over the longest row keeps for the way back, for a token beyond the
    first: the weights that are kept with the first are kept once. Nothing is learned or drawn.
    """
    longest = max(rows, key=lambda row: row.size)
    used = []
    for row in (_first_token(longest), longest):
        batch = collate([row], pad, packed).to(accelerator.device)
        cuda = [accelerator.device] if accelerator.device.type == "cuda" else []
        with torch.random.fork_rng(cuda), accelerator.no_sync(model):
            used.append(_kept_bytes(model, loss, batch))
    a_token = max(1.0, (used[1] - used[0]) / longest.size)
    fitting = max(1, min(MOST_TOKENS, int(_room(model, accelerator) / a_token)))
    every: list[int] = gather_object([fitting])
    return min(every)


def _first_token(row: Row) -> Row:
    """A row of one token, which has a target; so has its rival."""
    rival = None if row.rival is None else _first_token(row.rival)
    return Row(row.ids[:1], array("i", [0]), row.targets[:1], rival)


def _kept_bytes(model: Any, loss: Loss, batch: Any) -> int:
    """What autograd keeps of one pass."""
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor.detach()  # itself, where its own graph keeps it, would never be freed

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        judged = loss(model, batch)
    del judged  # until here nothing of it was freed, so every address stood for one tensor
    return sum(kept.values())


def _room(model: Any, accelerator: Accelerator) -> float:
    """Bytes for one pass, beside what learning will take."""
    learning: int = sum(x.numel() for x in model.parameters() if x.requires_grad) * _LEARNING
    if accelerator.device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(accelerator.device)
        return (free - learning) * _SHARE
    free = available_memory() // int(accelerator.num_processes)
    return min(_CPU_BYTES, (free - learning) * _SHARE)
