"""What every engine does when it scores: the numbers of one plain forward pass."""

from __future__ import annotations

import asyncio

import pytest

from sormctl.engines.base import Engine, Sampling
from sormctl.errors import ModelError, TooLongError
from sormctl.tasks.prompts import Prompt
from tests.engines.problems import PROMPTS, plain_scores

pytestmark = pytest.mark.asyncio(loop_scope="session")

JOBS = [
    (prompt, [f"{j} + {i} = {i + j}" for j in range(i % 5)]) for i, prompt in enumerate(PROMPTS)
]


async def test_scores_are_those_of_transformers(judge: Engine, reward_model: str) -> None:
    found = await asyncio.gather(*(judge.score(*job) for job in JOBS))
    for got, expected in zip(found, plain_scores(reward_model, JOBS), strict=True):
        assert got == pytest.approx(expected, abs=1e-4)
    assert len({round(score, 3) for group in found for score in group}) > 10


async def test_a_reward_model_does_not_generate(judge: Engine) -> None:
    with pytest.raises(ModelError, match="it scores, it does not generate"):
        await judge.sample(PROMPTS[0], Sampling())


async def test_a_solution_that_is_too_long_fails_alone(judge: Engine) -> None:
    good, bad = await asyncio.gather(
        judge.score(*JOBS[3]),
        judge.score(Prompt(text="1" * 600), ["1 + 1 = 2"]),
        return_exceptions=True,
    )
    assert isinstance(good, list)
    assert isinstance(bad, TooLongError)
