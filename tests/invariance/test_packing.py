"""Packed rows learn what padded rows learn: losses and gradients agree."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest
import torch
import transformers

from sormctl.errors import UsageError
from sormctl.training.config import Packing
from sormctl.training.token_rows import Row
from sormctl.training.worker.language_loss import add_loss
from sormctl.training.worker.losses import (
    Batch,
    LossAndLogits,
    collate,
    language_model_loss,
    reward_model_loss,
)
from sormctl.training.worker.packing import FAMILIES, use_packing
from tests.models import DECODER

SIZES: dict[str, Any] = {
    **DECODER,
    "vocab_size": 60,
    "pad_token_id": 0,
    "max_position_embeddings": 128,
    "initializer_range": 0.3,  # wide, so that a look at a neighbour would show
    "classifier_dropout": 0.0,
}
KINDS = {
    "causal": (transformers.AutoModelForCausalLM, language_model_loss, 60),
    "classifier": (transformers.AutoModelForTokenClassification, reward_model_loss, 2),
}
random = Random(0)


def rows(lengths: list[int], classes: int) -> list[Row]:
    """Random rows with a target at every third token."""
    return [
        Row(
            array("i", [random.randrange(1, 60) for _ in range(length)]),
            array("i", range(0, length, 3)),
            array("i", [random.randrange(classes) for _ in range(0, length, 3)]),
        )
        for length in lengths
    ]


def make(family: str, kind: str) -> Any:
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(family, **SIZES)
    model = KINDS[kind][0].from_config(config)
    return (add_loss(model) if kind == "causal" else model).train()


def learn(
    model: Any, loss: Callable[[Any, Batch], LossAndLogits], batch: Batch
) -> tuple[float, Any]:
    """The loss of a batch and its gradients."""
    model.zero_grad()
    value = loss(model, batch).loss
    torch.autograd.backward(value)
    return value.item(), {name: p.grad.clone() for name, p in model.named_parameters()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("family", FAMILIES)
def test_packed_and_padded_rows_teach_the_same(family: str, kind: str) -> None:
    """Among the rows is one of a single token, and two of one length."""
    _, loss, classes = KINDS[kind]
    batch = rows([17, 1, 30, 9, 9, 24], classes)
    model = make(family, kind)
    padded, expected = learn(model, loss, collate(batch, 0))
    assert use_packing(model, Packing.on, max_length=64, half=False)
    packed, found = learn(model, loss, collate(batch, 0, packed=True))
    assert packed == pytest.approx(padded, rel=1e-5)
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-4)


def test_documents_that_saw_each_other_would_show() -> None:
    """The same rows as one document give another loss, so the test above can fail."""
    batch = rows([17, 12, 30], 2)
    model = make("llama", "classifier")
    padded = reward_model_loss(model, collate(batch, 0)).loss.item()
    joined = collate(batch, 0, packed=True)
    seen = reward_model_loss(model, replace(joined, borders=None)).loss
    assert seen.item() != pytest.approx(padded, rel=1e-2)


def test_checkpointed_gradients_of_packed_rows_are_the_same() -> None:
    batch = collate(rows([17, 12, 30], 2), 0, packed=True)
    model = make("llama", "classifier")
    use_packing(model, Packing.on, max_length=64, half=False)
    _, expected = learn(model, reward_model_loss, batch)
    model.gradient_checkpointing_enable()
    _, found = learn(model, reward_model_loss, batch)
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient)


def test_what_cannot_be_packed_is_not() -> None:
    model = make("llama", "classifier")
    assert not use_packing(model, Packing.off, 64, half=True)
    if not torch.cuda.is_available():
        assert not use_packing(model, Packing.auto, 64, half=True)
    with pytest.raises(UsageError, match="this gpt2 model cannot be packed; use off"):
        use_packing(make("gpt2", "causal"), Packing.on, 64, half=False)
    model.config.sliding_window = 32
    with pytest.raises(UsageError, match="this llama model cannot be packed"):
        use_packing(model, Packing.on, 64, half=False)
