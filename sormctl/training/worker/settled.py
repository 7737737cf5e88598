"""What `auto` comes to, settled where a run begins: another machine would choose otherwise."""

from __future__ import annotations

from typing import Any

import torch
from accelerate import Accelerator

from sormctl.training.config import Dtype, Packing, Settled, TrainConfig, write_settled
from sormctl.training.worker.failures import refusing
from sormctl.training.worker.packing import use_packing


def mixed_precision(dtype: Dtype) -> str:
    """What accelerate calls it. `auto` is bfloat16 where the hardware multiplies it natively.

    The weights stay float32: in bfloat16 the small updates of fine-tuning would be rounded away.
    """
    if dtype is Dtype.auto:
        dtype = Dtype.bfloat16 if _has_bfloat16() else Dtype.float32
    return "bf16" if dtype is Dtype.bfloat16 else "no"


def settle(
    model: Any, begun: Settled, config: TrainConfig, accelerator: Accelerator, max_length: int
) -> Settled:
    """Makes `model` compute as the run wants it to, and keeps what `auto` came to."""
    half = accelerator.mixed_precision == "bf16"
    packed = use_packing(model, begun.packing, max_length, half)
    if not packed and half and accelerator.device.type == "cpu":
        # the fused kernel's backward pass takes half of the time there
        with refusing(f"{config.model}: cannot be run in bfloat16 on a CPU"):
            model.set_attn_implementation("eager")
    if config.gradient_checkpointing:
        with refusing("--gradient-checkpointing"):
            _checkpoint(model)
    settled = Settled(
        Dtype.bfloat16 if half else Dtype.float32, Packing.on if packed else Packing.off
    )
    if accelerator.is_main_process:
        write_settled(config, settled)
    return settled


def _checkpoint(model: Any) -> None:
    # transformers 5.23 has renamed it
    new = getattr(model, "activation_checkpointing_enable", None)
    (new or model.gradient_checkpointing_enable)({"use_reentrant": False})


def _has_bfloat16() -> bool:
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    cpu = torch.cpu.get_capabilities()
    return bool(cpu.get("avx512_bf16") or cpu.get("amx_bf16"))
