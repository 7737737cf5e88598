"""Whether a model computes the same while it learns, and beside other rows, as alone when used.

Shapes: N places that are compared, H hidden units.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from accelerate import Accelerator, DistributedType
from accelerate.utils import gather_object
from torch import Tensor

from sormctl.training.token_rows import Row
from sormctl.training.worker.losses import Batch, collate

_PLACES = 8  # of a row
_SAME = 1e-3  # the same pass twice, and the same numbers in float32
_ROUNDED = 0.05  # numbers that were rounded to bfloat16 in every layer


@torch.no_grad()
def choose_mode(
    model: Any, rows: Sequence[Row], accelerator: Accelerator, pad: int, packed: bool, most: int
) -> list[str]:
    """Puts a prepared model in training mode, and says what it makes otherwise than when used.

    If it computes otherwise in that mode, all stay in evaluation mode but modules whose passes are
    made again (gradient checkpointing). `most` are the tokens of a pass. A sharded model is not
    looked at: its processes would have to go through equally many passes. Nothing is drawn.
    """
    model.train()
    if accelerator.distributed_type is DistributedType.FSDP:
        return []
    some = _choose(rows, most)
    cuda = [accelerator.device] if accelerator.device.type == "cuda" else []
    limit = _ROUNDED if accelerator.mixed_precision == "bf16" else _SAME

    def passed(*some: Row) -> Tensor:
        batch = collate(some, pad, packed).to(accelerator.device)
        with accelerator.autocast():
            return _hidden(accelerator.unwrap_model(model), batch)

    def apart(there: Tensor, here: Tensor) -> float:
        return float(max(gather_object([_distance(there, here)])))

    def repeated() -> float:
        """How far the same pass lies from itself, where a kernel adds up in any order."""
        model.eval()
        distance = apart(passed(*some), used)
        model.train()
        return distance

    with torch.random.fork_rng(cuda):
        model.eval()
        used = passed(*some)
        alone = torch.cat([passed(row) for row in some])
        model.train()
        noise = apart(passed(*some), used)
        if is_noisy := noise > _SAME and noise > 2 * repeated():
            _calm(model)
            noise = apart(passed(*some), used)
    beside = apart(used, alone)
    return _told(accelerator.unwrap_model(model).config.model_type, is_noisy, noise, beside, limit)


def _told(kind: str, is_noisy: bool, noise: float, beside: float, limit: float) -> list[str]:
    told = []
    if noise > limit:
        told.append(f"while it learns, a {kind} model computes otherwise than in use ({noise:.1%})")
    elif is_noisy:
        told.append(f"a {kind} model adds noise while it learns; it learns without, as it is used")
    if beside > limit:
        told.append(
            f"what a {kind} model makes of a row depends on the longer ones beside it "
            f"({beside:.1%}); with --max-batch-tokens 1 each passes alone"
        )
    return told


def _choose(rows: Sequence[Row], most: int) -> list[Row]:
    """The shortest row, one of middle length, and the longest that can stand beside both."""
    whole = sorted((x for row in rows for x in row.sequences), key=lambda x: len(x.ids))
    fitting = [x for x in whole if 3 * len(x.ids) <= most]
    chosen = [fitting[0], fitting[len(fitting) // 2], fitting[-1]] if fitting else whole[:1]
    return [_with_places(x) for x in chosen]


def _with_places(row: Row) -> Row:
    """The same with `_PLACES` positions, all over it."""
    last = len(row.ids) - 1
    places = row.positions[:0]
    places.extend(last * i // (_PLACES - 1) for i in range(_PLACES))
    return Row(row.ids, places, places)


def _hidden(model: Any, batch: Batch) -> Tensor:
    """What comes out before the head (N, H); logits, if the model is one with its head."""
    model = getattr(model, "get_base_model", lambda: model)()  # peft's wrapper
    if model.base_model is not model:
        hidden: Tensor = model.base_model(**batch.inputs)[0]
        return hidden[batch.sequences, batch.positions].float()
    columns = torch.unique(batch.positions)
    logits: Tensor = model(**batch.inputs, logits_to_keep=columns).logits
    return logits[batch.sequences, torch.searchsorted(columns, batch.positions)].float()


def _distance(there: Tensor, here: Tensor) -> float:
    """The mean distance of places (N, H), as a share of their own size."""
    apart = (there - here).norm(dim=-1) / here.norm(dim=-1).clamp(min=1e-9)
    return float(apart.mean())


def _calm(model: Any) -> None:
    """Evaluation mode, but for modules whose passes are made again: they ask for the other."""
    for module in model.modules():
        module.training = bool(getattr(module, "gradient_checkpointing", False))
