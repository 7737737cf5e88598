"""The folder that training leaves behind, and whether it can be left."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from tempfile import TemporaryDirectory
from typing import Any

import torch
from accelerate import Accelerator, DistributedType
from msgspec import to_builtins

from sormctl.models import SETTINGS_FILE
from sormctl.training.checkpoints import replacing
from sormctl.training.config import Data, Settled, TrainConfig, as_json
from sormctl.training.worker.card import model_card
from sormctl.training.worker.failures import refusing
from sormctl.training.worker.metrics_file import read_metrics

_OF_SAMPLING = (
    *("temperature", "top_k", "top_p", "top_h", "min_p"),
    *("typical_p", "epsilon_cutoff", "eta_cutoff"),
)


def try_saving(name: str, model: Any, tokenizer: Any) -> None:
    """Saves all but the weights, and forgets it: ModelError now for what would fail at the end.

    transformers loads a `generation_config.json` that it refuses to save; what can be is mended.
    """
    if getattr(model, "generation_config", None) is not None:
        _mend_generation(model.generation_config, tokenizer.pad_token_id)
    with refusing(f"{name}: could not be saved when trained"), TemporaryDirectory() as folder:
        model.save_pretrained(folder, state_dict={})
        tokenizer.save_pretrained(folder)


def _mend_generation(settings: Any, pad: int) -> None:
    """Values of sampling want `do_sample`; where it is false, they do nothing and go."""
    if settings.pad_token_id is not None and settings.pad_token_id < 0:  # once it meant none
        settings.pad_token_id = pad
    try:
        settings.validate(strict=True)
    except ValueError:
        if settings.do_sample is None:
            settings.do_sample = True
        elif not settings.do_sample:
            for name in _OF_SAMPLING:
                setattr(settings, name, None)


def save_model(
    accelerator: Accelerator,
    model: Any,
    tokenizer: Any,
    config: TrainConfig,
    settled: Settled,
    data: Data,
    dtype: torch.dtype,
    notes: Sequence[str] = (),
) -> None:
    """Writes the finished model to `config.model_to_be`, in `dtype`, as transformers does.

    Beside it, `sormctl.json` and the model card say what it is and how it was made, the card with
    what `auto` came to and the `notes`, and `metrics.jsonl` how it went.
    """
    temporary = config.partial / "unfinished"
    sharded = accelerator.distributed_type is DistributedType.FSDP
    state = accelerator.get_state_dict(model) if sharded else None
    if not accelerator.is_main_process:
        return
    finished = accelerator.unwrap_model(model)
    if config.lora and config.merge_lora:
        if dtype != torch.bfloat16:  # else each sum is rounded to it once, as it would be here
            finished = finished.float()
        finished = finished.merge_and_unload()
    finished = finished.to(dtype)  # one weight after another, each in the other's place
    state = finished.state_dict() if state is None else _cast(state, dtype)
    settings = {
        "kind": config.kind,
        "prompt": config.asking.style,
        "asking": to_builtins(config.asking),
        "mode": data.mode,
        "version": data.version,
        "training": as_json(config, data),
    }
    known = type(finished).__module__.partition(".")[0] == "transformers"
    card = model_card(config, settled, data, read_metrics(config.metrics), notes, known)
    with replacing(temporary, config.model_to_be):
        with refusing(f"{config.model_to_be}: cannot be saved"):
            finished.save_pretrained(temporary, state_dict=state)
            tokenizer.save_pretrained(temporary)
        shutil.copy(config.metrics, temporary)
        if config.tracking.exists():
            shutil.copytree(config.tracking, temporary / config.tracking.name)
        (temporary / SETTINGS_FILE).write_text(json.dumps(settings, indent=2) + "\n", "utf-8")
        (temporary / "README.md").write_text(card, encoding="utf-8")


def _cast(state: dict[str, torch.Tensor], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """The weights in `dtype`; those that share memory still do, so that they are saved once."""
    cast: dict[int, torch.Tensor] = {}
    return {
        name: cast.setdefault(weight.data_ptr(), weight.to(dtype)) for name, weight in state.items()
    }
