"""Engines by name. Each is imported when it is asked for, so the others need not be installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module

from sormctl.engines.base import Engine
from sormctl.errors import UsageError

# name -> module:factory; a factory takes the model, the engine's own arguments, and `verbose`
ENGINES = {
    "hf": "sormctl.engines.hf.engine:create",
    "openai": "sormctl.engines.openai.engine:create",
    "ray": "sormctl.engines.ray:create",
    "vllm": "sormctl.engines.vllm.engine:create",
}
# engines whose model is elsewhere: it may be called anything, and it only generates
HOSTED = ("openai",)
NO_TOKENIZER = "none"  # the value of `tokenizer` of a hosted model that takes text


def create_engine(
    name: str,
    model: str,
    engine_arg: Sequence[str] | None = None,
    *,
    base_url: Sequence[str] | None = None,
    tensor_parallel: int | None = None,
    replicas: int | None = None,
    verbose: bool = False,
) -> Engine:
    """The engine of that name for a model; UsageError for an unknown name or argument.

    `engine_arg` is a list of NAME=VALUE; the other options are short for arguments of their name.
    """
    if name not in ENGINES:
        raise UsageError(f"no engine `{name}`; known engines: {', '.join(sorted(ENGINES))}")
    short = {
        "base_url": ",".join(base_url or ()),
        "tensor_parallel": str(tensor_parallel or ""),
        "replicas": str(replicas or ""),
    }
    given = {key: value for key, value in short.items() if value}
    module, factory = ENGINES[name].split(":")
    create = getattr(import_module(module), factory)
    engine: Engine = create(model, parse_arguments(engine_arg or ()) | given, verbose=verbose)
    return engine


def prompted_model(engine: str, model: str, engine_arg: Sequence[str] | None) -> str:
    """Who knows how the model wants to be prompted: of a hosted one, its tokenizer if it has one.

    The name of a hosted model says nothing of that.
    """
    tokenizer = parse_arguments(engine_arg or ()).get("tokenizer")
    return model if engine not in HOSTED or tokenizer in (None, NO_TOKENIZER) else str(tokenizer)


def parse_arguments(pairs: Sequence[str]) -> dict[str, str]:
    """Engine arguments as typed, NAME=VALUE, by name; UsageError for anything else."""
    arguments = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals and value):
            raise UsageError(f"--engine-arg {pair}: must be NAME=VALUE")
        arguments[name] = value
    return arguments


def refuse_unknown(engine: str, arguments: Mapping[str, str], known: Sequence[str]) -> None:
    """UsageError for an argument that the engine does not have."""
    for name in arguments:
        if name not in known:
            has = ", ".join(sorted(known))
            raise UsageError(f"engine {engine} has no argument `{name}`; it has {has}")


def positive(arguments: Mapping[str, str], name: str) -> int | None:
    """An argument that counts something; None if it was not given, UsageError if it is no count."""
    text = arguments.get(name)
    if text is None:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"{name}={text}: must be a whole number above 0")
    return int(text)
