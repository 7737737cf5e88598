"""Tasks by name, found through the entry points `sormctl.tasks`.

Anybody can add a task without touching sormctl: a package that holds a `Task` and declares it,

    [project.entry-points."sormctl.tasks"]
    mytask = "mypackage.mymodule:TASK"

makes `sormctl problems mytask` work, and every command after it, as soon as it is installed.
"""

from __future__ import annotations

from functools import cache

from sormctl.errors import RecordError, UsageError
from sormctl.missing import no_such
from sormctl.plugins import load_plugin, plugin_names
from sormctl.records import Problem
from sormctl.tasks.base import Task

GROUP = "sormctl.tasks"


@cache
def get_task(name: str) -> Task:
    """The task that a record names; RecordError lists the names that exist.

    UsageError if its package is broken.
    """
    task = load_plugin(GROUP, name, Task)
    if task is None:
        raise RecordError(no_such("task", name, task_names()))
    return task


def named_task(name: str) -> Task:
    """The task that an option names; UsageError lists the names that exist."""
    try:
        return get_task(name)
    except RecordError as error:
        raise UsageError(str(error)) from None


def known_task(problem: Problem) -> None:
    """Refuses a record of an unknown task, while its place in the input is known."""
    get_task(problem.task)


def task_names() -> list[str]:
    """The names of all tasks that are installed."""
    return plugin_names(GROUP)
