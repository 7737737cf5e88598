"""Loading a transformers model for the engine `hf`, with one clear line when it cannot be done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForTokenClassification,
    DynamicCache,
)
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer
from transformers.utils import logging

from sormctl.engines.encoding import check_embedded, eos_ids, is_reward_model, load_tokenizer
from sormctl.errors import ModelError, UsageError, first_line


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in evaluation mode and what generation or scoring must know about it."""

    name: str
    model: Any
    tokenizer: Any
    is_reward_model: bool
    max_length: int | None  # positions, None if unlimited

    @property
    def device(self) -> torch.device:
        """Where the model's inputs belong."""
        device: torch.device = self.model.device
        return device

    @property
    def eos_ids(self) -> frozenset[int]:
        """Every token that ends a completion."""
        return eos_ids(self.model.generation_config, self.config, self.tokenizer)

    @property
    def config(self) -> Any:
        """The configuration of the (text) model."""
        return self.model.config.get_text_config()

    def check_embedded(self, ids: Sequence[int]) -> None:
        """ModelError for a token that the model cannot read."""
        embeddings = self.model.get_input_embeddings().num_embeddings
        check_embedded(self.tokenizer, ids, embeddings, self.name)


def load(name: str, device: str, dtype: str, max_length: int | None) -> LoadedModel:
    """The causal language model or reward model of a folder; ModelError if there is none.

    `dtype` auto is the checkpoint's own, `device` auto is the GPU if there is one.
    """
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    target = _device(device)
    tokenizer = load_tokenizer(name)
    model, classifies = _load_weights(name, dtype)
    _check(name, model, classifies)
    if target.type == "cpu" and model.dtype == torch.float16 and dtype == "auto":
        model = model.float()  # a CPU has no arithmetic of its own for float16
    limits = [getattr(model.config.get_text_config(), "max_position_embeddings", None), max_length]
    return LoadedModel(
        name=name,
        model=model.to(target).eval(),
        tokenizer=tokenizer,
        is_reward_model=classifies,
        max_length=min((limit for limit in limits if limit is not None), default=None),
    )


def _device(device: str) -> torch.device:
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"device={device}: {first_line(error)}") from error


def _load_weights(name: str, dtype: str) -> tuple[Any, bool]:
    try:
        classifies = is_reward_model(AutoConfig.from_pretrained(name, trust_remote_code=False))
        kind = AutoModelForTokenClassification if classifies else AutoModelForCausalLM
        model, report = kind.from_pretrained(
            name,
            trust_remote_code=False,
            dtype=dtype,
            use_safetensors=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # reported below, in one line
        )
    except Exception as error:  # transformers and safetensors raise whatever their readers meet
        raise ModelError(f"{name}: cannot load the model: {first_line(error)}") from error
    for problem, keys in (("missing", "missing_keys"), ("of the wrong shape", "mismatched_keys")):
        if wrong := sorted(report[keys]):
            raise ModelError(f"{name}: weights are {problem} ({wrong[0]}); is the folder complete?")
    return model, classifies


def _check(name: str, model: Any, classifies: bool) -> None:
    if classifies:
        if model.config.num_labels not in (2, 3):
            raise ModelError(
                f"{name}: a reward model has 2 or 3 labels, this one {model.config.num_labels}"
            )
        return
    known = (DynamicLayer, DynamicSlidingWindowLayer)
    if any(type(layer) not in known for layer in DynamicCache(config=model.config).layers):
        raise ModelError(
            f"{name}: engine hf does not run the layers of {model.config.model_type} models"
        )
