"""Scores are those of one plain forward pass, whatever the batch."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sormctl.engines.hf.engine import create
from sormctl.engines.running import Running
from sormctl.errors import EngineError, ModelError
from sormctl.prompts import Prompt
from tests.engines.problems import plain_scores
from tests.invariance.families import save_reward_model

JOBS = [
    (Prompt(text=f"Q {i}: " + "? " * (i % 4)), [f"{j} + {i} = {i + j}" for j in range(i % 5)])
    for i in range(12)
]


async def scores(model: str, *arguments: str) -> list[list[float]]:
    async with create(model, Running(engine_arg=arguments)) as engine:
        return await asyncio.gather(*(engine.score(*job) for job in JOBS))


@pytest.mark.parametrize("batch_size", ["1", "8", "64"])
async def test_scores_are_those_of_a_plain_forward_pass(reward_model: str, batch_size: str) -> None:
    found = await scores(reward_model, f"batch_size={batch_size}")
    for got, expected, (_, steps) in zip(
        found, plain_scores(reward_model, JOBS), JOBS, strict=True
    ):
        assert got == pytest.approx(expected, abs=1e-5)
        assert len(got) == len(steps)
    assert len({round(score, 4) for group in found for score in group}) > 10


async def test_on_a_cpu_the_bytes_do_not_depend_on_what_else_is_scored(reward_model: str) -> None:
    found = await scores(reward_model, "device=cpu")
    async with create(reward_model, Running(engine_arg=["device=cpu"])) as engine:
        assert [await engine.score(*job) for job in JOBS] == found


async def test_of_three_labels_all_but_the_first_are_good(tmp_path: Path) -> None:
    model = str(save_reward_model(tmp_path, labels=3))
    for got, expected in zip(await scores(model), plain_scores(model, JOBS), strict=True):
        assert got == pytest.approx(expected, abs=1e-5)


async def test_a_later_step_does_not_change_an_earlier_score(reward_model: str) -> None:
    prompt, steps = JOBS[4]
    async with create(reward_model, Running()) as engine:
        whole = await engine.score(prompt, steps)
        for end in range(1, len(steps)):
            part = await engine.score(prompt, steps[:end])
            assert part == pytest.approx(whole[:end], abs=1e-5)


async def test_a_solution_that_is_too_long_fails_alone(reward_model: str) -> None:
    async with create(reward_model, Running()) as engine:
        good, bad = await asyncio.gather(
            engine.score(*JOBS[3]),
            engine.score(Prompt(text="x" * 120), ["1 + 1 = 2"]),
            return_exceptions=True,
        )
    assert isinstance(good, list)
    assert isinstance(bad, EngineError)
    assert "128" in str(bad)


@pytest.mark.parametrize("labels", [1, 4])
async def test_other_numbers_of_labels_are_refused(tmp_path: Path, labels: int) -> None:
    model = str(save_reward_model(tmp_path, labels))
    with pytest.raises(ModelError, match="2 or 3 labels"):
        async with create(model, Running()):
            pass
