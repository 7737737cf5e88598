"""LoRA: small matrices beside the frozen ones, trained in their place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from sormctl.errors import UsageError
from sormctl.missing import install
from sormctl.training.config import REWARD_MODEL, TrainConfig
from sormctl.training.worker.failures import refusing
from sormctl.training.worker.targets import find_targets, summed

if TYPE_CHECKING:
    from accelerate import Accelerator

HEADS = ["score", "classifier"]  # what transformers calls the head of a token classifier


def add_lora(model: Any, config: TrainConfig) -> Any:
    """`model` with matrices of rank `config.lora` beside those of its layers, which are frozen.

    The head of a reward model is new, so it is trained in full. UsageError if peft is missing.
    """
    try:
        from peft import LoraConfig, TaskType, get_peft_model
    except ImportError as error:
        raise UsageError(f"--lora needs peft; {install('lora')}") from error
    judges = config.kind == REWARD_MODEL
    with refusing(f"{config.model}: --lora"):
        targets = find_targets(model, HEADS if judges else [])
    settings = LoraConfig(
        task_type=TaskType.TOKEN_CLS if judges else TaskType.CAUSAL_LM,
        r=config.lora,
        lora_alpha=2 * (config.lora or 0),
        target_modules=targets.modules,
        target_parameters=targets.parameters,
        modules_to_save=HEADS if judges else None,
    )
    with refusing(f"{config.model}: --lora"):
        return get_peft_model(model, settings)


def halve_frozen(model: Any) -> None:
    """Keeps frozen matrices in bfloat16, as autocast multiplies them, and all else in float32.

    Only those that lose nothing by it. What the embeddings say is still added up in float32, so a
    pass computes the same; embeddings that compute something themselves stay in float32, and so do
    matrices to which each pass adds LoRA's: the sum would be rounded.
    """
    words = [x for x in model.modules() if isinstance(x, torch.nn.Embedding)]
    plain = [x for x in words if type(x).forward is torch.nn.Embedding.forward]
    computing = {id(x.weight) for x in words} - {id(x.weight) for x in plain} | summed(model)
    for module in model.modules():
        for weight in module.parameters(recurse=False):
            matrix = isinstance(module, torch.nn.Linear | torch.nn.Embedding) and weight.ndim == 2
            frozen = not weight.requires_grad and id(weight) not in computing
            halved = matrix and frozen and _is_exact(weight.data)
            weight.data = weight.data.to(torch.bfloat16 if halved else torch.float32)
    for module in plain:
        module.register_forward_hook(lambda module, inputs, output: output.float())


def _is_exact(weight: torch.Tensor) -> bool:
    """Whether bfloat16 has all of its numbers."""
    return weight.dtype == torch.bfloat16 or torch.equal(weight.bfloat16().float(), weight)


def leave_out_frozen(accelerator: Accelerator) -> None:
    """Keeps the frozen weights, which are those of the base model, out of checkpoints."""

    def only_trained(models: list[Any], weights: list[dict[str, Any]], folder: str) -> None:
        for model, state in zip(models, weights, strict=False):  # none are listed if sharded
            trained = {name for name, x in model.named_parameters() if x.requires_grad}
            for name in state.keys() - trained:
                del state[name]

    accelerator.register_save_state_pre_hook(only_trained)
