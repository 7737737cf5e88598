"""What a reasoning model thinks and what it says, which it parts by tags in its text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sormctl.asking import THINK
from sormctl.tasks.solutions.marks import marked
from sormctl.tasks.solutions.turns import before_end

_MISSPELT = re.compile(r"<\s*/\s*think\s*>|<\s*/\s*think(?=\n)", re.IGNORECASE)  # "</ think>"
_WORD = re.compile(r"</?[\w:.-]+>")  # a tag that is a word, such as a model may write in capitals


def part_thought(
    text: str, think: tuple[str, str] = THINK, *, is_begun: bool = False
) -> tuple[str, str, bool]:
    """The thought and the visible solution of a completion, and whether each thought is closed.

    Some chat templates open the thought in the prompt: an end without a start closes one that
    began with the text, or behind the thought before it. `is_begun` says that the prompt has
    opened one, which matters where it never ends: such a thought goes on to the end of the text.
    `</ think>` ends one, too, `<THINK>` is `<think>`, and a text that holds no tags of its user's
    own may begin with those that `marks` knows. Several thoughts are joined by a line end, what is
    visible as it stands. The turn ends in what is visible, or in a thought that is never closed:
    some models write the same token behind their thought. What follows the end is no part of
    either.
    """
    text = in_their_case(text, think)
    has_named = think != THINK and any(tag in text for tag in think)
    if found := None if is_begun or has_named else marked(text):
        text, think = in_their_case(*found), found[1]
    elif think == THINK and "<" in text:
        text = _MISSPELT.sub(think[1], text)
    thoughts: list[str] = []
    visible: list[str] = []
    thought = None
    for said, thought in _pieces(text, think, is_begun):
        before = before_end(said, has_spoken=bool(thoughts))
        if before is not None:
            return "\n".join(thoughts), "".join([*visible, before]), True
        visible.append(said)
        thoughts += [] if thought is None else [thought]
    if thought is not None:
        thoughts[-1] = before_end(thought) or thought
    return "\n".join(thoughts), "".join(visible), thought is None


def in_their_case(text: str, think: tuple[str, str]) -> str:
    """The text with these tags as they are named where it has them in capitals, or without."""
    if "<" in text and think[0].lower() != think[1].lower():
        for tag in filter(_WORD.fullmatch, think):
            text = re.sub(re.escape(tag), tag, text, flags=re.IGNORECASE | re.ASCII)
    return text


def _pieces(text: str, think: tuple[str, str], is_begun: bool) -> Iterator[tuple[str, str | None]]:
    """What is said before each thought, and the thought; at last what is not closed, or None."""
    start, end = think
    *closed, rest = text.split(end)
    for part in closed:
        said, opening, thought = part.partition(start)
        is_thought = not opening and (is_begun or before_end(part) is None)
        yield ("", part) if is_thought else (said, thought)
        is_begun = False
    said, opening, thought = rest.partition(start)
    if is_begun:
        said, opening, thought = "", start, rest
    yield said, thought if opening else None
