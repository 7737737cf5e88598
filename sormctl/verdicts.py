r"""What a generative judge is asked about a solution, and how its verdicts are read.

A prompt is a text with `{question}` (or `{problem}`) and the solution: as `{steps}`, numbered from
1, or as `{paragraphs}` (or `{tagged_response}`), in tags numbered from 0, as ProcessBench asks. In
a template that doubles its braces, `{{}}` is `{}`.

Three ways of saying which step is wrong are read: in the last `\boxed{}` the number of the first
wrong step, -1 for none; lines `Step 2: incorrect`; a word in `\boxed{}` for each step in turn. The
number overrules such lines if the prompt asks for a box. Without a box and such lines, a last line
that is a number will do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sormctl.asking import Asking
from sormctl.errors import UsageError
from sormctl.formats.numbering import numbered, unnumbered
from sormctl.prompts import Message, Prompt
from sormctl.records import Solution
from sormctl.tasks.answers.characters import plain
from sormctl.tasks.answers.latex import boxes, unwrapped

DEFAULT = r"""Here is a problem and a solution of it, step by step.

Problem:
{question}

Solution:
{steps}

Check the steps one by one, and find the first one that is wrong: what it says is not true, or does
not follow from what stands before it. End with the number of that step in \boxed{}, or with
\boxed{-1} if every step is right."""

_FIRST = {"steps": 1, "paragraphs": 0, "tagged_response": 0}  # the number of the first step
_PLACE = re.compile(r"\{(question|problem|steps|paragraphs|tagged_response)\}")
_GOOD, _BAD = ("correct", "right", "yes", "true", "+"), ("incorrect", "wrong", "no", "false", "-")
_WORD = "|".join(re.escape(word) for word in sorted((*_GOOD, *_BAD), key=len, reverse=True))
_LINE = re.compile(rf"^\W*(?:step|paragraph)\W+(\d{{1,9}})\W*?:\W*?({_WORD})\W*$", re.I | re.M)
_NUMBER = re.compile(r"(?:(?:step|paragraph)\s*)?(-?\d{1,9})")
_BARE = re.compile(r"(?:^|\n)[\s*_`$]*(-?\d{1,9})[\s*_`$.]*$")  # of a model that saves the box
_NOBODY = -1  # the number that says that no step is wrong


def check_judge_prompt(template: str) -> None:
    """UsageError for a prompt that does not show the question, and once the steps."""
    places = _PLACE.findall(template)
    shown = [place for place in places if place in _FIRST]
    if len(shown) != 1 or len(places) < 2:
        raise UsageError("--judge-prompt: must hold {question}, and {steps} or {paragraphs} once")


def judge_prompt(template: str, solution: Solution, asking: Asking) -> Prompt:
    """What a judge is asked about a solution, as it is asked anything."""
    steps = (numbered(unnumbered(step, i), i) for i, step in enumerate(solution.steps, 1))
    tagged = (f"<paragraph_{i}>\n{step}\n</paragraph_{i}>" for i, step in enumerate(solution.steps))
    paragraphs = "\n\n".join(tagged)
    known = {
        **dict.fromkeys(("question", "problem"), solution.question),
        **dict.fromkeys(("paragraphs", "tagged_response"), paragraphs),
        "steps": "\n".join(steps),
    }
    if "{{" in template:
        template = template.replace("{{", "{").replace("}}", "}")
    text = _PLACE.sub(lambda place: known[place[1]], template)
    if not asking.is_chat:
        return Prompt(text=f"{text}\n", think=asking.think, thinks=asking.thinks)
    system = (Message("system", asking.system),) if asking.system else ()
    turns = (*system, Message("user", text))
    return Prompt(
        messages=turns, chat_args=asking.chat_args, think=asking.think, thinks=asking.thinks
    )


def read_verdict(template: str, text: str, count: int) -> int | None:
    """The index of the first wrong step of `count`, `count` if none is; None if it is not said."""
    first = next(_FIRST[place] for place in _PLACE.findall(template) if place in _FIRST)
    text = plain(text)
    lines = {int(number) - first: word.lower() for number, word in _LINE.findall(text)}
    boxed = _boxed(text) or ([] if lines else _BARE.findall(text))
    named = _NUMBER.fullmatch(boxed[-1]) if boxed else None
    if named and (not lines or r"\boxed{" in template):
        number = int(named[1])
        index = count if number == _NOBODY else number - first
        if number == _NOBODY or 0 <= index < count:
            return index
    if not lines:
        lines = dict(enumerate(word for word in boxed if word in (*_GOOD, *_BAD)))
    for index in range(count):
        if lines.get(index) in _BAD:
            return index
        if index not in lines:  # it has not come so far
            return None
    return count


def _boxed(text: str) -> list[str]:
    """What stands in boxes, in lower case and without what is written around it."""
    found = [unwrapped(content).strip(" $.*").lower() for _, content in boxes(text)]
    return found[::-1]


def shares_right(verdicts: Sequence[int], count: int) -> tuple[float, ...]:
    """Of each of `count` steps, the share of verdicts that find nothing wrong up to it."""
    return tuple(sum(first > index for first in verdicts) / len(verdicts) for index in range(count))
