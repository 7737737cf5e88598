"""The matrices of a model's layers that LoRA goes beside, and those that it leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch.nn import Embedding, Linear
from torch.nn.modules.conv import _ConvNd
from transformers.pytorch_utils import Conv1D

# what peft takes for the experts of Mixtral's and Qwen's first files, wherever it stands
_RENAMED = {"gate", "gate_proj", "up_proj", "down_proj", "w1", "w2", "w3"}
_NAMED = 3  # kinds of matrices
_NEGLIGIBLE = 0.01
_STACKED = 3  # dimensions of a parameter that is the matrices of experts, one after another


class Targets(NamedTuple):
    """Full names, as peft wants them: of layers, and of parameters that no plain layer holds."""

    modules: list[str]
    parameters: list[str]


class Untrained(NamedTuple):
    """The share of the numbers in matrices that LoRA leaves out, and the kinds of these."""

    share: float
    kinds: Sequence[str]

    @property
    def notes(self) -> list[str]:
        """What the user should know of it: nothing, if it is not much."""
        if self.share <= _NEGLIGIBLE:
            return []
        kinds = ", ".join(self.kinds[:_NAMED]) + (", …" if len(self.kinds) > _NAMED else "")
        return [f"--lora leaves out {self.share:.0%} of the numbers in matrices: {kinds}"]


def find_targets(model: Any, heads: Sequence[str]) -> Targets:
    """Every layer that multiplies by a matrix, and the matrices of experts and routers.

    Not the `heads`, nor what a mixer reads past any adapter. peft renames layers where experts are
    fused, but not parameters.
    """
    found, unasked = Targets([], []), {*heads, *_read_by_mixers(model)}
    experts = _counts_of_experts(model)
    matrices = {name: _of_experts(name, x, experts) for name, x in model.named_modules()}
    fused = any(x.ndim == _STACKED for some in matrices.values() for x in some.values())
    for name, module in model.named_modules():
        if name in unasked or module is model.get_output_embeddings():
            continue
        if not _multiplies(module):
            found.parameters.extend(f"{name}.{x}" for x in matrices[name])
        elif fused and name.split(".")[-1] in _RENAMED:
            found.parameters.append(f"{name}.weight")
        else:
            found.modules.append(name)
    return found


def find_untrained(model: Any) -> Untrained:
    """What of `model`, which has LoRA, is left out. Tables of words and the head do not count."""
    from peft.tuners.lora.layer import LoraLayer

    layers = [x.get_base_layer() for x in model.modules() if isinstance(x, LoraLayer)]
    adapted = summed(model) | {id(x.weight) for x in layers if isinstance(x, Linear | Conv1D)}
    tables = [x for x in model.modules() if isinstance(x, Embedding)]
    head = model.get_base_model().get_output_embeddings()
    ignored = {id(x.weight) for x in (*tables, *([] if head is None else [head]))}
    frozen = {
        name: x
        for name, x in model.named_parameters()
        if x.ndim > 1 and not (x.requires_grad or id(x) in ignored or name.endswith("bias"))
    }
    left_out = {name: x.numel() for name, x in frozen.items() if id(x) not in adapted}
    kinds = {_kind(name): None for name in sorted(left_out, key=left_out.__getitem__, reverse=True)}
    whole = sum(x.numel() for x in frozen.values())
    return Untrained(sum(left_out.values()) / max(1, whole), [*kinds])


def summed(model: Any) -> set[int]:
    """The ids of the parameters to which each pass adds LoRA's, where a layer is not asked."""
    from peft.tuners.lora.layer import ParamWrapper

    return {id(x.get_param()) for x in model.modules() if isinstance(x, ParamWrapper)}


def _multiplies(module: Any) -> bool:
    """Whether a layer gives its inputs times a matrix, and nothing beside it as some routers do."""
    if not isinstance(module, Linear | Conv1D):
        return False
    if type(module).forward in (Linear.forward, Conv1D.forward):
        return True
    with torch.no_grad():
        return isinstance(module(module.weight.new_zeros(1, module.in_features)), torch.Tensor)


def _counts_of_experts(model: Any) -> set[int]:
    """How many experts the model's configuration says that there are, by whatever name."""
    said = model.config.get_text_config().to_dict().items()
    return {x for name, x in said if "expert" in name and isinstance(x, int) and x > 1}


def _of_experts(called: str, module: Any, experts: set[int]) -> dict[str, torch.nn.Parameter]:
    """A module's own parameters with a part for each expert: a router's weight, or `_STACKED`.

    A module that is `called` experts may have some that the configuration does not count.
    """
    if isinstance(module, Embedding | _ConvNd):
        return {}
    own = module.named_parameters(recurse=False)
    is_theirs = "expert" in called
    many = {name: x for name, x in own if x.ndim > 1 and (is_theirs or x.shape[0] in experts)}
    return {name: x for name, x in many.items() if name == "weight" or x.ndim == _STACKED}


def _read_by_mixers(model: Any) -> list[str]:
    """The matrices that a state-space mixer reads itself, past any adapter."""
    mixers = [name for name, x in model.named_modules() if hasattr(x, "D") and hasattr(x, "A_log")]
    return [f"{name}.{matrix}" for name in mixers for matrix in ("out_proj", "dt_proj")]


def _kind(name: str) -> str:
    """What a matrix is called in whichever layer: `mlp.experts.down_proj`."""
    parts = [x for x in name.split(".") if not x.isdigit() and x != "base_layer"]
    return ".".join(parts[-4:] if parts[-1] == "weight" else parts[-3:]).removesuffix(".weight")
