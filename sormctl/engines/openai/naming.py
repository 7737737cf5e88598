"""Whether two names are of one model: of the many that servers, folders and hubs give it."""

from __future__ import annotations

import re
from pathlib import Path

_TAG = re.compile(r"(:[\w.-]+|-latest|\.gguf)+$")
_DATE = re.compile(r"([-@]\d{3,}(-\d\d)*)?")  # or a version
_HUB = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_PACKAGED = "embedded:"


def are_alike(first: str, second: str) -> bool:
    """Whether two names may be of one model.

    >>> are_alike("Qwen/Qwen3-8B", "qwen3-8b:latest"), are_alike("gpt-4o", "gpt-4o-2024-08-06")
    (True, True)
    >>> are_alike("gpt-4o", "gpt-4o-mini")
    False
    """
    short, long = sorted((_last(first), _last(second)), key=len)
    return long.startswith(short) and _DATE.fullmatch(long[len(short) :]) is not None


def are_different(root: str, names: list[str]) -> bool:
    """Whether a server has loaded another model than that of any of `names`.

    What a folder is called says nothing of what is in it; names on a hub, or in the package, do.
    """
    is_public = _HUB.fullmatch(root) and all(map(_is_public, names))
    return bool(is_public) and not any(are_alike(root, name) for name in names)


def _last(name: str) -> str:
    """The part that names the model: `student` of `embedded:student` and of `a/b/student.gguf`."""
    last = name.removeprefix(_PACKAGED).rstrip("/").rpartition("/")[2].casefold()
    return _TAG.sub("", last)


def _is_public(name: str) -> bool:
    return name.startswith(_PACKAGED) or (
        _HUB.fullmatch(name) is not None and not Path(name).is_dir()
    )
