"""What a completion says: its thought, its steps, and the final answer that they state."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from sormctl.asking import THINK
from sormctl.records import Steps
from sormctl.tasks.answers import MATH, NUMERIC
from sormctl.tasks.answers.announcing import announced
from sormctl.tasks.answers.texts import NEXT_SENTENCE
from sormctl.tasks.base import Task
from sormctl.tasks.solutions.marks import without_wrapping
from sormctl.tasks.solutions.splitting import SPACE, pieces
from sormctl.tasks.solutions.thoughts import part_thought
from sormctl.tasks.steps import pieces_around, split_lines, strip_annotations

# behind what a text breaks off: a sign or a word that needs more
_NEEDS_MORE = re.compile(
    r"(?:[=+/^{\[\N{MULTIPLICATION SIGN}\N{DIVISION SIGN}]|[^:]\(|[^\s*-]\s[*-]"
    r"|\b(?:[0-9]+|so|thus|therefore|hence|now|then),"
    r"|(?<!\bit )(?<!\bthere )\b(?:is|are|equals|of|the|and|or))$",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w")
_OPENED = (re.compile(r"(?<!\\)\\\("), "\\)"), (re.compile(r"(?<!\\)\\\["), "\\]")
_HEDGED = re.compile(r"(?i)\b(?:maybe|perhaps|if we|wait|guess|suppose|but|so we)\b")
_WHOLE = re.compile(r"[.!)}\]>$*`]\s*$|^\W*(?:\w+\W+){0,4}\S+\s*$")


class Reading(NamedTuple):
    """A completion, read: `opening`, then each step with its separator, is what it shows.

    `opening` is None where it is empty, `separators` where one newline follows each step.
    """

    thought: str | None
    opening: str | None
    steps: Steps
    separators: Steps | None
    predicted: str | None


class CompletionReader(NamedTuple):
    """How completions are read: how steps are cut, and what stands around a thought.

    `steps` is a mode of `splitting.pieces`; None: as the task does.
    """

    task: Task
    steps: str | None = None
    think: tuple[str, str] = THINK

    def read(self, question: str, text: str, is_cut: bool, *, is_begun: bool = False) -> Reading:
        """Reads a completion; a thought is no step and states no answer.

        Nor does what follows the end of the model's turn. Of a text that ends within a thought
        only what is announced outside of it counts; one that ends by announcing an answer was not
        cut off, and has left its thought without closing it. `is_cut` says that the text was cut
        off, and `is_begun` that its prompt had opened a thought. White space after a thought is a
        part of how thoughts are written, not of the solution.
        """
        thought, visible, is_closed = part_thought(text, self.think, is_begun=is_begun)
        if not is_closed and not is_cut and not visible.strip():
            thought, visible = _said_at_the_end(thought)
        visible = without_wrapping(visible.lstrip(SPACE) if thought else visible)
        opening, steps, separators = self._cut(visible)
        predicted = read_answer(self.task, question, steps, is_cut or not is_closed)
        return Reading(thought if thought.strip() else None, opening, steps, separators, predicted)

    def _cut(self, text: str) -> tuple[str | None, Steps, Steps | None]:
        """The opening, the steps, and their separators."""
        if self.steps is None:
            steps = tuple(self.task.split(text))
            around = pieces_around(text, steps) or pieces_around(strip_annotations(text), steps)
            opening, *separators = around or [""]
        else:
            found = pieces(text, self.steps)
            opening = found.pop(0)[1] if found and not found[0][0] else ""
            steps = tuple(step for step, _ in found)
            separators = [after for _, after in found]
        usual = {*separators[:-1]} <= {"\n"}
        return opening if steps and opening else None, steps, None if usual else tuple(separators)


def _said_at_the_end(thought: str) -> tuple[str, str]:
    """A thought that was not closed, and its last lines if they end by announcing an answer."""
    lines = thought.rstrip().split("\n")
    start = next((i for i in range(-1, -len(lines) - 1, -1) if _WORD.search(lines[i])), -1)
    sentence = NEXT_SENTENCE.split(lines[start])[-1]
    is_said = any(announced([sentence])) and not _HEDGED.search(sentence)
    if is_said and _WHOLE.search(sentence) and not _breaks_off(sentence):
        return "\n".join(lines[:start]), "\n".join(lines[start:])
    return thought, ""


def _breaks_off(line: str) -> bool:
    """Whether a line ends where more must follow, or within a formula."""
    if _NEEDS_MORE.search(line.rstrip()[-20:]) and _WORD.search(line):
        return True
    for opening, closing in _OPENED:
        last = [found.start() for found in opening.finditer(line)][-1:]
        if last and line.rfind(closing) < last[0]:
            return True
    return False


def read_answer(task: Task, question: str, steps: Sequence[str], is_cut: bool) -> str | None:
    """The final answer that steps state, however they were cut.

    Of a text that was cut off only an announced one, and so of one with a number or a formula to
    find that ends where more must follow.
    """
    lines = [line for step in steps for line in split_lines(step)]
    is_cut = is_cut or (task.answer in (NUMERIC, MATH) and bool(lines) and _breaks_off(lines[-1]))
    return None if is_cut and not any(announced(lines)) else task.predict(lines, question)
