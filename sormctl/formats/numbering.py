"""Steps that are numbered in the text, `Step 2: …` or `2. …`, and where the first one begins."""

from __future__ import annotations

import re

from sormctl.errors import RecordError

FIRST = re.compile(r"\bstep 1\s*:", re.IGNORECASE)


def unnumbered(step: str, number: int) -> str:
    """A step without its number, and without the spaces around it.

    >>> unnumbered("Step 2: 3 + 4 = 7", 2), unnumbered("2. Add.", 2), unnumbered("2.5 + 1", 2)
    ('3 + 4 = 7', 'Add.', '2.5 + 1')
    """
    mark = rf"\s*(?:[Ss]tep {number}\s*[:.]|{number}[:.](?=\s))"
    return re.sub(rf"\A{mark}", "", step).strip()


def numbered(step: str, number: int) -> str:
    """A step as the formats number it."""
    return f"Step {number}: {step}"


def writable(question: str) -> str:
    """A question that a numbered first step may follow; RecordError if it holds such a one."""
    if FIRST.search(question):
        raise RecordError("`question` holds `Step 1:`, where the steps of this format begin")
    return question
