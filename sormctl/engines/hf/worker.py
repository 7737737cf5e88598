"""One thread that owns a model; coroutines hand it requests and wait for the results."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from sormctl.errors import DeadEngineError, EngineError, SormctlError, first_line

Reply = TypeVar("Reply")
_Future = asyncio.Future[Any]  # of the answer to a request, of whatever kind


class Request(Generic[Reply]):
    """What a coroutine asks a model for; it gets a `Reply`."""

    __slots__ = ()


class RequestBatch(Protocol):
    """Requests in progress on one model; `add` raises SormctlError for a request that is bad.

    Which kind of requests a model takes is known once it is loaded.
    """

    @property
    def busy(self) -> bool: ...

    def add(self, request: Any) -> None: ...

    def drop(self, request: Any) -> None: ...

    def step(self) -> Sequence[tuple[Request[Any], object]]: ...


class Worker:
    """Runs a batch in a thread of its own, for the event loop that started it."""

    def __init__(self) -> None:
        self._inbox: queue.SimpleQueue[tuple[Request[Any], _Future] | None] = queue.SimpleQueue()
        self._waiting: dict[Request[Any], _Future] = {}
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: Exception | None = None  # why the thread takes no more requests

    async def start(self, load: Callable[[], RequestBatch]) -> None:
        """Start the thread with what `load` returns there; raises what it raises."""
        self._loop = asyncio.get_running_loop()
        loaded: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._main, args=(load, loaded), daemon=True)
        self._thread.start()
        try:
            await loaded
        except asyncio.CancelledError:  # Python may not end while torch runs in a thread: it aborts
            await self.stop()
            raise

    async def stop(self) -> None:
        """Fail what is still waiting and end the thread."""
        if self._thread is not None:
            self._inbox.put(None)
            await asyncio.to_thread(self._thread.join)
            self._thread = None

    async def run(self, request: Request[Reply]) -> Reply:
        """The answer to one request. A caller that is cancelled takes its request with it."""
        if self._loop is None or self._thread is None:
            raise EngineError("the engine is not open; use it as a context manager")
        future: asyncio.Future[Reply] = self._loop.create_future()
        self._inbox.put((request, future))
        if self._ended is not None:
            raise _dead(self._ended)
        return await future

    # ── in the thread ────────────────────────────────────────────────────────────────────────────

    def _main(self, load: Callable[[], RequestBatch], loaded: asyncio.Future[None]) -> None:
        try:
            batch = load()
        except Exception as error:
            self._post([(loaded, error)])
            return
        self._post([(loaded, None)])
        try:
            while self._receive(batch):
                self._step(batch)
            self._end(EngineError("the engine was closed"))
        except Exception as error:  # whatever ends this thread, nobody may wait for ever
            self._end(error)

    def _receive(self, batch: RequestBatch) -> bool:
        """Take in new requests, waiting for one if there is nothing to do; False at the end."""
        while not (batch.busy and self._inbox.empty()):
            item = self._inbox.get()
            if item is None:
                return False
            request, future = item
            try:
                batch.add(request)
            except Exception as error:
                self._post([(future, error)])
            else:
                self._waiting[request] = future
        return True

    def _step(self, batch: RequestBatch) -> None:
        for request in [item for item, future in self._waiting.items() if future.cancelled()]:
            batch.drop(request)
            del self._waiting[request]
        try:
            results = batch.step()
        except Exception as error:
            self._fail(batch, error)
            return
        self._post([(self._waiting.pop(request), result) for request, result in results])

    def _end(self, error: Exception) -> None:
        """Fail what is waiting and what still comes."""
        self._ended = error  # before the inbox is emptied: who comes later sees it
        futures = list(self._waiting.values())
        while not self._inbox.empty():
            if (item := self._inbox.get()) is not None:
                futures.append(item[1])
        self._waiting.clear()
        self._post([(future, _dead(error)) for future in futures])

    def _fail(self, batch: RequestBatch, error: Exception) -> None:
        for request in self._waiting:
            batch.drop(request)
        self._post([(future, error) for future in self._waiting.values()])
        self._waiting.clear()

    def _post(self, outcomes: Sequence[tuple[_Future, object]]) -> None:
        if outcomes and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(_settle, outcomes)


def _settle(outcomes: Sequence[tuple[_Future, object]]) -> None:
    for future, outcome in outcomes:
        if future.done():  # cancelled meanwhile
            continue
        if isinstance(outcome, Exception):
            future.set_exception(_as_user_error(outcome))
        else:
            future.set_result(outcome)


def _as_user_error(error: Exception) -> SormctlError:
    if isinstance(error, SormctlError):
        return error
    failure = EngineError(f"engine hf failed: {first_line(error)}")
    failure.__cause__ = error
    return failure


def _dead(error: Exception) -> DeadEngineError:
    failure = DeadEngineError(str(_as_user_error(error)))
    failure.__cause__ = error
    return failure
