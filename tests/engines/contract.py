"""The engines that the contract is run against: adding one is adding an entry to `CONTRACTS`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec

import pytest

from sormctl.engines.base import Engine
from sormctl.engines.registry import create_engine
from sormctl.engines.running import Running
from tests.engines.cluster import two_nodes
from tests.engines.deaths import Doom, model_fails, process_is_killed, server_is_killed
from tests.engines.servers import serving


@dataclass(frozen=True, slots=True)
class Contract:
    """One engine: how to open it, and what it promises beyond the contract.

    `package` is what it imports; without it, its tests are skipped. `same_seed_same_text` says
    whether equal seeds give equal text whatever else is asked at the time, and `scores` whether it
    runs reward models; it works on `capacity` requests of the student at once. `around` is entered
    for as long as the engine is tested; `doom` kills one.
    """

    name: str
    package: str
    doom: Doom
    arguments: tuple[str, ...] = ()
    same_seed_same_text: bool = True
    scores: bool = True
    capacity: int = 256
    around: Callable[[], AbstractContextManager[object]] = nullcontext
    marks: tuple[pytest.MarkDecorator, ...] = field(default=())

    def open(self, model: str, *arguments: str) -> Engine:
        """The engine for the model, to be entered."""
        running = Running(engine=self.name, engine_arg=[*self.arguments, *arguments])
        return create_engine(model, running)

    def parameter(self) -> object:
        """This engine as a parameter of a test."""
        missing = pytest.mark.skipif(
            find_spec(self.package) is None, reason=f"{self.package} is not installed"
        )
        return pytest.param(self, id=self.name, marks=(missing, *self.marks))


SLOW = (pytest.mark.slow,)
CONTRACTS = (
    Contract("hf", "transformers", model_fails),
    Contract("vllm", "vllm", partial(process_is_killed, "EngineCore")),
    Contract(
        "openai",
        "vllm",
        server_is_killed,
        ("patience=10",),
        scores=False,
        around=serving,
        marks=SLOW,
    ),
    Contract(
        "ray",
        "ray",
        partial(process_is_killed, "ray::Replica"),
        ("inner=hf", "replicas=2"),
        capacity=512,
        around=partial(two_nodes, cpus=3),
        marks=SLOW,
    ),
)
