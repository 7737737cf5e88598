"""What a completion says: its thought, its steps, and the final answer that they state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sormctl.records import Steps
from sormctl.tasks.announcing import announced
from sormctl.tasks.base import Task
from sormctl.tasks.steps import separators_of
from sormctl.tasks.thoughts import part_thought


class Reading(NamedTuple):
    """A completion, read; `separators` is None where one newline follows each step."""

    thought: str | None
    steps: Steps
    separators: Steps | None
    predicted: str | None


def read_text(task: Task, question: str, text: str, is_cut: bool) -> Reading:
    """Reads a completion as its task does; a thought is no step and states no answer.

    Nor does a text that ends within a thought. `is_cut` says that the text was cut off.
    """
    thought, visible, is_closed = part_thought(text)
    steps = tuple(task.split(visible))
    predicted = read_answer(task, question, steps, is_cut) if is_closed else None
    said = thought if thought.strip() else None
    return Reading(said, steps, separators_of(visible, steps), predicted)


def read_answer(task: Task, question: str, steps: Sequence[str], is_cut: bool) -> str | None:
    """The final answer that steps state; of a text that was cut off, only an announced one."""
    return None if is_cut and not any(announced(steps)) else task.predict(steps, question)
