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
from sormctl.engines.context import longest_alike, longest_position, shortest
from sormctl.engines.encoding import check_embedded, eos_ids, is_reward_model, load_tokenizer
from sormctl.engines.hf.cache import cache_name
from sormctl.engines.hf.heads import HeadReading, load_judge
from sormctl.engines.hf.refusals import cannot_load
from sormctl.engines.hf.weights import pretrained
from sormctl.errors import ModelError, UsageError, first_line, tell_user

# where a configuration names the kind of each layer, and the kinds that `masks.py` knows
_LAYERS = ("layer_types", "attention_layers")
_KINDS = {"full_attention", "sliding_attention", "global"}
_CACHED = {DynamicLayer, DynamicSlidingWindowLayer}


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
    return LoadedModel(
        name=name,
        model=model.to(target).eval(),
        tokenizer=tokenizer,
        max_length=_max_length(name, model.config, max_length),
        reading=reading,
    )


def _device(device: str) -> torch.device:
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"device={device}: {first_line(error)}") from error


def _max_length(name: str, config: Any, asked: int | None) -> int | None:
    """The most positions, no more than `asked`; says so where the model could read more."""
    longest = shortest(longest_position(config), asked)
    alike = longest_alike(config)
    if alike is not None and (longest is None or alike < longest):
        more = "" if longest is None else f", not {longest:,}"
        tell_user(
            f"{name}: engine hf reads {alike:,} tokens{more}: beyond these transformers computes a "
            "text by the longest beside it; --engine vllm reads more"
        )
    return shortest(longest, alike)


def _own(name: str) -> Adapter | None:
    try:
        config = AutoConfig.from_pretrained(name, trust_remote_code=False)
    except Exception as error:  # transformers raises whatever its readers meet
        raise cannot_load(name, error) from error
    return OWN if is_reward_model(config) else None


def not_computed(name: str, model: Any) -> ModelError:
    """What to raise for a model that the engine would compute otherwise than transformers."""
    return ModelError(
        f"{name}: engine hf does not compute {model.config.model_type} models as transformers "
        "does; use --engine vllm"
    )


def check_layers(name: str, model: Any) -> None:
    """ModelError for layers that the engine does not run, as far as they are named.

    What a short text shows is tried later, by `probe`; it is shorter than a window or a chunk.
    """
    config = model.config.get_text_config()
    kinds = {kind for names in _LAYERS for kind in getattr(config, names, None) or ()}
    keeps_more = model._is_stateful and not kinds  # where kinds are named, these say it
    cached = {type(layer) for layer in DynamicCache(config=model.config).layers}
    if keeps_more or kinds - _KINDS or cached - _CACHED or cache_name(model) is None:
        raise ModelError(
            f"{name}: engine hf does not run the layers of {model.config.model_type} models; "
            "use --engine vllm"
        )
