"""The commands behind a result: what made its inputs, what made theirs, and so on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

PATH = re.compile(r"\$OUT/\d+/([\w./-]+)")
TARGET = re.compile(r"(?:-o|>) \$OUT/\d+/(\S+)")


def chains(commands: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Each result, and the commands that it needs and no result before it; in order of making.

    Commands are those of one seed. A file that none of them makes is taken as given.
    """
    made = {target(command): command for command in commands}
    written: set[str] = set()
    for name in made:
        if is_result(made[name]):
            yield name, [made[file] for file in _needed(name, made, written)]


def _needed(name: str, made: dict[str, str], written: set[str]) -> Iterator[str]:
    """`name` after everything that it needs, without what is written already."""
    if name in written or name not in made:
        return
    written.add(name)
    for file in PATH.findall(made[name]):
        yield from _needed(file, made, written)
    yield name


def target(command: str) -> str:
    """The file that a command makes, below OUT/SEED; empty if there is none."""
    found = TARGET.findall(command)
    return found[-1].removesuffix(".part") if found else ""


def is_result(command: str) -> bool:
    """Whether a command's output is the rows of `sormctl eval`."""
    return "sormctl eval" in command and target(command).endswith(".json")
