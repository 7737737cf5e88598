"""Optimizers and the learning rate."""

from __future__ import annotations

import math
from typing import Any

import torch

from sormctl.errors import UsageError
from sormctl.training.config import TrainConfig

FINAL_SHARE = 0.01  # appendix C: 5e-5 decays to 5e-7


def learning_rate(config: TrainConfig, step: int, num_steps: int) -> float:
    """The rate of step `step` (from 0): linear warm-up, then cosine decay to a hundredth."""
    warmup = math.ceil(config.warmup * num_steps)
    if step < warmup:
        return config.lr * (step + 1) / warmup
    done = (step - warmup) / max(1, num_steps - warmup)
    share = FINAL_SHARE + (1 - FINAL_SHARE) * (1 + math.cos(math.pi * done)) / 2
    return config.lr * share


def build_optimizers(model: Any, config: TrainConfig) -> list[torch.optim.Optimizer]:
    """AdamW for everything, or Muon for the hidden matrices and AdamW for the rest.

    Only matrices decay: biases and norms do not.
    """
    muon = _hidden_matrices(model) if config.optimizer == "muon" else []
    chosen = {id(parameter) for parameter in muon}
    rest = [p for p in model.parameters() if p.requires_grad and id(p) not in chosen]
    groups = [
        {"params": [p for p in rest if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in rest if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(groups, lr=config.lr, betas=(0.9, 0.95), fused=True)
    ]
    if muon:
        optimizers.append(
            torch.optim.Muon(
                muon,
                lr=config.lr,
                momentum=0.95,
                weight_decay=config.weight_decay,
                adjust_lr_fn="match_rms_adamw",  # so that both take the same learning rate
            )
        )
    return optimizers


def _hidden_matrices(model: Any) -> list[torch.nn.Parameter]:
    """The matrices of the layers: no embedding of tokens or positions, no head."""
    model = getattr(model, "get_base_model", lambda: model)()  # peft's wrapper has the head in it
    base = model.base_model
    tables = {id(x.weight) for x in base.modules() if isinstance(x, torch.nn.Embedding)}
    matrices = [p for p in base.parameters() if p.requires_grad and p.ndim == 2]
    found = [p for p in matrices if id(p) not in tables]
    if not found:
        raise UsageError("--optimizer muon: the model has no hidden matrices; use adamw")
    return found
