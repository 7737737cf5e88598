"""Engine `ray`: replicas of engine vllm or hf, as actors on a Ray cluster.

Ray places them, carries requests, and replaces a replica that dies and asks it again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import threading
from collections import Counter
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from functools import partial
from importlib.util import find_spec
from typing import Annotated, Any, Literal, Self, TypeVar

from msgspec import Meta, Struct

from sormctl.adapters.adapter import Adapter
from sormctl.engines.arguments import PositiveInt, read_options
from sormctl.engines.base import Completion, Engine, Sampling
from sormctl.engines.processes import Log, Watchdog, chatter_to
from sormctl.engines.registry import create_engine
from sormctl.engines.running import Running
from sormctl.errors import DeadEngineError, EngineError, SormctlError, UsageError, first_line
from sormctl.missing import install
from sormctl.models import resolve_model
from sormctl.prompts import Prompt

T = TypeVar("T")

_RETRIES = 3  # of a request whose replica died: one that kills replicas must end
_CONNECT_SECONDS = 10.0
_TOKEN = "; if it wants a token (it does if ~/.ray/auth_token was there), set RAY_AUTH_MODE=token"


class RayOptions(Struct, frozen=True):
    """Engine arguments.

    `inner` is the engine in each replica, vLLM where it is installed, and `others` are its
    arguments. `replicas` None: as many as the cluster's GPUs hold, one on a cluster without GPUs.
    A replica takes `tensor_parallel` GPUs and `cpus`; `wait` seconds for the cluster to have these.
    """

    inner: Annotated[Literal["hf", "vllm"], Meta(description="hf or vllm")] | None = None
    replicas: PositiveInt | None = None
    tensor_parallel: PositiveInt | None = None
    cpus: PositiveInt = 1
    wait: PositiveInt = 60
    others: Annotated[dict[str, str], Meta(description="those of `inner`")] = {}

    def running(self, verbose: bool) -> Running:
        """How each replica runs the model."""
        others = self.others
        if self.tensor_parallel:  # inside Ray, vLLM would look for GPUs of its own
            others = {"distributed_executor_backend": "mp", **others}
        return Running(
            engine=self.inner or ("vllm" if find_spec("vllm") else "hf"),
            engine_arg=[f"{name}={value}" for name, value in others.items()],
            tensor_parallel=self.tensor_parallel,
            verbose=verbose,
        )


class Replica:
    """The actor: an engine, opened by the first call, again after a restart."""

    def __init__(self, model: str, running: Running, adapter: Adapter | None = None) -> None:
        self._new = partial(create_engine, model, running, adapter)
        self._opening = asyncio.Lock()
        self._engine: Engine | None = None

    async def open(self) -> int:
        """Load the model; the capacity of its engine."""
        return (await self._opened()).capacity

    async def sample(self, prompt: Prompt, params: Sampling) -> list[Completion]:
        engine = await self._opened()
        return await _or_die(engine.sample(prompt, params))

    async def score(self, prompt: Prompt, steps: Sequence[str]) -> list[float]:
        engine = await self._opened()
        return await _or_die(engine.score(prompt, steps))

    async def _opened(self) -> Engine:
        async with self._opening:
            if self._engine is None:
                engine = self._new()
                self._engine = await engine.__aenter__()
            return self._engine


class RayEngine:
    """The engine over a cluster; `async with` connects to it and starts the replicas."""

    def __init__(
        self, model: str, options: RayOptions, verbose: bool, adapter: Adapter | None = None
    ) -> None:
        self._model = model
        self._adapter = adapter
        self._options = options
        self._verbose = verbose
        self._is_ours = False  # whether we connected to the cluster, and so leave it
        self._watchdog: Watchdog | None = None  # of a cluster that we started
        self._log: Log | None = None
        self._told = ExitStack()  # where Ray tells of replicas that died: by `print`
        self._group: Any = None
        self._replicas: list[Any] = []
        self._outstanding: Counter[int] = Counter()
        self._capacity = 0

    async def __aenter__(self) -> Self:
        self._log = Log(self._verbose)
        told = self._told.enter_context(os.fdopen(self._log.open(), "w"))
        self._told.enter_context(redirect_stdout(told))
        try:
            self._connect()
            await self._place()
            await self._load()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        import ray
        from ray.util import remove_placement_group

        log, self._log = self._log, None
        if log is None:
            return
        with chatter_to(log.open()):
            for replica in self._replicas:
                ray.kill(replica)
            if self._group is not None:
                remove_placement_group(self._group)
            if self._is_ours:
                ray.shutdown()
            if self._watchdog is not None:
                self._watchdog.stop()
        self._replicas, self._capacity, self._group, self._is_ours = [], 0, None, False
        self._watchdog = None
        self._told.close()
        log.close()

    @property
    def capacity(self) -> int:
        """That of all replicas."""
        return self._capacity

    async def sample(self, prompt: Prompt, params: Sampling) -> list[Completion]:
        completions: list[Completion] = await self._ask("sample", prompt, params)
        return completions

    async def score(self, prompt: Prompt, steps: Sequence[str]) -> list[float]:
        scores: list[float] = await self._ask("score", prompt, tuple(steps))
        return scores

    def _connect(self) -> None:
        import ray

        if ray.is_initialized():
            return
        address = os.environ.get("RAY_ADDRESS") or "local"
        _check_answers(address)
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        level = logging.INFO if self._verbose else logging.CRITICAL
        assert self._log is not None
        with chatter_to(self._log.open()), _our_sigterm():
            try:
                ray.init(address, log_to_driver=self._verbose, logging_level=level)
            except Exception as error:  # whatever the connection meets
                hint = "" if "RAY_AUTH_MODE" in os.environ else _TOKEN
                raise EngineError(f"no Ray cluster: {first_line(error)}{hint}") from error
        self._is_ours = True
        if address == "local":
            self._watchdog = Watchdog(_agents())

    async def _place(self) -> None:
        import ray
        from ray.util import placement_group
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        options, total = self._options, ray.cluster_resources()
        gpus = (options.tensor_parallel or 1) if total.get("GPU") else 0
        number = options.replicas or (int(total["GPU"]) // gpus if gpus else 1) or 1
        needed = {"CPU": options.cpus} | ({"GPU": gpus} if gpus else {})
        self._group = placement_group([needed] * number, strategy="SPREAD")
        if not await asyncio.to_thread(self._group.wait, options.wait):
            wants = " and ".join(f"{count} {kind}" for kind, count in needed.items())
            has = " and ".join(f"{total.get(kind, 0):g} {kind}" for kind in needed)
            raise EngineError(
                f"the Ray cluster has no room for {number} replicas of {wants} each after "
                f"{options.wait} s (in all it has {has}); give fewer --replicas, or more time by "
                "--engine-arg wait=SECONDS"
            )
        actor = ray.remote(Replica).options(
            num_cpus=options.cpus,
            num_gpus=gpus,
            max_restarts=-1,
            max_task_retries=_RETRIES,
            scheduling_strategy=PlacementGroupSchedulingStrategy(self._group),
        )
        running = options.running(self._verbose)
        self._replicas = [actor.remote(self._model, running, self._adapter) for _ in range(number)]

    async def _load(self) -> None:
        opening = (self._call(replica.open) for replica in self._replicas)
        for outcome in await asyncio.gather(*opening, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome
            self._capacity += outcome

    async def _ask(self, method: str, *arguments: object) -> Any:
        """The answer of the replica that has the fewest requests."""
        if not self._replicas:
            raise EngineError("the engine is not open; use it as a context manager")
        chosen = min(range(len(self._replicas)), key=self._outstanding.__getitem__)
        self._outstanding[chosen] += 1
        try:
            return await self._call(getattr(self._replicas[chosen], method), *arguments)
        finally:
            self._outstanding[chosen] -= 1

    async def _call(self, method: Any, *arguments: object) -> Any:
        import ray
        from ray.exceptions import RayError, RayTaskError

        reference = method.remote(*arguments)
        try:
            return await reference
        except asyncio.CancelledError:
            if self._replicas:  # else we have left the cluster
                ray.cancel(reference)
            raise
        except RayTaskError as error:
            if isinstance(error.cause, SormctlError):
                raise error.cause from None
            raise EngineError(f"a replica failed: {first_line(error.cause)}") from error
        except RayError as error:
            line = " ".join(str(error).split())
            raise DeadEngineError(f"a replica died {_RETRIES + 1} times: {line}") from error


def create(model: str, running: Running, adapter: Adapter | None = None) -> RayEngine:
    """The engine for a model as the user names it; UsageError for a bad argument."""
    if find_spec("ray") is None:
        raise UsageError(f"engine ray is not installed; {install('ray')}")
    options = read_options(RayOptions, running)
    return RayEngine(resolve_model(model), options, running.verbose, adapter)


def _check_answers(address: str) -> None:
    """EngineError if nobody listens at a cluster's HOST:PORT: Ray would try for many minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdecimal():
        return  # `auto`, `local`
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise EngineError(f"no Ray cluster at RAY_ADDRESS={address}: {error}") from error


@contextmanager
def _our_sigterm() -> Iterator[None]:
    """Keeps what SIGTERM does: Ray's handler prints its stack and ends us with 15."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if handler is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)


def _agents() -> list[int]:
    """The processes of our cluster that outlive it: they look for it for a minute, then end."""
    import psutil

    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "agent" in " ".join(process.cmdline()).lower():
                found.append(process.pid)
    return found


async def _or_die(request: Awaitable[T]) -> T:
    """The result; if vLLM's own process is dead, so is the replica, and Ray replaces it."""
    try:
        return await request
    except EngineError as error:
        if type(error.__cause__).__name__ == "EngineDeadError":
            os._exit(1)
        raise
