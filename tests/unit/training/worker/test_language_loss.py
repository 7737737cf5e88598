"""The loss of a language model, in chunks and whole, against logits of every position."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor
from torch.nn.functional import cross_entropy

from sormctl.engines import memory
from sormctl.training.token_rows import Row
from sormctl.training.worker import language_loss
from sormctl.training.worker.language_loss import add_loss
from sormctl.training.worker.losses import Batch, collate, language_model_loss
from tests.models import DECODER

SIZES: dict[str, Any] = {**DECODER, "vocab_size": 60, "pad_token_id": 0}
SCALED: dict[str, dict[str, Any]] = {
    "llama": {},
    "granite": {"logits_scaling": 3.0},
    "gemma2": {"head_dim": 8},
}


def make(family: str, tied: bool = True) -> Any:
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(
        family, **SIZES, **SCALED[family], tie_word_embeddings=tied
    )
    return transformers.AutoModelForCausalLM.from_config(config).eval()


def batch(lengths: tuple[int, ...] = (9, 4, 7)) -> Batch:
    """Rows whose prompt is three tokens, of uneven length."""
    random = Random(0)
    rows = []
    for length in lengths:
        ids = [random.randrange(1, 60) for _ in range(length)]
        rows.append(Row(array("i", ids), array("i", range(2, length - 1)), array("i", ids[3:])))
    return collate(rows, pad=0)


def learned(model: Any, loss: Callable[[], Tensor]) -> tuple[float, dict[str, Tensor]]:
    model.zero_grad()
    value = loss()
    torch.autograd.backward(value / 7)
    return value.item(), {n: p.grad.clone() for n, p in model.named_parameters()}


@pytest.fixture(params=[1, 130, 10**6], ids=["row by row", "two rows a chunk", "whole"])
def at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language_loss, "LOGITS_AT_ONCE", request.param)
    monkeypatch.setattr(memory, "CACHED_NUMBERS", request.param // 2)  # a chunk in parts


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("family", SCALED)
@pytest.mark.parametrize("half", [False, True], ids=["float32", "bfloat16"])
def test_it_is_the_loss_of_all_logits(family: str, tied: bool, half: bool) -> None:
    """So are its gradients; Granite divides the logits and Gemma 2 caps them, behind the head."""
    model, given = make(family, tied), batch()

    def of_all_logits() -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            logits = model(**given.inputs).logits  # (B, T, V)
        judged = logits[given.sequences, given.positions].float()  # (N, V)
        return cross_entropy(judged, given.targets, reduction="sum")

    def its_own() -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            return language_model_loss(model, given).loss

    expected, gradients = learned(model, of_all_logits)
    add_loss(model)
    found, mine = learned(model, its_own)
    assert found == pytest.approx(expected, rel=1e-5)
    rtol, atol = (2e-2, 2e-3) if half else (1e-4, 1e-6)
    for name, gradient in gradients.items():
        torch.testing.assert_close(mine[name], gradient, rtol=rtol, atol=atol)


@pytest.mark.usefixtures("at_once")
def test_an_evaluation_is_the_same_loss() -> None:
    model, given = add_loss(make("llama")), batch()
    learning = language_model_loss(model, given).loss
    with torch.no_grad():
        assert language_model_loss(model, given).loss.item() == pytest.approx(learning.item())


def test_no_more_logits_than_allowed_exist_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 12 targets two at a time; whole, the three columns beyond the shortest row are padding."""
    monkeypatch.setattr(language_loss, "LOGITS_AT_ONCE", 2 * SIZES["vocab_size"])
    seen = []
    taken = Tensor.log_softmax

    def noted(logits: Tensor, dim: int) -> Tensor:
        seen.append(tuple(logits.shape))
        return taken(logits, dim)

    monkeypatch.setattr(Tensor, "log_softmax", noted)
    torch.autograd.backward(language_model_loss(add_loss(make("llama")), batch()).loss)
    assert set(seen[:-1]) == {(2, 60)}
    assert sum(rows for rows, _ in seen) == 6 + 1 + 4


def test_logits_of_columns_without_a_target_are_not_made() -> None:
    """Rows of 9, 4 and 7 tokens, their first two positions in no column."""
    model = make("llama")
    made: list[int] = []
    model.lm_head.register_forward_hook(lambda *args: made.append(args[2].shape[1]))
    given = batch()
    add_loss(model)
    made.clear()
    language_model_loss(model, given)
    assert made == [9 - 1 - 2]
