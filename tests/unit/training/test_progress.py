"""What a user is told while a model is trained."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import to_builtins

from sormctl.training import progress
from sormctl.training.events import Best, Evaluated, Step
from sormctl.training.progress import TrainingProgress


def step(number: int) -> Step:
    where: dict[str, Any] = {"steps": 31, "step": number, "epoch": 0.5}
    return Step(**where, loss=0.25, lr=1e-3, tokens_per_second=1234, useful_tokens=1.0)


def evaluation(**shares: float) -> Evaluated:
    return Evaluated(steps=31, step=10, epoch=0.5, held_out_loss=0.5, **shares)


class Clock:
    """A clock that is set."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_the_time_left_is_that_of_the_steps_so_far(
    clock: Clock, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten steps took 20 seconds, so the other twenty take 40."""
    monkeypatch.setattr("sormctl.streams.progress.EVERY", 0.0)
    with TrainingProgress("train-rm", False, "text") as told:
        told.hear(step(1))
        clock.now = 20.0
        told.hear(step(11))
    assert capsys.readouterr().err.splitlines()[1] == (
        "train-rm: step 11/31, loss 0.2500, lr 1.00e-03, 1,234 tokens/s, 35% done, 0:40 left"
    )


def test_evaluations_are_told_and_remembered(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the best is published, what came after it is not the last word."""
    with TrainingProgress("train-rm", False, "text") as told:
        told.hear(step(1))
        told.hear(evaluation(held_out_step_accuracy=0.75, held_out_auc=0.8125))
        clock.now = 20.0
        told.hear(step(11))
        told.hear(Best(10, 0.5))
    assert capsys.readouterr().err.splitlines() == [
        "train-rm: step 10: held-out loss 0.5000, step accuracy 75.0%, AUC 0.812",
        "train-rm: the model is that of step 10, held-out loss 0.5000",
    ]


def test_programs_are_told_the_same(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with TrainingProgress("train-rm", False, "json") as told:
        told.hear(step(1))
        told.hear(evaluation())
        clock.now = 20.0
        told.hear(step(11))
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert lines[0] == {"command": "train-rm", **to_builtins(evaluation())}
    assert lines[1] == {"command": "train-rm", **to_builtins(step(11)), "seconds_left": 40}
