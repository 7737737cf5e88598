"""Whether two names are of one model: of the many that servers, folders and hubs give it."""

from __future__ import annotations

import re
from pathlib import Path

_ENDS = re.compile(r"(-latest|\.gguf)+$")
_DATE = re.compile(r"([-@]\d{3,}(-\d\d)*)?")  # or a version
_HUB = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_PACKAGED = "embedded:"


def are_alike(first: str, second: str) -> bool:
    """Whether two names may be of one model; a tag that both have is a size, or another version.

    >>> are_alike("Qwen/Qwen3-8B", "qwen3-8b:latest"), are_alike("gpt-4o", "gpt-4o-2024-08-06")
    (True, True)
    >>> are_alike("gpt-4o", "gpt-4o-mini"), are_alike("llama3:8b", "llama3:70b")
    (False, False)
    """
    (one, its), (other, others) = _parts(first), _parts(second)
    short, long = sorted((one, other), key=len)
    is_dated = long.startswith(short) and _DATE.fullmatch(long[len(short) :]) is not None
    return is_dated and (its == others or not (its and others))


def are_same(first: str, second: str) -> bool:
    """Whether two names are of one model and version, whoever has it.

    >>> are_same("Qwen/Qwen3-8B", "qwen3-8b:latest"), are_same("gpt-4o", "gpt-4o-2024-08-06")
    (True, False)
    """
    return _parts(first) == _parts(second)


def are_different(root: str, names: list[str]) -> bool:
    """Whether a server has loaded another model than that of any of `names`.

    What a folder is called says nothing of what is in it; names on a hub, or in the package, do.
    """
    is_public = _HUB.fullmatch(root) and all(map(_is_public, names))
    return bool(is_public) and not any(are_alike(root, name) for name in names)


def _parts(name: str) -> tuple[str, str]:
    """What names the model, and its tag: `student` of `embedded:student` and of `a/student.gguf`.

    >>> _parts("hub/llama3:8b"), _parts("llama3:latest")
    (('llama3', '8b'), ('llama3', ''))
    """
    last = name.removeprefix(_PACKAGED).rstrip("/").rpartition("/")[2].casefold()
    named, _, tag = last.partition(":")
    return _ENDS.sub("", named), "" if tag == "latest" else tag


def _is_public(name: str) -> bool:
    return name.startswith(_PACKAGED) or (
        _HUB.fullmatch(name) is not None and not Path(name).is_dir()
    )
