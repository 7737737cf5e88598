"""What every engine does when it dies: what was asked of it fails, and nothing waits for ever."""

from __future__ import annotations

import asyncio

import pytest

from sormctl.engines.base import Sampling
from sormctl.errors import EngineError
from tests.engines.contract import Contract
from tests.engines.problems import PROMPTS

pytestmark = pytest.mark.asyncio(loop_scope="session")

MANY = Sampling(seeds=tuple(range(64)), temperature=1.0, max_tokens=60)
SECONDS = 300  # a limit on hanging, not a measure


async def test_a_dead_engine_fails_what_waits_and_what_comes(contract: Contract) -> None:
    with contract.doom() as kill:
        async with contract.open("embedded:student") as engine:
            (alive,) = await engine.sample(PROMPTS[0], Sampling(temperature=0.0))
            pending = [asyncio.create_task(engine.sample(prompt, MANY)) for prompt in PROMPTS]
            await asyncio.sleep(0.1)
            with kill():
                done = await asyncio.wait_for(
                    asyncio.gather(*pending, return_exceptions=True), SECONDS
                )
                late = await asyncio.wait_for(
                    asyncio.gather(engine.sample(PROMPTS[0], MANY), return_exceptions=True), SECONDS
                )
    failures = [outcome for outcome in done if not isinstance(outcome, list)]
    assert alive.text
    assert failures
    for failure in [*failures, *late]:
        assert isinstance(failure, EngineError)
        assert str(failure).strip()
        assert "\n" not in str(failure)
