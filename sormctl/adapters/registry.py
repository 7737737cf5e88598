"""Adapters by name, by file, and by what a model's configuration says of it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from msgspec import ValidationError, convert, to_builtins
from msgspec.structs import replace

from sormctl.adapters.adapter import OWN, Adapter
from sormctl.errors import UsageError, first_line
from sormctl.missing import no_such, read_text

_SUFFIX = ".toml"


@cache
def built_in() -> Mapping[str, Adapter]:
    """The adapters of the package by name; the first is that of sormctl's own reward models."""
    folder = files("sormctl") / "adapters"
    found = sorted(path.name for path in folder.iterdir() if path.name.endswith(_SUFFIX))
    named = {name.removesuffix(_SUFFIX): folder / name for name in found}
    texts = {name: path.read_text("utf-8") for name, path in named.items()}
    return {OWN.name: OWN, **{name: _parse(text, name, name) for name, text in texts.items()}}


def theirs() -> list[str]:
    """The names of the adapters for models that sormctl did not train."""
    return [name for name in built_in() if name != OWN.name]


def load_adapter(given: str | None, model: str | None, option: str = "--rm") -> Adapter | None:
    """The adapter that a user names, by its name or its file; None if none is named.

    UsageError where there is no such adapter, where a file is none, and without the `model` that it
    is for, which the user gives as `option`.
    """
    if given is None:
        return None
    if model is None:
        raise UsageError(f"{option}-adapter says how {option} is read; give {option} MODEL, too")
    if given in built_in():
        return built_in()[given]
    path = Path(given)
    if path.suffix != _SUFFIX:
        remedy = f"give a .toml, or one of {', '.join(built_in())}"
        raise UsageError(no_such("adapter (--rm-adapter)", given, built_in(), remedy))
    return _parse(read_text(path), path.stem, given)


def adapter_identity(adapter: Adapter | None) -> dict[str, object]:
    """What determines the records: the whole of an adapter that the user named."""
    return {"rm_adapter": to_builtins(adapter)} if adapter else {}


def find_adapter(config: Mapping[str, Any]) -> Adapter | None:
    """The adapter of the family that a model's configuration names; None if that is not certain."""
    architectures = config.get("architectures") or ()
    return next((a for a in built_in().values() if _is_of(a, architectures, config)), None)


def _is_of(adapter: Adapter, architectures: Sequence[str], config: Mapping[str, Any]) -> bool:
    if adapter.labels not in (None, _num_labels(config)):
        return False
    return any(
        fnmatchcase(str(made), pattern)
        for made in architectures
        for pattern in adapter.architectures
    )


def _num_labels(config: Mapping[str, Any]) -> int:
    """The labels of a classifier, as transformers counts them: two where nothing is said."""
    names = config.get("id2label")
    return len(names) if isinstance(names, Mapping) else int(config.get("num_labels") or 2)


def _parse(text: str, name: str, where: str) -> Adapter:
    try:
        return replace(convert(tomllib.loads(text), Adapter), name=name)
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise UsageError(f"{where}: no adapter: {first_line(error)}") from error
