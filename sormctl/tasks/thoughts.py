"""What a reasoning model thinks and what it says, which it parts by tags in its text."""

from __future__ import annotations

import re

from sormctl.asking import THINK

_MISSPELT = re.compile(r"<\s*/\s*think\s*>|<\s*/\s*think(?=\n)", re.IGNORECASE)  # "</ think>"


def part_thought(
    text: str, think: tuple[str, str] = THINK, *, is_begun: bool = False
) -> tuple[str, str, bool]:
    """The thought and the visible solution of a completion, and whether each thought is closed.

    Some chat templates open the thought in the prompt: an end without a start closes one that
    began with the text, or behind the thought before it. `is_begun` says that the prompt has
    opened one, which matters where it never ends: such a thought goes on to the end of the text.
    `</ think>` ends one, too. Several thoughts are joined by a line end, what is visible as it
    stands.
    """
    start, end = think
    if think == THINK and "<" in text:
        text = _MISSPELT.sub(end, text)
    if is_begun and end not in text:
        return text, "", False
    thoughts, visible = [], []
    *closed, rest = text.split(end)
    for part in closed:
        said, opening, thought = part.partition(start)
        visible.append(said if opening else "")
        thoughts.append(thought if opening else said)
    said, opening, unfinished = rest.partition(start)
    visible.append(said)
    if opening:
        thoughts.append(unfinished)
    return "\n".join(thoughts), "".join(visible), not opening
