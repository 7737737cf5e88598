"""What is not there, and what to do: names that nothing has, files, packages."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, requires
from itertools import islice
from pathlib import Path

from sormctl.errors import UsageError, first_line

_LISTED = 30  # names of a kind
_LONGEST = 200  # characters of a name that may be a slip
_SEEN = 10_000  # entries of a folder


def no_such(kind: str, name: str, known: Iterable[str], remedy: str = "") -> str:
    """What to say of a name that nothing of a kind has; `known` are those that something has.

    >>> no_such("task", "gsm8", ["chain", "gsm8k"])
    'no task `gsm8`; did you mean `gsm8k`? known: chain, gsm8k'
    """
    names = [*known]
    listed = f"known: {', '.join(names)}" if 0 < len(names) <= _LISTED else ""
    return _told(kind, name, names, remedy or listed)


def no_such_path(kind: str, path: str, remedy: str = "") -> str:
    """The same for a file or a folder; what stands in its place may be meant."""
    return _told(kind, path, beside(path), remedy)


def beside(path: str) -> list[str]:
    """The paths of what stands where `path` should."""
    folder = os.path.dirname(path)
    with suppress(OSError, ValueError), os.scandir(folder or ".") as entries:
        return [os.path.join(folder, entry.name) for entry in islice(entries, _SEEN)]
    return []


def read_text(path: Path) -> str:
    """What a file holds that the user names; UsageError if it is not there, or holds no text."""
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        raise UsageError(no_such_path("file", str(path))) from None
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or first_line(error)
        raise UsageError(f"{path}: cannot be read: {why}") from error


def install(extra: str) -> str:
    """The command that installs what an extra needs: its packages, for no index may have sormctl.

    Where sormctl is not installed itself, it stands in a checkout.
    """
    try:
        wanted = [text.partition(";") for text in requires("sormctl") or ()]
    except PackageNotFoundError:
        return f"pip install '.[{extra}]' in the checkout of sormctl"
    named = (f"'{extra}'", f'"{extra}"')
    needs = (need for need, _, marker in wanted if marker.endswith(named))
    return " ".join(["pip install", *(f"'{need.strip()}'" for need in needs)])


def _told(kind: str, name: str, known: Sequence[str], remedy: str) -> str:
    from difflib import get_close_matches

    is_typed = len(name) < _LONGEST  # and compared in no time
    near = get_close_matches(name, known, n=2, cutoff=0.7) if is_typed else []
    meant = f"did you mean {' or '.join(f'`{found}`' for found in near)}?" if near else ""
    what_to_do = " ".join(filter(None, (meant, remedy)))
    return f"no {kind} `{name}`" + (f"; {what_to_do}" if what_to_do else "")
