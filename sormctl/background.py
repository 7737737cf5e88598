"""Blocking calls in threads, for coroutines that go on meanwhile."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from typing import Any, Self, TypeVar

R = TypeVar("R")
THREADS = 4  # that pure functions share; math-verify thinks in a process for each


class Background:
    """A thread that makes blocking calls, one after the other, for a coroutine that awaits them.

    It is a daemon. An executor's thread is joined at exit, so one that waits for input for ever
    would make Ctrl-C wait too. `at_exit` is its last call. With more `threads` calls go side by
    side.
    """

    def __init__(self, at_exit: Callable[[], None] | None = None, threads: int = 1) -> None:
        self._at_exit = at_exit
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        for _ in range(threads):
            threading.Thread(target=self._work, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._calls.put(self._at_exit)
        self._calls.put(None)

    async def call(self, function: Callable[..., R], *args: object) -> R:
        """`function(*args)`, in the thread."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()

        def call() -> None:
            if future.cancelled():
                return  # nobody waits any more
            try:
                settle = partial(_settle, future, future.set_result, function(*args))
            except BaseException as error:
                settle = partial(_settle, future, future.set_exception, error)
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(settle)

        self._calls.put(call)
        return await future

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
        self._calls.put(None)  # for the next thread


@cache
def _aside() -> Background:
    return Background(threads=THREADS)


async def aside(function: Callable[..., R], *args: object) -> R:
    """`function(*args)`, which is pure and may take its time, in a thread: nothing waits for it."""
    return await _aside().call(function, *args)


def _settle(future: asyncio.Future[Any], settle: Callable[[Any], None], outcome: Any) -> None:
    if not future.done():
        settle(outcome)
