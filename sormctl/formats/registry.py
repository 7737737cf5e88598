"""Formats by name, found through the entry points `sormctl.formats`.

Anybody can add one without touching sormctl: a package that holds a `DataFormat` and declares it,

    [project.entry-points."sormctl.formats"]
    myformat = "mypackage.mymodule:FORMAT"

makes `sormctl import myformat` and `sormctl export myformat` work as soon as it is installed.
"""

from __future__ import annotations

from sormctl.errors import SormctlError, UsageError
from sormctl.formats.base import DataFormat, Importing
from sormctl.missing import no_such
from sormctl.plugins import load_plugin, plugin_names
from sormctl.records import Json
from sormctl.tasks.base import Task

GROUP = "sormctl.formats"


def get_format(name: str) -> DataFormat:
    """The format of that name; UsageError lists the names that exist."""
    found = load_plugin(GROUP, name, DataFormat)
    if found is None:
        raise UsageError(no_such("format", name, format_names()))
    return found


def formats_reading(row: Json, task: Task) -> list[str]:
    """The names of the formats that find solutions in a row."""
    return [name for name in format_names() if _reads(get_format(name), row, Importing(task))]


def _reads(format: DataFormat, row: Json, how: Importing) -> bool:
    try:
        return format.read is not None and any(True for _ in format.read(row, how))
    except SormctlError:
        return False


def format_names() -> list[str]:
    """The names of all formats that are installed."""
    return plugin_names(GROUP)
