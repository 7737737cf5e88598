"""A format: everything that is particular to one layout of data. Pure: no file, no model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sormctl.asking import Asking, default_asking
from sormctl.errors import UsageError
from sormctl.formats.known_problems import KnownProblems
from sormctl.formats.watching import WatchedGrader
from sormctl.records import Json, Pair, Solution
from sormctl.tasks.base import Task
from sormctl.tasks.fields import Fields
from sormctl.thresholds import THRESHOLD

CHAT = default_asking("chat")
STEP_TAG = "ки"  # what follows each step in a text of Math-Shepherd


class Neutral(StrEnum):
    """What the label of a neutral step is."""

    correct = "correct"
    incorrect = "incorrect"
    null = "null"


@dataclass(frozen=True)
class Importing:
    """What the user says of rows that are read; None of a field: one with a usual name.

    `task` is that of problems not in `problems`. `neutral` says the label of a rating 0; a soft
    label of at least `threshold` is a label 1. `filter` names one of lm-eval's, and `grade` makes
    graded solutions of completions.
    """

    task: Task
    problems: KnownProblems = field(default_factory=KnownProblems)
    question: str | None = None
    steps_field: str | None = None
    labels_field: str | None = None
    answer_field: str | None = None
    id_field: str | None = None
    neutral: Neutral = Neutral.correct
    threshold: float = THRESHOLD
    step_tag: str = STEP_TAG
    text_field: str | None = None
    filter: str | None = None
    grade: WatchedGrader = field(default_factory=WatchedGrader)

    @property
    def fields(self) -> Fields:
        """The fields of the problem in a row."""
        return Fields(self.question, self.answer_field, None, self.id_field)


@dataclass(frozen=True)
class Exporting:
    """What the user says of rows that are written.

    `scores` names a reward model; a step that it scores below `threshold` is wrong. `soft` asks for
    soft labels. `asking` is how a model is asked that will be trained on the rows. `seed` draws
    pairs.
    """

    scores: str | None = None
    threshold: float = THRESHOLD
    soft: bool = False
    step_tag: str = STEP_TAG
    asking: Asking = CHAT
    seed: int = 0


@dataclass(frozen=True, slots=True)
class DataFormat:
    """One layout of data, as functions; others add one by the entry point `sormctl.formats`.

    `read` gives the solutions of a row, none where the row is to be left out. Of the others a
    format has one: `write` makes the row of a solution, None where it has none; `write_problem`
    the rows of all solutions of a problem. `write_pair` makes the row of a refiner's pair, too. All
    raise RecordError for what does not fit.

    `read_options` are the names in `Importing` that the format goes by beside task and problems,
    `write_options` those in `Exporting`. `labelled`: a solution that is written has a label at each
    step, and is cut before its first step without one. `left_out` says in words which are left out.
    """

    name: str
    read: Callable[[Json, Importing], Iterable[Solution]] | None = None
    write: Callable[[Solution, Exporting], Json | None] | None = None
    write_problem: Callable[[Sequence[Solution], Exporting], Iterable[Json]] | None = None
    write_pair: Callable[[Pair, Exporting], Json] | None = None
    read_options: frozenset[str] = frozenset()
    write_options: frozenset[str] = frozenset()
    labelled: bool = False
    left_out: str = "without a solution"


def heeded(format: str, options: frozenset[str], said: Mapping[str, Any]) -> dict[str, Any]:
    """The options that the user gave; UsageError for one that the format does not go by."""
    given = {name: value for name, value in said.items() if value is not None}
    for name in given:
        if name not in options:
            raise UsageError(
                f"--{name.replace('_', '-')} is not for format {format}; drop it, or in a "
                "settings file put it under the command that it is for"
            )
    return given
