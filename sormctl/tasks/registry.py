"""Tasks by name, found through the entry points `sormctl.tasks`."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points

from sormctl.errors import UsageError
from sormctl.tasks.base import Task

GROUP = "sormctl.tasks"


@cache
def get_task(name: str) -> Task:
    """The task of that name; UsageError lists the names that exist."""
    found = entry_points(group=GROUP, name=name)
    if not found:
        known = ", ".join(sorted({entry.name for entry in entry_points(group=GROUP)}))
        raise UsageError(f"no task `{name}`; known tasks: {known}")
    task: Task = next(iter(found)).load()
    return task
