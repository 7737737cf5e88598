from __future__ import annotations

import math
from array import array
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from sormctl.training.token_rows import Row
from sormctl.training.worker.losses import (
    collate,
    contrastive_loss,
    reward_model_loss,
    target_loss,
)


def row(ids: list[int], positions: list[int], targets: list[int]) -> Row:
    return Row(array("i", ids), array("i", positions), array("i", targets))


ROWS = [row([5, 6, 7], [1, 2], [1, 0]), row([8, 9], [0], [1])]


def table(batch_ids: torch.Tensor, classes: int = 2) -> torch.Tensor:
    """Logits that differ at every position: (B, T, classes)."""
    rows, width = batch_ids.shape
    return torch.arange(rows * width * classes, dtype=torch.float32).view(rows, width, classes) % 5


def test_rows_are_padded_on_the_right() -> None:
    batch = collate(ROWS, pad=3)
    assert batch.ids.tolist() == [[5, 6, 7], [8, 9, 3]]
    assert batch.sequences.tolist() == [0, 0, 1]
    assert batch.positions.tolist() == [1, 2, 0]
    assert batch.targets.tolist() == [1, 0, 1]


def test_target_loss_by_hand() -> None:
    """Logits (0, 0) give ln 2; logits (0, ln 3) give class 1 probability 3/4, so ln 4/3."""
    batch = collate([row([1, 2], [0, 1], [0, 1])], pad=0)
    logits = torch.tensor([[0.0, 0.0], [0.0, math.log(3)]])
    assert target_loss(logits, batch).item() == pytest.approx(math.log(8 / 3))


def test_soft_labels_by_hand() -> None:
    """P(class 1) is 1/2 and 3/4, the targets 1/4 and 1.

    The first adds ln 2 whatever its target, the second ln 4/3.
    """
    soft = Row(array("i", [1, 2]), array("i", [0, 1]), array("f", [0.25, 1.0]))
    logits = torch.tensor([[0.0, 0.0], [0.0, math.log(3)]])
    loss = target_loss(logits, collate([soft], pad=0))
    assert loss.item() == pytest.approx(math.log(8 / 3))


@pytest.mark.parametrize("label", [0, 1])
def test_a_certain_soft_label_is_the_label(label: int) -> None:
    logits = torch.tensor([[0.3, -1.2]])
    hard, soft = (
        Row(array("i", [1]), array("i", [0]), targets)
        for targets in (array("i", [label]), array("f", [label]))
    )
    assert target_loss(logits, collate([soft], 0)).item() == pytest.approx(
        target_loss(logits, collate([hard], 0)).item()
    )


def pair(good: list[int], bad: list[int]) -> Row:
    return replace(row(good, [len(good) - 1], [1]), rival=row(bad, [len(bad) - 1], [0]))


def test_a_rival_stands_behind_its_row() -> None:
    batch = collate([pair([5, 6, 7], [8, 9]), pair([1], [2, 3])], pad=0)
    assert batch.ids.tolist() == [[5, 6, 7], [8, 9, 0], [1, 0, 0], [2, 3, 0]]
    assert batch.sequences.tolist() == [0, 1, 2, 3]
    assert batch.positions.tolist() == [2, 1, 0, 1]


def test_a_contrastive_loss_by_hand() -> None:
    """Rewards are those of the last tokens: 5 against 4, then 0 against ln 3.

    So the two pairs add ln(1 + 1/e) and ln(1 + 3).
    """
    rewards = {7: 5.0, 9: 4.0, 1: 0.0, 3: math.log(3)}

    def model(input_ids: torch.Tensor, use_cache: bool) -> SimpleNamespace:
        reward = torch.tensor([[rewards.get(x, -9.0) for x in ids] for ids in input_ids.tolist()])
        return SimpleNamespace(logits=torch.stack((reward * 0 + 2, reward + 2), dim=-1))

    batch = collate([pair([5, 6, 7], [8, 9]), pair([1], [2, 3])], pad=0)
    expected = math.log1p(math.exp(-1)) + math.log(4)
    assert contrastive_loss(model, batch).loss.item() == pytest.approx(expected)


def test_a_reward_model_is_read_at_the_targets() -> None:
    """Each of the three logits (a, b) with target t adds ln(1 + e^(other - chosen)).

    Logits count up from 0 modulo 5: row 0 holds (0, 1), (2, 3), (4, 0), row 1 (1, 2), (3, 4) and
    (0, 1). Targets: 1 at (2, 3), 0 at (4, 0), 1 at (1, 2).
    """
    batch = collate(ROWS, pad=0)

    def model(input_ids: torch.Tensor, use_cache: bool) -> SimpleNamespace:
        return SimpleNamespace(logits=table(input_ids))

    expected = sum(math.log1p(math.exp(x)) for x in (-1, -4, -1))
    assert reward_model_loss(model, batch).loss.item() == pytest.approx(expected)
