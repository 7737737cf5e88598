"""A format: everything that is particular to one layout of data. Pure: no file, no model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeVar

from sormctl.errors import UsageError
from sormctl.formats.known_problems import KnownProblems
from sormctl.records import Json, Solution
from sormctl.tasks.base import Task

S = TypeVar("S", bound="Importing | Exporting")


class Neutral(StrEnum):
    """What the label of a neutral step is."""

    correct = "correct"
    incorrect = "incorrect"
    null = "null"


@dataclass(frozen=True)
class Importing:
    """What the user says of rows that are read; `task` is that of problems not in `problems`."""

    task: Task
    problems: KnownProblems = field(default_factory=KnownProblems)
    neutral: Neutral = Neutral.correct


@dataclass(frozen=True)
class Exporting:
    """What the user says of rows that are written.

    `scores` names a reward model; a step that it scores below `threshold` is wrong.
    """

    scores: str | None = None
    threshold: float = 0.5


@dataclass(frozen=True, slots=True)
class DataFormat:
    """One layout of data, as functions; others add one by the entry point `sormctl.formats`.

    `read` gives the solutions of a row, none where the row is to be left out; `write` the row of a
    solution, None likewise. Both raise RecordError for what does not fit. `options` are the
    names in `Importing` and `Exporting` that the format goes by, beside task and problems.
    `left_out` says in words which rows are.
    """

    name: str
    read: Callable[[Json, Importing], Iterable[Solution]] | None = None
    write: Callable[[Solution, Exporting], Json | None] | None = None
    options: frozenset[str] = frozenset()
    left_out: str = "without a solution"

    def settings(self, default: S, said: Mapping[str, Any]) -> S:
        """The settings with what the user said, where that is not None.

        UsageError for an option that the format does not go by.
        """
        given = {name: value for name, value in said.items() if value is not None}
        for name in given:
            if name not in self.options:
                raise UsageError(f"--{name.replace('_', '-')} is not for format {self.name}")
        return replace(default, **given)
