"""What can go wrong for a user, and the exit code each kind ends with.

    SormctlError            1   failed, or a gate such as `eval --min-accuracy` not met
    ├── UsageError          2   the command line cannot be carried out as typed
    ├── DataError          65   a record is bad: says what, file and line, what to do
    │   └── RecordError         the same before the reader has added file and line
    ├── ModelError          1   a model folder that cannot be loaded or trained on
    ├── EngineError         1   generation or scoring failed
    │   ├── TooLongError        a prompt leaves no room in what the model reads
    │   └── DeadEngineError     the engine is gone, for all records that still come
    ├── IncompleteError     1   all is written but what failed, as the user wanted it
    ├── OutputError         1   output cannot be written (disk full, no permission)
    └── BusyError          75   another process holds the lock; try again later

An interrupt (Ctrl-C) ends with 130. Anything else is a bug and keeps its traceback.
Every message is one line: what, where, next action.
"""

from __future__ import annotations

import re
import sys
from contextlib import suppress


class SormctlError(Exception):
    """A failure the user can act on; `str(error)` is the one line that they see."""

    exit_code = 1


class UsageError(SormctlError):
    """The command line cannot be carried out as typed."""

    exit_code = 2


class DataError(SormctlError):
    """A record of the input is bad; the message names file and line."""

    exit_code = 65


class RecordError(DataError):
    """A record of the input is bad, raised where file and line are not known yet."""


class ModelError(SormctlError):
    """A model folder that cannot be loaded, or cannot do what is asked."""


class EngineError(SormctlError):
    """Generation or scoring failed."""


class TooLongError(EngineError):
    """A prompt, or a solution to score, is longer than the model reads."""


class IncompleteError(SormctlError):
    """All is written but the records that failed, which the user wanted to be left out."""


class DeadEngineError(EngineError):
    """The engine is gone, or lets nobody in: no other record would fare better."""


class OutputError(SormctlError):
    """The output cannot be written."""


class BusyError(SormctlError):
    """Another process holds the lock on the output."""

    exit_code = 75


_GOES_ON = re.compile(r"(:|,|\b(or|and))\s*$")  # the end of a line that the next one continues
SHOWN = 500  # characters of a message, which may quote what somebody else wrote


def printable(text: str) -> str:
    """A text without what a terminal takes for a command, such as escape sequences; line by line.

    >>> printable("red: \\x1b[31m")
    'red: \ufffd[31m'
    """
    return "".join(c if c.isprintable() else _stand_in(c) for c in text)


def one_line(text: str, most: int = SHOWN) -> str:
    """A message as a terminal shows it: printable, in one line, of `most` characters at most."""
    shown = printable(text[: most + 1])
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def tell_user(text: str, most: int = SHOWN) -> None:
    """Says something on standard error, as `one_line` shows it."""
    show_user(f"{one_line(text, most)}\n")


def show_user(text: str) -> None:
    """Writes a text on standard error as it is: but for progress on a terminal, nothing else does.

    Whoever closed it, or filled its disk, is told nothing: what is written elsewhere goes on.
    """
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            sys.stderr.write(text)
            sys.stderr.flush()


def _stand_in(character: str) -> str:
    return " " if character.isspace() else "\N{REPLACEMENT CHARACTER}"


def first_line(error: BaseException) -> str:
    """The first line of an error's message, with the next ones as long as it leads to them.

    The name of its type if it has none.
    """
    found = (line.strip() for line in str(error).splitlines())
    lines = [line for line in found if line] or [type(error).__name__]
    last = next((i for i, line in enumerate(lines) if not _GOES_ON.search(line)), len(lines))
    return " ".join(lines[: last + 1])
