"""Tasks by name, found through the entry points `sormctl.tasks`.

Anybody can add a task without touching sormctl: a package that holds a `Task` and declares it,

    [project.entry-points."sormctl.tasks"]
    mytask = "mypackage.mymodule:TASK"

makes `sormctl problems mytask` work, and every command after it, as soon as it is installed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points
from typing import TypeVar

from sormctl.errors import RecordError, UsageError
from sormctl.records import Json
from sormctl.tasks.base import Task

T = TypeVar("T")

GROUP = "sormctl.tasks"


@cache
def get_task(name: str) -> Task:
    """The task that a record names; RecordError lists the names that exist.

    UsageError if its package is broken.
    """
    found = entry_points(group=GROUP, name=name)
    if not found:
        raise RecordError(f"no task `{name}`; known tasks: {', '.join(task_names())}")
    entry = next(iter(found))
    try:
        task = entry.load()
    except (ImportError, AttributeError) as error:
        raise UsageError(f"task `{name}` ({entry.value}) cannot be loaded: {error}") from error
    if not isinstance(task, Task):
        raise UsageError(f"task `{name}` ({entry.value}) is no sormctl.tasks.base.Task")
    return task


def with_task(parse: Callable[[Json], T]) -> Callable[[Json], T]:
    """`parse`, which also refuses a record of an unknown task, while its place is known."""

    def checked(data: Json) -> T:
        record = parse(data)
        get_task(data["task"])
        return record

    return checked


def task_names() -> list[str]:
    """The names of all tasks that are installed."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})
