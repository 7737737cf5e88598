"""What packages add to sormctl by entry points: found by name, loaded and checked."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TypeVar

from sormctl.errors import UsageError

T = TypeVar("T")


def load_plugin(group: str, name: str, kind: type[T]) -> T | None:
    """What the entry point of that name holds; None if there is none.

    UsageError if its package is broken, or if it holds no `kind`.
    """
    entry = next(iter(entry_points(group=group, name=name)), None)
    if entry is None:
        return None
    what = f"entry point {name} of {group} ({entry.value})"
    try:
        loaded = entry.load()
    except (ImportError, AttributeError) as error:
        raise UsageError(f"{what} cannot be loaded: {error}") from error
    if not isinstance(loaded, kind):
        raise UsageError(f"{what} is no {kind.__module__}.{kind.__qualname__}")
    return loaded


def plugin_names(group: str) -> list[str]:
    """The names in a group, of all packages that are installed."""
    return sorted({entry.name for entry in entry_points(group=group)})
