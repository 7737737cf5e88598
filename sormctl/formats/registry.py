"""Formats by name, found through the entry points `sormctl.formats`.

Anybody can add one without touching sormctl: a package that holds a `DataFormat` and declares it,

    [project.entry-points."sormctl.formats"]
    myformat = "mypackage.mymodule:FORMAT"

makes `sormctl import myformat` and `sormctl export myformat` work as soon as it is installed.
"""

from __future__ import annotations

from sormctl.errors import UsageError
from sormctl.formats.base import DataFormat
from sormctl.missing import no_such
from sormctl.plugins import load_plugin, plugin_names

GROUP = "sormctl.formats"


def get_format(name: str) -> DataFormat:
    """The format of that name; UsageError lists the names that exist."""
    found = load_plugin(GROUP, name, DataFormat)
    if found is None:
        raise UsageError(no_such("format", name, format_names()))
    return found


def format_names() -> list[str]:
    """The names of all formats that are installed."""
    return plugin_names(GROUP)
