"""How final answers are read from steps and compared, by kind of answer.

Model output is text to search, never code: nothing is evaluated, every pattern is linear, and
numbers too long to be anybody's answer are compared as strings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from sormctl.errors import UsageError
from sormctl.tasks.latex import boxed, normalise_latex
from sormctl.tasks.numbers import (
    MAX_CHARACTERS,
    canonical_number,
    first_number,
    last_number,
    parse_number,
    same_number,
)

_ANSWER_IS = re.compile(r"\banswer(?:\s+is|\s*:)\s*:?", re.IGNORECASE)
_LETTER = (  # tried in this order; the last match of a pattern counts
    re.compile(r"\(\s*([A-Ja-j])\s*\)"),
    re.compile(r"\b(?i:option|choice|answer)\b[\s:*]*([A-J])\b"),
    re.compile(r"^\W*([A-J])(?:[.):]|\W*$)"),
    re.compile(r"\b([A-J])\W*$"),
)
_LEADING_LETTER = re.compile(r"\W*([A-J])\b")


@dataclass(frozen=True, slots=True)
class AnswerKind:
    """`read` finds the final answer in a solution's steps; `equal` compares two answers.
    An answer equals itself.

    `read` returns None where the steps state no answer. Neither raises, whatever the text.
    """

    name: str
    read: Callable[[Sequence[str]], str | None]
    equal: Callable[[str, str], bool]


def get_kind(name: str) -> AnswerKind:
    """The kind of that name; UsageError lists the names that exist."""
    if name not in KINDS:
        raise UsageError(f"no answer kind `{name}`; choose one of {', '.join(KINDS)}")
    return KINDS[name]


# ── where the answer is stated ───────────────────────────────────────────────────────────────────


def announced(steps: Sequence[str]) -> Iterator[str]:
    r"""What the steps announce as the answer, most explicit first: `####`, `\boxed{}`, "answer is".

    Of each announcement the last one counts.
    """
    for find in (_after_hashes, _in_box, _after_answer_is):
        if text := (find(steps) or "").strip():
            yield text


def _after_hashes(steps: Sequence[str]) -> str | None:
    return next((step.rpartition("####")[2] for step in reversed(steps) if "####" in step), None)


def _in_box(steps: Sequence[str]) -> str | None:
    return next((text for step in reversed(steps) if (text := boxed(step))), None)


def _after_answer_is(steps: Sequence[str]) -> str | None:
    for step in reversed(steps):
        if ends := [match.end() for match in _ANSWER_IS.finditer(step)]:
            return step[ends[-1] :]
    return None


# ── numeric ──────────────────────────────────────────────────────────────────────────────────────


def read_number(steps: Sequence[str]) -> str | None:
    """The number that is stated, else the last number of the last step, in its shortest form.

    Of a stated calculation (`#### 12 + 6 = 18 dollars`) the number after the last `=` counts.
    Currency signs, units, per cent signs, thousands separators and LaTeX are read through:
    `$1,080.00`, `1{,}080` and `1080 dollars.` are all "1080".
    """
    for text in announced(steps):
        if number := first_number(text.rpartition("=")[2]) or last_number(text):
            return canonical_number(number)
    number = last_number(steps[-1]) if steps else None
    return canonical_number(number) if number else None


def equal_numbers(first: str, second: str) -> bool:
    """Whether two answers are the same number: `72.0` is 72, `1/2` is 0.5 (see `same_number`).

    Answers that hold no number are compared as `exact` ones.
    """
    if first == second:
        return True
    if _is_whole(first) and _is_whole(second):  # as nearly all are: there is nothing to look for
        return int(first) == int(second)
    one, two = first_number(first), first_number(second)
    if one is None or two is None:
        return equal_text(first, second)
    return same_number(one, two)


def _is_whole(text: str) -> bool:
    return text.isdecimal() and text.isascii() and len(text) <= MAX_CHARACTERS


# ── math ─────────────────────────────────────────────────────────────────────────────────────────


def read_math(steps: Sequence[str]) -> str | None:
    """The expression that is stated, else the last number of the last step."""
    for text in announced(steps):
        if expression := text.strip(" .$:*"):
            return expression
    return read_number(steps[-1:])


def equal_math(first: str, second: str) -> bool:
    r"""Whether two expressions are the same number, or the same LaTeX but for its spelling.

    `\dfrac12`, `\frac{1}{2}` and `0.5` are equal; `x+1` and `1+x` are not: there is no algebra.
    """
    one, two = normalise_latex(first), normalise_latex(second)
    if one == two:
        return True
    values = parse_number(one), parse_number(two)
    return None not in values and same_number(one, two)


# ── exact ────────────────────────────────────────────────────────────────────────────────────────


def read_text(steps: Sequence[str]) -> str | None:
    """The text that is stated, else the whole last step; without punctuation around it."""
    for text in chain(announced(steps), steps[-1:]):
        if trimmed := _trim(text):
            return trimmed
    return None


def equal_text(first: str, second: str) -> bool:
    """Whether two answers are the same words, but for case, spaces and punctuation around them."""
    return _fold(first) == _fold(second)


def _trim(text: str) -> str:
    return " ".join(text.split()).strip(" .,;:!?\"'`*$#")


def _fold(text: str) -> str:
    return _trim(text).casefold() or " ".join(text.split())


# ── choice ───────────────────────────────────────────────────────────────────────────────────────


def read_choice(steps: Sequence[str]) -> str | None:
    """The letter A to J that is stated ("(B)", "B.", "the answer is B"), else the last step's."""
    for text in announced(steps):
        leading = _LEADING_LETTER.match(text)
        if letter := _letter(text) or (leading and leading.group(1)):
            return letter
    return _letter(steps[-1]) if steps else None


def equal_choice(first: str, second: str) -> bool:
    """Whether two answers name the same letter."""
    return (_letter(first) or _fold(first)) == (_letter(second) or _fold(second))


def _letter(text: str) -> str | None:
    bare = _trim(text)
    if len(bare) == 1 and bare.upper() in "ABCDEFGHIJ":
        return bare.upper()
    for pattern in _LETTER:
        if found := pattern.findall(text):
            return str(found[-1]).upper()
    return None


NUMERIC = AnswerKind("numeric", read_number, equal_numbers)
MATH = AnswerKind("math", read_math, equal_math)
EXACT = AnswerKind("exact", read_text, equal_text)
CHOICE = AnswerKind("choice", read_choice, equal_choice)
KINDS = {kind.name: kind for kind in (NUMERIC, MATH, EXACT, CHOICE)}
