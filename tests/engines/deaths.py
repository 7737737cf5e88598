"""How engines die. Each function gives a context that is entered to kill, before the engine opens.

While that context lasts the engine is dead: what Ray starts again is killed again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from threading import Event, Thread

import psutil
from torch.nn.modules.module import register_module_forward_pre_hook

from tests.engines.servers import serving

Kill = Callable[[], AbstractContextManager[None]]
Doom = Callable[[], AbstractContextManager[Kill]]


@contextmanager
def model_fails() -> Iterator[Kill]:
    """Models in this process raise."""
    yield _failing


@contextmanager
def process_is_killed(name: str) -> Iterator[Kill]:
    """`kill -9` for processes of that name that start from now on."""
    yield partial(_killing, name, spared=frozenset(_named(name)))


@contextmanager
def server_is_killed() -> Iterator[Kill]:
    """The only server that the engine knows."""
    with serving() as server:

        @contextmanager
        def killing() -> Iterator[None]:
            server.kill()
            yield

        yield killing


@contextmanager
def _failing() -> Iterator[None]:
    def fail(*_: object) -> None:
        raise RuntimeError("the device is gone\nand a page about it")

    hook = register_module_forward_pre_hook(fail)
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def _killing(name: str, spared: frozenset[psutil.Process]) -> Iterator[None]:
    done = Event()

    def kill() -> None:
        while not done.is_set():
            for process in _named(name) - spared:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            done.wait(0.2)

    thread = Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _named(name: str) -> set[psutil.Process]:
    """Those that this process or a Ray cluster of it started."""
    found = set()
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if name in " ".join(process.cmdline()):
                found.add(process)
    return found
