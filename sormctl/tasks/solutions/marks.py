"""How models mark a thought that are trained to, and what they say after it."""

from __future__ import annotations

import re

# The opening at the very beginning of a text, then the tags. These are tokens of models, or what is
# left of gpt-oss's where they are left out. <thinking>, <reasoning> and the like are words that a
# prompt has asked for: what they hold may as well be the solution, so they must be named.
_FORMS = tuple(
    (re.compile(rf"\s*{opening}"), start, end)
    for opening, start, end in (
        (r"\[THINK\]", "[THINK]", "[/THINK]"),
        (r"(?i:<(\w+:think)>)", "<{}>", "</{}>"),
        (r"◁(think\w*)▷", "◁{}▷", "◁/{}▷"),
        (r"<\|START_(THINKING|REASONING)\|>", "<|START_{}|>", "<|END_{}|>"),
        (r"<\|begin_of_(thought)\|>", "<|begin_of_{}|>", "<|end_of_{}|>"),
        (r"<\|channel>thought", "<|channel>thought", "<channel|>"),
        (r"<\|think\|>", "<|think|>", "<|end|><|begin|>assistant<|content|>"),
        (
            r"(?:<\|start\|>assistant)?<\|channel\|>analysis<\|message\|>",
            "<|channel|>analysis<|message|>",
            "<|end|><|start|>assistant<|channel|>final<|message|>",
        ),
        (r"analysis(?=\S[\s\S]*assistantfinal)", "assistantanalysis", "assistantfinal"),
    )
)
# what models put around all that they say
_WRAPPINGS = (
    ("<response>", "</response>"),
    ("<|START_RESPONSE|>", "<|END_RESPONSE|>"),
    ("[BEGIN FINAL RESPONSE]", "[END FINAL RESPONSE]"),
    ("<|begin_of_solution|>", "<|end_of_solution|>"),
    ("<|channel|>final<|message|>", "<|end|>"),
)


def marked(text: str) -> tuple[str, tuple[str, str]] | None:
    """A text that begins with a thought, with the tags around it; None if it does not.

    The thought need not end. It begins in the text given back as the tags have it.
    """
    for opening, start, end in _FORMS:
        if found := opening.match(text):
            first, last = (tag.format(*found.groups()) for tag in (start, end))
            return first + text[found.end() :], (first, last)
    return None


def without_wrapping(text: str) -> str:
    """What is said, without what stands around all of it; either end may be lost."""
    said = text.strip()
    for start, end in _WRAPPINGS:
        inner = said.removeprefix(start).removesuffix(end)
        if inner != said and start not in inner and end not in inner:
            return inner.strip()
    return text
