"""A coroutine applied to a stream: bounded concurrency, the order of the input kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Generic, Protocol, Self, TypeVar

from sormctl.background import Background
from sormctl.errors import EngineError, SormctlError
from sormctl.streams.ahead import RecordAnswers
from sormctl.streams.ids import without_tag
from sormctl.streams.journal import Keys

T = TypeVar("T")
R = TypeVar("R")


class OpenModel(Protocol):
    """What makes results."""

    @property
    def capacity(self) -> int:
        """How many calls keep it busy."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What its user should know."""
        ...

    @property
    def in_progress(self) -> int:
        """The tokens of answers that it has begun."""
        ...

    def keeping(self, answers: RecordAnswers) -> Self:
        """The same, whose answers are kept there, and taken from there if they are known."""
        ...


W = TypeVar("W", bound=OpenModel)
Opening = Callable[[], AbstractAsyncContextManager[W]]
AT_LEAST: Final = 256  # records in flight, unless the user says otherwise
WINDOW: Final = 4  # results that may wait for an earlier one, in units of the concurrency


class Flow(Generic[W, T, R]):
    """Applies `transform(model, keys, record)` to each of `records`, (keys, record).

    `opening` loads the model once there is a record; `opened` is called with it. At
    most `concurrency` calls are in flight; None: as many as keep the model busy. `emit(keys,
    result)` is awaited in the order of the input; the error of a record, or of reading on, is
    raised in its place in that order, unless it is one of the engine and `failed(keys, error)`
    takes it. `records` is consumed in a thread, so that waiting for input stops nothing.
    """

    def __init__(
        self,
        records: Generator[tuple[Keys, T], None, None],
        opening: Opening[W],
        transform: Callable[[W, Keys, T], Awaitable[R]],
        emit: Callable[[Keys, R], Awaitable[None]],
        concurrency: int | None,
        opened: Callable[[W], None],
        failed: Callable[[Keys, EngineError], None],
    ) -> None:
        self._records = records
        self._opening = opening
        self._transform = transform
        self._emit = emit
        self._concurrency = concurrency
        self._opened = opened
        self._failed = failed
        self._permits: asyncio.Semaphore  # this one and the next are made once the model is open
        self._window: asyncio.Queue[tuple[Keys, asyncio.Future[R]] | None]
        self._active: set[asyncio.Future[R]] = set()

    async def run(self) -> None:
        """Runs to the end of the records; nothing is opened where there are none."""
        with Background(at_exit=self._records.close) as reader:
            first = await reader.call(next, self._records, None)
            if first is None:
                return
            async with self._opening() as model:
                self._opened(model)
                concurrency = self._concurrency or max(model.capacity, AT_LEAST)
                self._permits = asyncio.Semaphore(concurrency)
                self._window = asyncio.Queue(WINDOW * concurrency)
                feeder = asyncio.create_task(self._feed(reader, first, model))
                try:
                    await self._drain()
                finally:
                    await _cancel(feeder)
                    await _cancel(*self._active)

    async def _feed(self, reader: Background, item: tuple[Keys, T] | None, model: W) -> None:
        try:
            while item is not None:
                await self._permits.acquire()
                await self._put(item[0], asyncio.ensure_future(self._apply(model, *item)))
                item = await reader.call(next, self._records, None)
        except Exception as error:
            failure = asyncio.get_running_loop().create_future()
            failure.set_exception(error)
            await self._put((), failure)
        else:
            await self._window.put(None)

    async def _put(self, keys: Keys, result: asyncio.Future[R]) -> None:
        self._active.add(result)
        await self._window.put((keys, result))

    async def _apply(self, model: W, keys: Keys, record: T) -> R:
        try:
            return await self._transform(model, keys, record)
        except SormctlError as error:
            raise type(error)(f"record {without_tag(keys[0])}: {error}") from error
        finally:
            self._permits.release()

    async def _drain(self) -> None:
        while (entry := await self._window.get()) is not None:
            keys, result = entry
            try:
                made = await result
            except EngineError as error:
                self._failed(keys, error)
            else:
                await self._emit(keys, made)
            self._active.discard(result)


async def _cancel(*tasks: asyncio.Future[Any]) -> None:
    """Cancels what still runs, and takes note of every outcome, so that none is logged."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
