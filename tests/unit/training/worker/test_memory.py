"""How many tokens go through a model at once, where the run does not say."""

from __future__ import annotations

import weakref
from array import array
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from sormctl.training.token_rows import Row
from sormctl.training.worker import memory
from sormctl.training.worker.losses import contrastive_loss, language_model_loss
from sormctl.training.worker.memory import MOST_TOKENS, tokens_that_fit
from sormctl.training.worker.model import load_language_model, load_reward_model
from tests.models import make_model

LONG = Row(array("i", range(2, 22)), array("i", range(10, 19)), array("i", range(13, 22)))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_model(tmp_path_factory.mktemp("models") / "tiny"))


def fitting(model: Any, rows: list[Row], loss: Any = language_model_loss) -> int:
    return tokens_that_fit(model, loss, rows, Accelerator(cpu=True), 0, False)


def test_memory_in_plenty_takes_the_most(tiny: str) -> None:
    assert fitting(load_language_model(tiny), [LONG]) == MOST_TOKENS


def test_half_the_room_takes_half_the_tokens(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wider model takes fewer; a row's length counts, and weights that are kept once do not."""
    model = load_language_model(tiny)
    found = []
    for room in (2e6, 1e6):
        monkeypatch.setattr(memory, "_room", lambda *_, room=room: room)
        found.append(fitting(model, [LONG]))
    assert 10 < found[1] < MOST_TOKENS
    assert found[0] == pytest.approx(2 * found[1], abs=1)
    monkeypatch.setattr(memory, "_room", lambda *_: 1.0)
    assert fitting(model, [LONG]) == 1


def test_looking_changes_nothing(tiny: str) -> None:
    model = load_language_model(tiny).train()
    before = torch.get_rng_state()
    fitting(model, [LONG])
    assert torch.equal(torch.get_rng_state(), before)
    assert all(x.grad is None for x in model.parameters())


def test_nothing_of_the_pass_stays(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all that is kept of a pass for the way back only the weights outlive the look at it."""
    kept = []

    def hooks(pack: Callable[[Tensor], Tensor], unpack: Callable[[Tensor], Tensor]) -> Any:
        def pack_seen(tensor: Tensor) -> Tensor:
            packed = pack(tensor)
            if not isinstance(packed, torch.nn.Parameter):
                kept.append(weakref.ref(packed))
            return packed

        return saved_tensors_hooks(pack_seen, unpack)

    monkeypatch.setattr(memory, "saved_tensors_hooks", hooks)
    fitting(load_language_model(tiny).train(), [LONG])
    assert kept
    assert not any(packed() is not None for packed in kept)


def test_a_pair_is_looked_at_with_its_rival(tiny: str) -> None:
    judged = replace(LONG, positions=array("i", [19]), targets=array("i", [1]))
    pair = replace(judged, rival=replace(judged, targets=array("i", [0])))
    assert fitting(load_reward_model(tiny), [pair], contrastive_loss) == MOST_TOKENS


def test_what_learning_will_take_is_not_there_for_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """1,000 weights that learn take 12,000 bytes; a pass gets half of the 8,000 that are left."""
    monkeypatch.setattr(memory, "available_memory", lambda: 20_000)
    model = torch.nn.Linear(1000, 1, bias=False)
    assert memory._room(model, Accelerator(cpu=True)) == 4000
    model.requires_grad_(False)
    assert memory._room(model, Accelerator(cpu=True)) == 10_000
