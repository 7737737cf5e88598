"""Blocking calls in threads."""

from __future__ import annotations

import asyncio
import threading

from sormctl.background import Background, aside


def test_a_call_that_nobody_waits_for_any_more_is_not_made() -> None:
    """After Ctrl-C only the one that is under way goes on."""
    made: list[str] = []
    go_on = threading.Event()

    async def begin() -> None:
        with Background() as thread:
            first = asyncio.ensure_future(thread.call(go_on.wait, 5))
            second = asyncio.ensure_future(thread.call(made.append, "second"))
            await asyncio.sleep(0)
            second.cancel()
            await asyncio.sleep(0)
            go_on.set()
            assert await first
            await thread.call(made.append, "third")

    asyncio.run(begin())
    assert made == ["third"]


def test_calls_of_pure_functions_go_side_by_side() -> None:
    met = threading.Barrier(2)

    async def both() -> None:
        await asyncio.gather(*(aside(met.wait, 5) for _ in range(2)))

    asyncio.run(both())
