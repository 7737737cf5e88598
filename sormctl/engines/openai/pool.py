"""Which server gets a request, how many it gets at once, and what happens when it fails.

No HTTP here: a request and a probe are coroutines that raise `Fault` if trying again may help.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from typing import TypeVar

from sormctl.engines.openai.faults import Fault
from sormctl.engines.openai.server import Server, pause
from sormctl.errors import DeadEngineError, EngineError, SormctlError, tell_user

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]
# a request that wants a place, and how often each server has failed it
Waiter = tuple["asyncio.Future[Server]", Counter[Server]]

_FAILURES = 5  # of one request, before its patience counts: each may be another server's death


class Pool:
    """Several servers as one. `patience` is in seconds; `probe` asks a server whether it works."""

    def __init__(
        self,
        servers: Sequence[Server],
        probe: Callable[[Server], Awaitable[None]],
        patience: float,
        *,
        uniform: Callable[[], float] = random.random,
        sleep: Sleep = asyncio.sleep,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.servers = servers
        self._probe = probe
        self._patience = patience
        self._uniform = uniform
        self._sleep = sleep
        self._tell = tell
        self._waiting: deque[Waiter] = deque()
        self._revivals: dict[Server, asyncio.Task[None]] = {}
        self._last_answer = time.monotonic()
        self._all_down_since = 0.0
        self._wanted = 0  # answers that somebody waits for
        self._under_way = 0  # requests that a server may still answer
        self._in_vain_since: float | None = None  # when a request gave up while none was answered
        self._gave_up: str | None = None

    async def open(self) -> None:
        """Waits until one server works; what trying again cannot mend is raised at once."""
        admitted = (self._admit(server) for server in self.servers)
        for failure in await asyncio.gather(*admitted, return_exceptions=True):
            if failure is not None:
                raise failure
        self._release(await self._take(Counter()))

    async def close(self) -> None:
        """Ends the probing of servers that are down."""
        tasks = list(self._revivals.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def run(self, send: Callable[[Server], Awaitable[T]]) -> T:
        """What `send` returns for some server, after as many tries as patience allows."""
        if not self._wanted:  # nobody has waited for an answer till now
            self._last_answer = time.monotonic()
        self._wanted += 1
        try:
            return await self._tried(send)
        finally:
            self._wanted -= 1

    async def _tried(self, send: Callable[[Server], Awaitable[T]]) -> T:
        since, failures = 0.0, Counter[Server]()
        while True:
            server = await self._take(failures)
            age = server.limit.age
            try:
                answer = await self._counted(send(server))
                server.limit.answered()
                self._answered(server)
                return answer
            except Fault as fault:
                failures[server] += 1
                since = since or time.monotonic()
                if fault.is_overload:
                    server.limit.refused(age)
                    since = max(since, self._last_answer)  # others are served: its turn will come
                await self._wait(server, fault, failures.total(), since)
            except DeadEngineError as error:
                self._drop(server, error)
            except EngineError:  # what a server has refused for good it has answered
                self._answered(server)
                raise
            finally:
                self._release(server)

    def _answered(self, server: Server) -> None:
        server.falls = 0
        self._last_answer = time.monotonic()
        self._in_vain_since = None

    async def _counted(self, request: Awaitable[T]) -> T:
        self._under_way += 1
        try:
            return await request
        finally:
            self._under_way -= 1

    async def _wait(self, server: Server, fault: Fault, failures: int, since: float) -> None:
        """Pauses before the next try, in the request's place, so that the server gets a rest."""
        delay = pause(failures, self._uniform()) + (fault.after or 0.0)
        now = time.monotonic()
        in_vain = self._is_in_vain(fault, since)
        is_silent = now - self._last_answer > self._patience
        at_once = fault.is_overload and (in_vain or (is_silent and not self._under_way))
        late = in_vain or at_once or fault.is_brief or now + delay - since > self._patience
        rests = late and fault.after is not None  # for longer than a request waits
        is_last = all(other.error is not None for other in self.servers if other is not server)
        if (late and failures >= _FAILURES) or (rests and is_last) or at_once:
            reason = f"{server.name}: {fault}; {self._why(fault, failures)}"
            if in_vain:
                self._end(reason)
                raise DeadEngineError(reason) from fault
            if self._in_vain_since is None and (rests or is_silent):
                self._in_vain_since = now
            raise EngineError(reason) from fault
        if fault.is_down or rests:  # no pause: another server takes it, or it waits for one
            self._left_out(server, fault)
        else:
            await self._sleep(delay)

    def _why(self, fault: Fault, failures: int) -> str:
        """Why a request is not tried again."""
        if (fault.after or 0.0) > self._patience:
            pause = f"{fault.after:g} s, beyond patience={self._patience:g}"
            return f"it asks for a pause of {pause}"
        return f"gave up after {failures} {'try' if failures == 1 else 'tries'}"

    def _is_in_vain(self, fault: Fault, since: float) -> bool:
        """Whether the patience of all is spent, for a request that fails `since` then.

        One has given up, and none was answered since. What fails together may be of one record; but
        that a server has too much to do is no record's fault.
        """
        spent = self._in_vain_since
        return spent is not None and (fault.is_overload or since >= spent)

    async def _take(self, failures: Counter[Server]) -> Server:
        """A place at the server with the fewest requests, once there is one.

        Servers that have failed the request come last: one may fail every request for hours, as
        does a proxy whose server is dead, while the others would serve them all.
        """
        if self._gave_up is not None:
            raise DeadEngineError(self._gave_up)
        waiter: asyncio.Future[Server] = asyncio.get_running_loop().create_future()
        self._waiting.append((waiter, failures))
        self._serve()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._release(waiter.result())
            raise

    def _release(self, server: Server) -> None:
        server.outstanding -= 1
        self._serve()

    def _serve(self) -> None:
        while self._waiting:
            waiter, failures = self._waiting[0]
            if waiter.done():  # cancelled
                self._waiting.popleft()
                continue
            free = [server for server in self.servers if server.is_free]
            if not free:
                return
            server = min(free, key=lambda server: (failures[server], server.outstanding))
            server.outstanding += 1
            self._waiting.popleft()
            waiter.set_result(server)

    async def _admit(self, server: Server) -> None:
        try:
            await self._probe(server)
        except Fault as fault:
            self._left_out(server, fault)
        except DeadEngineError as error:
            self._drop(server, error)

    def _drop(self, server: Server, error: DeadEngineError) -> None:
        """No requests for the server any more; the end of all if it is the last."""
        if server.is_gone:  # another request has met the same
            return
        server.is_gone = True
        if all(other.is_gone for other in self.servers):
            self._end(str(error))
            raise error
        tell_user(f"engine openai: left out: {error}")
        self._mark_down(server, str(error))

    def _mark_down(self, server: Server, error: str) -> None:
        server.error = error
        if all(server.error is not None for server in self.servers):
            self._all_down_since = time.monotonic()

    def _left_out(self, server: Server, fault: Fault) -> None:
        """No requests for the server until a probe succeeds."""
        if server.error is not None:
            return
        server.falls += 1
        self._tell(f"{server.name} is left out: {fault}")
        self._mark_down(server, str(fault))
        self._revivals[server] = asyncio.create_task(self._revive(server, fault.after or 0.0))

    async def _revive(self, server: Server, rest: float) -> None:
        for failures in count(server.falls - 1):  # one that answers probes alone gets its rest, too
            await self._sleep(rest + pause(failures, self._uniform()))
            rest = 0.0
            try:
                await self._probe(server)
                if not server.is_gone:
                    server.error = None
                    self._tell(f"{server.name} is back")
                break
            except (Fault, SormctlError) as error:
                server.error = str(error)
            self._give_up_if_all_are_down()
        self._serve()

    def _give_up_if_all_are_down(self) -> None:
        all_down = all(server.error is not None for server in self.servers)
        if not all_down or time.monotonic() - self._all_down_since < self._patience:
            return
        states = "; ".join(f"{server.name}: {server.error}" for server in self.servers)
        self._end(f"no server answers: {states}")

    def _end(self, reason: str) -> None:
        """No request is worth its time any more."""
        self._gave_up = reason
        while self._waiting:
            waiter, _ = self._waiting.popleft()
            if not waiter.done():
                waiter.set_exception(DeadEngineError(reason))
