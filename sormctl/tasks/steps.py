"""How text splits into steps, and what a step's intermediate result is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import gcd

_ANNOTATION = re.compile(r"<<[^<>=]*=[^<>]*>>")
_ANNOTATED = re.compile(r"<<[^<>]*=([-.,0-9]*[0-9])>>")
_RESULT = re.compile(
    r"=[\s$€£¢~≈(*\\]*"
    r"(?P<number>[-\N{MINUS SIGN}]?[$€£¢]?"
    r"(?:[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?|\.[0-9]+)(?:/[0-9]+)?)"
    # a number that goes on as `+ 3`, `* n`, `(`, `x 4` or `2y` is part of a calculation
    r"(?![0-9]|[.,][0-9]|[xyz]|\s*x\s*[0-9]"
    r"|\s*[-+*/\N{MULTIPLICATION SIGN}÷^(]\s*[$(]*(?:[0-9]|[a-zA-Z](?![a-zA-Z])))"
)
_CURRENCY = str.maketrans({"$": None, "€": None, "£": None, "¢": None, "\N{MINUS SIGN}": "-"})


def split_lines(text: str) -> list[str]:
    """Steps of a completion: its lines, stripped, without empty ones.

    Only a line feed ends a line: a form feed may be the `\\f` of a broken `\\frac`.
    """
    return [line.strip() for line in text.split("\n") if line.strip()]


def pieces_around(text: str, steps: Sequence[str]) -> tuple[str, ...] | None:
    """What stands before the first step, and after each, in the text that was cut into them.

    None where the steps do not stand there as they are.

    >>> pieces_around(" Two.\\n\\nFour.", ["Two.", "Four."])
    (' ', '\\n\\n', '')
    """
    found: list[str] = []
    end = 0
    for step in steps:
        start = text.find(step, end)
        if start < 0 or text[end:start].strip():
            return None
        found.append(text[end:start])
        end = start + len(step)
    return (*found, text[end:])


def strip_annotations(text: str) -> str:
    """GSM8K text without its calculator annotations, `<<48/2=24>>`; they are never evaluated."""
    return _ANNOTATION.sub("", text)


def split_annotated(text: str) -> list[str]:
    """Steps of a GSM8K solution or of a model trained on them: lines, without annotations."""
    return split_lines(strip_annotations(text))


def step_result(step: str) -> str | None:
    """The intermediate result R_j of a step (3.1 step 2, post-processing 2); None without one.

    The last number that stands alone after an `=`, as it is written there but for its currency
    sign: "24" in `48 / 2 = 24 clips`, None in `Let x = 5 * y`. A fraction counts when it is in
    lowest terms (`= 1/2`); otherwise it is a calculation (`= 48/2`). Of a calculator annotation
    that is still there, `<<48/2=24>>`, what it says after its `=` counts.
    """
    if annotated := _ANNOTATED.findall(step):
        return str(annotated[-1])
    found = [match["number"] for match in _RESULT.finditer(step)]
    return next((_bare(text) for text in reversed(found) if not _is_calculation(text)), None)


def _bare(text: str) -> str:
    return text.translate(_CURRENCY)


def _is_calculation(text: str) -> bool:
    above, slash, below = _bare(text).replace(",", "").partition("/")
    if not slash:
        return False
    if "." in above or len(text) > 40:
        return True
    return int(below) < 2 or gcd(int(above), int(below)) != 1
