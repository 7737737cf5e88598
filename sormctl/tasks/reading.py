"""What a completion says: its thought, its steps, and the final answer that they state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sormctl.asking import THINK
from sormctl.records import Steps
from sormctl.tasks.announcing import announced
from sormctl.tasks.base import Task
from sormctl.tasks.splitting import pieces
from sormctl.tasks.steps import separators_of, split_lines
from sormctl.tasks.thoughts import part_thought


class Reading(NamedTuple):
    """A completion, read; `separators` is None where one newline follows each step."""

    thought: str | None
    steps: Steps
    separators: Steps | None
    predicted: str | None


class Reader(NamedTuple):
    """How completions are read: how steps are cut, and what stands around a thought.

    `steps` is a mode of `splitting.pieces`; None: as the task does.
    """

    task: Task
    steps: str | None = None
    think: tuple[str, str] = THINK

    def read(self, question: str, text: str, is_cut: bool) -> Reading:
        """Reads a completion; a thought is no step and states no answer.

        Nor does a text that ends within a thought. `is_cut` says that the text was cut off.
        """
        thought, visible, is_closed = part_thought(text, self.think)
        steps, separators = self._cut(visible)
        predicted = read_answer(self.task, question, steps, is_cut) if is_closed else None
        return Reading(thought if thought.strip() else None, steps, separators, predicted)

    def _cut(self, text: str) -> tuple[Steps, Steps | None]:
        if self.steps is None:
            steps = tuple(self.task.split(text))
            return steps, separators_of(text, steps)
        found = [(step, after) for step, after in pieces(text, self.steps) if step]
        steps, separators = (tuple(part[side] for part in found) for side in (0, 1))
        return steps, None if {*separators[:-1]} <= {"\n"} else separators


def read_answer(task: Task, question: str, steps: Sequence[str], is_cut: bool) -> str | None:
    """The final answer that steps state, however they were cut.

    Of a text that was cut off, only an announced one.
    """
    lines = [line for step in steps for line in split_lines(step)]
    return None if is_cut and not any(announced(lines)) else task.predict(lines, question)
