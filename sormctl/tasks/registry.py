"""Tasks by name, found through the entry points `sormctl.tasks`.

Anybody can add a task without touching sormctl: a package that holds a `Task` and declares it,

    [project.entry-points."sormctl.tasks"]
    mytask = "mypackage.mymodule:TASK"

makes `sormctl problems mytask` work, and every command after it, as soon as it is installed.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points

from sormctl.errors import RecordError, UsageError
from sormctl.records import Problem
from sormctl.tasks.base import Task

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


def known_task(problem: Problem) -> None:
    """Refuses a record of an unknown task, while its place in the input is known."""
    get_task(problem.task)


def task_names() -> list[str]:
    """The names of all tasks that are installed."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})
