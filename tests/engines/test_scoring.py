"""What every engine does when it scores: the numbers of one plain forward pass."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from statistics import fmean

import pytest
import torch

from sormctl.engines.base import Engine, Sampling
from sormctl.errors import ModelError, TooLongError
from sormctl.prompts import Prompt
from tests.engines.contract import Contract
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


@pytest.mark.slow
async def test_bfloat16_is_no_further_off_than_in_transformers(
    contract: Contract, reward_model: str
) -> None:
    if not contract.scores:
        pytest.skip(f"engine {contract.name} does not score")
    async with contract.open(reward_model, "dtype=bfloat16") as engine:
        groups = await asyncio.gather(*(engine.score(*job) for job in JOBS))
    found = [score for group in groups for score in group]
    coarse, exact = (
        [score for group in plain_scores(reward_model, JOBS, dtype) for score in group]
        for dtype in (torch.bfloat16, torch.float32)
    )
    assert found != pytest.approx(exact, abs=1e-5)  # it is bfloat16
    assert apart(found, coarse) < 1e-2
    assert apart(found, exact) < 2 * apart(coarse, exact)


def apart(scores: Sequence[float], others: Sequence[float]) -> float:
    """The mean difference."""
    return fmean(abs(a - b) for a, b in zip(scores, others, strict=True))


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
