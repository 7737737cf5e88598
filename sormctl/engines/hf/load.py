"""Loading a transformers model for the engine `hf`, with one clear line when it cannot be done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer
from transformers.utils import logging

from sormctl.adapters.adapter import OWN, Adapter
from sormctl.engines.encoding import check_embedded, eos_ids, is_reward_model, load_tokenizer
from sormctl.engines.hf.heads import HeadReading, load_judge
from sormctl.engines.hf.weights import pretrained
from sormctl.errors import ModelError, UsageError, first_line


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in evaluation mode and what generation or scoring must know about it."""

    name: str
    model: Any
    tokenizer: Any
    max_length: int | None  # positions, None if unlimited
    reading: HeadReading | None = None  # of a reward model

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


def load(
    name: str, device: str, dtype: str, max_length: int | None, adapter: Adapter | None = None
) -> LoadedModel:
    """The causal language model or reward model of a folder; ModelError if there is none.

    `dtype` auto is the checkpoint's own, `device` auto is the GPU if there is one. Without an
    `adapter` a classifier of tokens is one that sormctl trained.
    """
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    target = _device(device)
    tokenizer = load_tokenizer(name)
    adapter = adapter or _own(name)
    reading = None
    if adapter is None:
        model = pretrained(AutoModelForCausalLM, name, dtype)
        check_layers(name, model)
    else:
        model, read = load_judge(name, dtype, adapter, tokenizer)
        reading = HeadReading(adapter, read)
    if target.type == "cpu" and model.dtype == torch.float16 and dtype == "auto":
        model = model.float()  # a CPU has no arithmetic of its own for float16
    limits = [getattr(model.config.get_text_config(), "max_position_embeddings", None), max_length]
    return LoadedModel(
        name=name,
        model=model.to(target).eval(),
        tokenizer=tokenizer,
        max_length=min((limit for limit in limits if limit is not None), default=None),
        reading=reading,
    )


def _device(device: str) -> torch.device:
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"device={device}: {first_line(error)}") from error


def _own(name: str) -> Adapter | None:
    try:
        config = AutoConfig.from_pretrained(name, trust_remote_code=False)
    except Exception as error:  # transformers raises whatever its readers meet
        raise ModelError(f"{name}: cannot load the model: {first_line(error)}") from error
    return OWN if is_reward_model(config) else None


def check_layers(name: str, model: Any) -> None:
    """ModelError for a language model whose layers keep more than keys and values."""
    known = (DynamicLayer, DynamicSlidingWindowLayer)
    if any(type(layer) not in known for layer in DynamicCache(config=model.config).layers):
        raise ModelError(
            f"{name}: engine hf does not run the layers of {model.config.model_type} models"
        )
