"""PPO of a refiner: which drafts a step takes, tokens and their advantages."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

PAPER = Path(__file__).parents[3] / "examples" / "paper"


@pytest.fixture(autouse=True)
def scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripts find the modules beside them."""
    monkeypatch.syspath_prepend(str(PAPER))


def test_every_draft_comes_once_before_any_comes_again() -> None:
    from ppo_refiner import batch_numbers

    args = Namespace(drafts_per_step=4, samples=1, seed=1)
    drawn = [number for step in range(5) for number in batch_numbers(args, 10, step)]
    assert sorted(drawn[:10]) == sorted(drawn[10:]) == list(range(10))
    assert drawn[:10] != drawn[10:]
    twice = Namespace(drafts_per_step=2, samples=2, seed=1)
    assert batch_numbers(twice, 10, 0) == [drawn[0], drawn[0], drawn[1], drawn[1]]


def test_what_the_value_function_knew() -> None:
    from ppo_refiner import value_metrics

    found = value_metrics([-0.5, -0.5, 0.5], [-1.0, 0.0, 1.0], [True, True, False])
    assert found == {
        "value_of_right": -0.5,
        "value_of_wrong": 0.5,
        "explained": pytest.approx(1 - 0.25 / (2 / 3)),
    }
    assert value_metrics([0.5], [1.0], [False]) == {"value_of_wrong": 0.5}


def test_advantages_are_of_the_completions_tokens_alone() -> None:
    """Values are those before tokens 1, 2, 3; the second row is padded."""
    pytest.importorskip("torchrl")
    import torch
    from ppo import ROWS, advantages, token_rows

    rows = token_rows([[7, 7], [7]], [[1, 2], [3]])
    assert rows["input_ids"].tolist() == [[7, 7, 1, 2], [7, 3, 0, 0]]
    assert rows["chosen"].tolist() == [[False, True, True], [True, False, False]]
    assert rows["action"].tolist() == [1, 2, 3]
    assert set(ROWS) < set(rows)
    values = torch.tensor([[9.0, 0.25, 0.5], [0.5, 9.0, 9.0]])
    rewards = torch.tensor([0.0, 1.0, -1.0])
    for smoothing, first in ((0.0, 0.25), (1.0, 0.75)):  # 0.5 - 0.25, and 1 - 0.25
        advantage, target = advantages(values, rows["chosen"], rewards, smoothing)
        assert advantage.flatten().tolist() == [first, 0.5, -1.5]
        assert target.flatten().tolist() == [first + 0.25, 1.0, -1.0]
