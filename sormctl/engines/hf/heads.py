"""Reward models for the engine `hf`: a backbone, and the head that an adapter names.

A head is computed where the model is read and nowhere else: a language model has a logit for each
of 100,000 tokens at every position.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
)

from sormctl.adapters.adapter import Adapter, Head
from sormctl.engines.hf.classifiers import token_classifier
from sormctl.engines.hf.refusals import cannot_load
from sormctl.engines.hf.weights import pretrained, read_tensors, wrong_shape
from sormctl.engines.reading import check_labels, token_id
from sormctl.errors import ModelError

# ids (B, T), their mask, and the rows and columns (N,) of the places that are read -> logits (N, C)
Reader = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
_WANTED = "its adapter needs"
# settings by which a model changes its logits after the last layer
_SCALED = ("final_logit_softcapping", "logit_scale", "logits_scaling")


class RewardModel(NamedTuple):
    """A model and how it is read."""

    model: Any
    read: Reader


class HeadReading(NamedTuple):
    """How a loaded model is read as a reward model, and what that means."""

    adapter: Adapter
    read: Reader


@dataclass(frozen=True, slots=True)
class _Classifier:
    """A classifier of tokens as transformers has it."""

    model: Any

    def __call__(self, ids: Tensor, mask: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        logits: Tensor = self.model(ids, attention_mask=mask, use_cache=False).logits  # (B, T, C)
        return logits[rows, columns]


@dataclass(frozen=True, slots=True)
class _OnBackbone:
    """A head (N, H) -> (N, C) on the hidden states of a backbone."""

    backbone: Any
    head: Callable[[Tensor], Tensor]

    def __call__(self, ids: Tensor, mask: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        found = self.backbone(ids, attention_mask=mask, use_cache=False)
        return self.head(found.last_hidden_state[rows, columns])


def load_judge(name: str, dtype: str, adapter: Adapter, tokenizer: Any) -> RewardModel:
    """The reward model of a folder, as its adapter reads it; ModelError if there is none."""
    loaded = _LOADERS[adapter.head.kind](name, dtype, adapter.head, tokenizer)
    check_labels(name, adapter, loaded.model.config.num_labels)
    return loaded


def _classes(name: str, dtype: str, head: Head, tokenizer: Any) -> RewardModel:
    try:
        kind = token_classifier(AutoConfig.from_pretrained(name, trust_remote_code=False))
    except Exception as error:  # transformers raises whatever its readers meet
        raise cannot_load(name, error) from error
    model = pretrained(kind, name, dtype)
    for part, module in model.named_children():
        if part != model.base_model_prefix:
            _in_float32(module)
    return RewardModel(model, _Classifier(model))


def _sequence(name: str, dtype: str, head: Head, tokenizer: Any) -> RewardModel:
    model = pretrained(AutoModelForSequenceClassification, name, dtype)
    if not isinstance(getattr(model, "score", None), nn.Module):
        raise ModelError(f"{name}: engine hf reads no rewards of {model.config.model_type} models")
    return RewardModel(model, _OnBackbone(model.base_model, _in_float32(model.score)))


def _tokens(name: str, dtype: str, head: Head, tokenizer: Any) -> RewardModel:
    good = token_id(tokenizer, head.good, name)
    picked = [token_id(tokenizer, head.bad, name), good] if head.among == "both" else []
    model = pretrained(AutoModelForCausalLM, name, dtype)
    if any(getattr(model.config.get_text_config(), setting, None) for setting in _SCALED):
        raise ModelError(f"{name}: engine hf reads no logits of {model.config.model_type} models")
    logits_of = model.get_output_embeddings()

    def both(hidden: Tensor) -> Tensor:
        return _logits_of_some(logits_of, hidden, picked)

    def among_all(hidden: Tensor) -> Tensor:
        logits = logits_of(hidden).float()  # (N, V)
        logits[:, good] = -torch.inf
        others = logits.logsumexp(-1, keepdim=True)  # softmax: P(good) among all V
        return torch.cat((others, _logits_of_some(logits_of, hidden, [good])), -1)

    read = both if head.among == "both" else among_all
    return RewardModel(model, _OnBackbone(model.base_model, read))


def _layers(name: str, dtype: str, head: Head, tokenizer: Any) -> RewardModel:
    backbone = pretrained(AutoModel, name, dtype)
    width, linear = backbone.config.get_text_config().hidden_size, []
    for layer in head.layers:
        linear.append(_linear(name, layer, width))
        width = linear[-1].out_features
    needed = (2, 3) if head.activation == "softmax" else (1,)
    if width not in needed:
        raise ModelError(
            f"{name}: {head.layers[-1]} has {width} outputs; {head.activation}, the activation of "
            f"its adapter, takes {needed[0]}"
        )
    modules = [module for layer in linear for module in (layer, nn.ReLU())][:-1]
    backbone.reward_head = nn.Sequential(*modules)  # so that it goes where the backbone goes
    return RewardModel(backbone, _OnBackbone(backbone, _in_float32(backbone.reward_head)))


def _in_float32(head: nn.Module) -> nn.Module:
    """The head, computed in float32 whatever the backbone is: bfloat16 makes many scores equal."""
    head.register_forward_pre_hook(lambda _, inputs: tuple(part.float() for part in inputs))
    return head.float()


def _logits_of_some(head: Any, hidden: Tensor, tokens: list[int]) -> Tensor:
    """The logits (N, tokens) of some tokens of a language model, in float32; see `_in_float32`."""
    bias = None if head.bias is None else head.bias[tokens].float()
    return nn.functional.linear(hidden.float(), head.weight[tokens].float(), bias)


def _linear(name: str, layer: str, width: int) -> nn.Linear:
    """A layer of the checkpoint on vectors of a width; ModelError for one of another shape."""
    tensors = read_tensors(name, (f"{layer}.weight", f"{layer}.bias"))
    weight, bias = tensors.get(f"{layer}.weight"), tensors.get(f"{layer}.bias")
    if weight is None:
        raise ModelError(f"{name}: has no weight {layer}.weight, the head that its adapter names")
    if weight.ndim != 2 or weight.shape[1] != width:
        raise wrong_shape(name, f"{layer}.weight", weight.shape, ("n", width), _WANTED)
    if bias is not None and bias.shape != weight.shape[:1]:
        raise wrong_shape(name, f"{layer}.bias", bias.shape, weight.shape[:1], _WANTED)
    made = nn.Linear(width, len(weight), bias is not None)
    made.load_state_dict({"weight": weight} | ({} if bias is None else {"bias": bias}))
    return made


_LOADERS: dict[str, Callable[[str, str, Head, Any], RewardModel]] = {
    "classes": _classes,
    "sequence": _sequence,
    "tokens": _tokens,
    "layers": _layers,
}
