"""Engines by name. Each is imported when it is asked for, so the others need not be installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module

from sormctl.engines.base import Engine
from sormctl.errors import UsageError

# name -> module:factory; a factory takes the model and the engine's own arguments
ENGINES = {"hf": "sormctl.engines.hf:create"}


def create_engine(name: str, model: str, arguments: Mapping[str, str]) -> Engine:
    """The engine of that name for a model; UsageError for an unknown name or argument."""
    if name not in ENGINES:
        raise UsageError(f"no engine `{name}`; known engines: {', '.join(sorted(ENGINES))}")
    module, factory = ENGINES[name].split(":")
    engine: Engine = getattr(import_module(module), factory)(model, arguments)
    return engine


def parse_arguments(pairs: Sequence[str]) -> dict[str, str]:
    """Engine arguments as typed, NAME=VALUE, by name; UsageError for anything else."""
    arguments = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals and value):
            raise UsageError(f"--engine-arg {pair}: must be NAME=VALUE")
        arguments[name] = value
    return arguments
