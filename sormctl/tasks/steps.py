"""How text splits into steps, and what a step's intermediate result is."""

from __future__ import annotations

import re

_ANNOTATION = re.compile(r"<<[^<>]*>>")
_RESULT = re.compile(r"=\s*[^\d=]{0,3}?(-?\d[\d,]*(?:\.\d+)?|-?\.\d+)[^=]*$")


def split_lines(text: str) -> list[str]:
    """Steps of a completion: its lines, stripped, without empty ones."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def strip_annotations(text: str) -> str:
    """GSM8K text without its calculator annotations, `<<48/2=24>>`; they are never evaluated."""
    return _ANNOTATION.sub("", text)


def step_result(step: str) -> str | None:
    """The intermediate result R_j of a step: the number after its last `=`; None without one."""
    match = _RESULT.search(step)
    return match.group(1).rstrip(",") if match else None
