"""The engines that the contract is run against: adding one is adding an entry to `CONTRACTS`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from importlib.util import find_spec

import pytest

from sormctl.engines.base import Engine
from sormctl.engines.registry import create_engine
from tests.engines.cluster import two_nodes


@dataclass(frozen=True, slots=True)
class Contract:
    """One engine: how to open it, and what it promises beyond the contract.

    `package` is what it imports; without it, its tests are skipped. `same_seed_same_text` says
    whether equal seeds give equal text whatever else is asked at the time; `around` is entered for
    as long as the engine is tested.
    """

    name: str
    package: str
    arguments: tuple[str, ...] = ()
    same_seed_same_text: bool = True
    around: Callable[[], AbstractContextManager[object]] = nullcontext
    marks: tuple[pytest.MarkDecorator, ...] = field(default=())

    def open(self, model: str) -> Engine:
        """The engine for the model, to be entered."""
        return create_engine(self.name, model, self.arguments)

    def parameter(self) -> object:
        """This engine as a parameter of a test."""
        missing = pytest.mark.skipif(
            find_spec(self.package) is None, reason=f"{self.package} is not installed"
        )
        return pytest.param(self, id=self.name, marks=(missing, *self.marks))


CONTRACTS = (
    Contract("hf", "transformers"),
    Contract("vllm", "vllm"),
    Contract("ray", "ray", ("inner=hf", "replicas=2"), around=two_nodes, marks=(pytest.mark.slow,)),
)
