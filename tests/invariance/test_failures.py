"""A model that fails in the middle fails what was asked of it then, and nothing later."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from sormctl.engines.base import Sampling
from sormctl.engines.hf.batch import SampleBatch, SampleRequest
from sormctl.engines.hf.load import load
from sormctl.engines.hf.worker import RequestBatch, Worker
from sormctl.errors import EngineError
from tests.invariance.test_sampling import PROMPTS, WARM, run, with_seeds


async def test_a_failing_pass_fails_all_that_wait_with_one_line_each(llama: str) -> None:
    params = with_seeds(WARM, 1, 2, 3)
    loaded = load(llama, "cpu", "auto", None)
    passes = 0

    def fail_later(*_: Any) -> None:
        nonlocal passes
        passes += 1
        if passes == 5:
            raise RuntimeError("out of memory\nand three pages more")

    hook = loaded.model.register_forward_pre_hook(fail_later)
    worker = Worker()
    await worker.start(lambda: SampleBatch(loaded, 4, 10_000))
    asked = [worker.run(SampleRequest(prompt, params)) for prompt in PROMPTS]
    failures = await asyncio.gather(*asked, return_exceptions=True)
    hook.remove()
    again = [await worker.run(SampleRequest(prompt, params)) for prompt in PROMPTS[:3]]
    await worker.stop()
    assert [str(error) for error in failures] == ["engine hf failed: out of memory"] * len(PROMPTS)
    assert all(isinstance(error, EngineError) for error in failures)
    assert again == await run(llama, [(prompt, params) for prompt in PROMPTS[:3]])


async def test_a_worker_whose_thread_ends_lets_nobody_wait() -> None:
    class Broken:
        busy = True

        def add(self, request: Any) -> None: ...

        def drop(self, request: Any) -> None:
            raise KeyError("no such slot")

        def step(self) -> list[Any]:
            raise RuntimeError("out of memory")

    worker = Worker()
    await worker.start(Broken)
    first, *rest = [SampleRequest(prompt, Sampling()) for prompt in PROMPTS[:4]]
    asked = asyncio.gather(*map(worker.run, rest), return_exceptions=True)
    failures = await asyncio.wait_for(asked, 60)
    late = asyncio.gather(worker.run(first), return_exceptions=True)
    later = await asyncio.wait_for(late, 60)
    await worker.stop()
    for failure in [*failures, *later]:
        assert isinstance(failure, EngineError)
        assert "no such slot" in str(failure)


async def test_a_worker_that_was_not_started_says_so() -> None:
    with pytest.raises(EngineError, match="context manager"):
        await Worker().run(SampleRequest(PROMPTS[0], Sampling()))


async def test_a_cancelled_start_leaves_no_thread() -> None:
    """One that is inside torch when Python ends would abort it."""
    worker, loading, may_end = Worker(), threading.Event(), threading.Event()

    def load() -> RequestBatch:
        loading.set()
        may_end.wait()
        raise AssertionError("nobody waits for this")

    start = asyncio.create_task(worker.start(load))
    await asyncio.to_thread(loading.wait)
    start.cancel()
    await asyncio.sleep(0.05)
    assert not start.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await start
