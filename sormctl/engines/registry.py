"""Engines by name. Each is imported when it is asked for, so the others need not be installed."""

from __future__ import annotations

from importlib import import_module

from sormctl.adapters.adapter import Adapter
from sormctl.engines.base import Engine
from sormctl.engines.running import Running
from sormctl.errors import UsageError
from sormctl.missing import no_such

# name -> module, whose `create` takes what `create_engine` does
ENGINES = {
    "hf": "sormctl.engines.hf.engine",
    "openai": "sormctl.engines.openai.engine",
    "ray": "sormctl.engines.ray",
    "vllm": "sormctl.engines.vllm.engine",
}


def create_engine(model: str, running: Running, adapter: Adapter | None = None) -> Engine:
    """The engine that runs a model; UsageError for an unknown one, or what does not fit it.

    The `adapter` says how a reward model is read; without one, as sormctl's own are.
    """
    if running.engine not in ENGINES:
        raise UsageError(no_such("engine", running.engine, sorted(ENGINES)))
    engine: Engine = import_module(ENGINES[running.engine]).create(model, running, adapter)
    return engine
