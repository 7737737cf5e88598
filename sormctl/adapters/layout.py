"""A solution as the text that a reward model reads, with marks where it is cut and read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from sormctl.adapters.adapter import TextLayout
from sormctl.prompts import Message

_PLACES = re.compile(r"\{(question|step|i|read|cut)\}")
_PRIVATE = range(0xE000, 0xF900)  # characters that stand for nothing


class Marks(NamedTuple):
    """The two characters that stand for `{read}` and `{cut}` in a text that has neither."""

    read: str
    cut: str


def unused_marks(question: str, steps: Sequence[str]) -> Marks:
    """Marks that occur neither in the question nor in the steps."""
    used = {*question, *"".join(steps)}
    free = (character for character in map(chr, _PRIVATE) if character not in used)
    return Marks(next(free), next(free))


def lay_out(
    text: TextLayout, question: str, steps: Sequence[str], marks: Marks
) -> str | tuple[Message, ...]:
    """A text, or the messages of a chat, with the marks in their places.

    A step that begins with the number that the template would give it (`Step 1:`) has it once.
    """
    filled = [_step(text.step, i, step, marks) for i, step in enumerate(steps, 1)]
    head = _fill(text.question, marks, question=question)
    if text.style == "text":
        return head + "".join(filled)
    system = () if text.system is None else (Message("system", text.system),)
    if text.style == "chat":
        return (*system, Message("user", head), Message("assistant", "".join(filled)))
    answer = Message("assistant", _fill(text.answer, marks))
    asked = [head + filled[0], *filled[1:]] if filled else []
    turns = [turn for step in asked for turn in (Message("user", step), answer)]
    return (*system, *turns)


def _step(template: str, number: int, step: str, marks: Marks) -> str:
    numbering = _fill(template.partition("{step}")[0], marks, i=str(number)).strip()
    if numbering and step.startswith(numbering):
        step = step.removeprefix(numbering).lstrip()
    return _fill(template, marks, i=str(number), step=step)


def _fill(template: str, marks: Marks, **values: str) -> str:
    known = {**marks._asdict(), **values}
    return _PLACES.sub(lambda found: known.get(found[1], found[0]), template)
