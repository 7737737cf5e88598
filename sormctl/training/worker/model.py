"""Model folders that training starts from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from sormctl.engines.context import context_length
from sormctl.engines.hf.load import check_layers
from sormctl.engines.hf.weights import pretrained, with_head
from sormctl.errors import ModelError
from sormctl.models import public_name, read_model_config, settings_folder
from sormctl.training.config import CLASS_NAMES, REWARD_MODEL, TrainConfig
from sormctl.training.worker.failures import refusing
from sormctl.training.worker.language_loss import add_loss
from sormctl.training.worker.lora import HEADS


def model_limits(config: TrainConfig) -> tuple[int, torch.dtype]:
    """The longest row to train on, and the type of the weights in the model's folder."""
    from transformers import AutoConfig

    with refusing(f"{config.model}: cannot load the model"):
        found = AutoConfig.from_pretrained(config.model, trust_remote_code=False)
    most = context_length(found) or config.max_length
    return min(config.max_length, most), found.dtype or torch.float32


def load_language_model(folder: str, dtype: torch.dtype = torch.float32) -> Any:
    """The language model in `folder`, which computes its loss by itself."""
    from transformers import AutoModelForCausalLM

    return add_loss(pretrained(AutoModelForCausalLM, folder, dtype))


def load_reward_model(folder: str, dtype: torch.dtype = torch.float32, classes: int = 2) -> Any:
    """The model in `folder` with a head that judges tokens, new unless the model has one.

    A new head is all zeros: it says one half of everything. Of random weights it says what is far
    from that, the more so the larger the model's activations, and a part of the training goes
    into unlearning it.
    """
    from transformers import AutoConfig

    from sormctl.engines.hf.classifiers import token_classifier

    names = CLASS_NAMES[classes]
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    config.id2label = dict(enumerate(names))
    config.label2id = {name: label for label, name in enumerate(names)}
    model, new = with_head(token_classifier(config), folder, dtype, HEADS, config=config)
    for name in new:
        torch.nn.init.zeros_(model.get_parameter(name))
    return model


def load_model(
    folder: str, load: Callable[[str, torch.dtype], Any], dtype: torch.dtype, tokenizer: Any
) -> Any:
    """What `load` makes of `folder` in `dtype`, fit for `tokenizer`, which gets a pad token.

    Nothing in it drops out: what is learned must not depend on the parts that a batch goes in.
    Without one that the model can read, the end of sequence serves: padding is on the right and
    never looked at. A tokenizer may know more tokens than the model; see `check_embedded`.
    ModelError if the model cannot be loaded or does not fit.
    """
    from transformers.utils import logging

    logging.set_verbosity_error()  # it would warn that the head is new: that is the point
    logging.disable_progress_bar()
    if tokenizer.eos_token_id is None:
        raise ModelError(f"{folder}: the tokenizer has no end-of-sequence token to learn")
    with refusing(f"{folder}: cannot load the model"):
        model = load(folder, dtype)
    _drop_nothing(model)
    pad, embeddings = tokenizer.pad_token_id, model.get_input_embeddings().num_embeddings
    if pad is None or pad >= embeddings:
        tokenizer.pad_token = tokenizer.eos_token
    model.config.pad_token_id = tokenizer.pad_token_id
    with refusing(f"{folder}: cannot be run"):
        causal = _is_causal(model)
    if not causal:
        kind = model.config.model_type
        raise ModelError(
            f"{folder}: this {kind} model looks ahead; a step is judged before the next"
        )
    return model


def what_to_know(config: TrainConfig, model: Any) -> list[str]:
    """What becomes of the model that the user may not expect: parts left out, an engine lost."""
    notes, kind = [], model.config.model_type
    whole = read_model_config(settings_folder(config.model)).get("model_type")
    if whole != kind:
        notes.append(
            f"of this {whole} model the language model ({kind}) alone is trained and saved; "
            "what sees or hears is left out"
        )
    if config.kind != REWARD_MODEL:
        try:
            with refusing("engine hf"):
                check_layers(public_name(config.model), model)
        except ModelError as error:
            notes.append(str(error))
    return notes


def _drop_nothing(model: Any) -> None:
    """No dropout, whether its modules have it or look it up in their configuration.

    Noise is another matter, since what scales it may count in use, too; see `probe`.
    """
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        for holder in (module, getattr(module, "config", None)):
            for name, value in [*getattr(holder, "__dict__", {}).items()]:
                if "drop" in name and isinstance(value, float):
                    setattr(holder, name, 0.0)


@torch.no_grad()
def _is_causal(model: Any) -> bool:
    """Whether what the model makes of a token does not depend on those behind it.

    That is its last hidden state; its logits where it has no base model apart from its head.
    """
    one, other = (
        model.base_model(torch.tensor([ids], device=model.device), use_cache=False)[0][0, 0].float()
        for ids in ([1, 2, 3], [1, 4, 5])
    )
    apart = (one - other).abs().max() > 1e-4 * one.abs().max()  # beyond rounding
    return not bool(apart)  # so is one whose weights are no numbers
