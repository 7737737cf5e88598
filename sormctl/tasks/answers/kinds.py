"""How final answers are read from steps and compared, by kind of answer.

Model output is text to search, never code: nothing is evaluated, every pattern is linear, and
numbers too long to be anybody's answer are compared as strings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sormctl.errors import RecordError, UsageError
from sormctl.missing import no_such
from sormctl.tasks.answers.announcing import announced
from sormctl.tasks.answers.choices import (
    equal_choice,
    letter_of,
    letters_of,
    options_in,
    read_choice,
)
from sormctl.tasks.answers.expressions import equal_math, expression, read_math
from sormctl.tasks.answers.latex import has_symbols, normalise_latex
from sormctl.tasks.answers.numbers import MAX_CHARACTERS, only_number, same_number
from sormctl.tasks.answers.several import half_of_day, last_number_of, stated, values
from sormctl.tasks.answers.texts import bare_text, fold, trim


class Reader(Protocol):
    """Finds the final answer in a solution's steps.

    The question holds the options of a choice, and the numbers that are given.
    """

    def __call__(self, steps: Sequence[str], question: str = "") -> str | None:
        """The answer, or None where the steps state none; never raises, whatever the text."""


@dataclass(frozen=True, slots=True)
class AnswerKind:
    """`read` finds the final answer in a solution's steps; `equivalent` compares two answers.

    An answer is equivalent to itself. None: that could not be decided.
    """

    name: str
    read: Reader
    equivalent: Callable[[str, str], bool | None]

    def equal(self, first: str, second: str) -> bool:
        """Whether two answers are known to be equal."""
        return self.equivalent(first, second) is True


def get_kind(name: str) -> AnswerKind:
    """The kind of that name; UsageError lists the names that exist."""
    if name not in KINDS:
        raise UsageError(no_such("kind of answers", name, KINDS))
    return KINDS[name]


# ── numeric ──────────────────────────────────────────────────────────────────────────────────────

_PLAIN_LAST_LINE = re.compile(r"#### ?([1-9][0-9]{0,17}|0)")


def read_number(steps: Sequence[str], question: str = "") -> str | None:
    """The number that is announced, else the last number of the steps, in its shortest form.

    Of a sentence that holds one number that the question does not give, that one is meant.

    Of a stated calculation (`#### 12 + 6 = 18 dollars`) the number after the last `=` counts.
    Currency signs, units, per cent signs, thousands separators and LaTeX are read through:
    `$1,080.00`, `1{,}080` and `1080 dollars.` are all "1080". An answer of several numbers
    (`3:30`, `10-15`, `3 hours 20 minutes`) is read whole.
    """
    if steps and (last := _PLAIN_LAST_LINE.fullmatch(steps[-1])):  # as nearly all are
        return last[1]
    for text in announced(steps):
        if answer := stated(text, question):
            return answer
    return last_number_of(steps, question)


def equal_numbers(first: str, second: str) -> bool:
    """Whether two answers are the same number: `72.0` is 72, `1/2` is 0.5 (see `same_number`).

    Of answers that hold several numbers all must be the same. Answers that hold no number are
    compared as `exact` ones.
    """
    if first == second:
        return True
    if _is_whole(first) and _is_whole(second):  # as nearly all are: there is nothing to look for
        return int(first) == int(second)
    one, two = stated(first), stated(second)
    if one is None or two is None:
        return equal_text(first, second)
    if len({half_of_day(first), half_of_day(second)} - {None}) > 1:
        return False
    several = values(one), values(two)
    is_one = only_number(one) is not None and only_number(two) is not None
    if None in several or is_one:
        return same_number(one, two)
    return several[0] == several[1]


def _is_whole(text: str) -> bool:
    return text.isdecimal() and text.isascii() and len(text) <= MAX_CHARACTERS


# ── exact ────────────────────────────────────────────────────────────────────────────────────────


def read_exact(steps: Sequence[str], question: str = "") -> str | None:
    """The text that is announced, else the whole last step; without punctuation around it."""
    for text in announced(steps):
        if answer := bare_text(text):
            return answer
    return next((answer for step in reversed(steps) if (answer := trim(step))), None)


def equal_text(first: str, second: str) -> bool:
    """Whether two answers are the same words, but for case, spaces and punctuation around them."""
    return fold(first) == fold(second)


NUMERIC = AnswerKind("numeric", read_number, equal_numbers)
MATH = AnswerKind("math", read_math, equal_math)
EXACT = AnswerKind("exact", read_exact, equal_text)
CHOICE = AnswerKind("choice", read_choice, equal_choice)
KINDS = {kind.name: kind for kind in (NUMERIC, MATH, EXACT, CHOICE)}


# ── reference answers ────────────────────────────────────────────────────────────────────────────

_OPTION_LABEL = re.compile(r"^\W*[A-R][.):]\s+")
_SENTENCES = re.compile(r"[.!?]\s+\S|;\s+\w\w|\n\s*\S|<<")
_COMMAND = re.compile(r"\\[A-Za-z]+")
_SAYS = re.compile(  # a sentence about a formula is no answer, nor is a part of it
    r"\$\s+(?:is|are|has|have|does|never|not|cannot)\b(?!\s*\$)"
)
_WORD = re.compile(r"[A-Za-z]{2}")
_VARIABLE_IN_SUM = re.compile(  # a letter behind a number is its unit: 5 h + 3, 1e-3, 5-10m
    r"(?<![A-Za-z0-9])(?<![0-9] )[a-z](?:\^\{?\w+\}?)? ?[-+] ?[A-Za-z0-9(]"
    r"|[A-Za-z0-9)}] ?[-+] ?[a-z](?![A-Za-z0-9])"
)
_BRACKETED_LETTER = re.compile(r"\(([A-R])\)")
MAX_WORDS = 9  # of a number or a letter with what may stand around it
MAX_PROSE = 3  # words of four letters and more that an expression may hold outside of LaTeX


def reference_answer(
    kind: AnswerKind, text: str, question: str = "", *, worked: bool = False
) -> str:
    """The answer of a reference answer as data sets have it, which may be a worked solution.

    A worked solution is read like any other, but only what it announces counts (`worked` says
    that it is one). RecordError where nothing can be read.
    """
    lines = text.split("\n")
    if any(announced(lines)):
        answer = kind.read(lines, question)
    elif kind is CHOICE and (letter := _option_named(text, options_in(question))):
        answer = letter
    elif worked or _is_worked(kind, text):
        raise RecordError(
            f"is a worked solution that announces no answer ({short(text)}); "
            "end it with `#### ANSWER`, or give the answer alone"
        )
    else:
        answer = _given(kind, text, question)
    if answer is None:
        remedy = "write it in words" if kind is EXACT else "try --answer exact"
        raise RecordError(f"is {short(text)}, which cannot be read as {kind.name}; {remedy}")
    return answer


def _option_named(text: str, options: Mapping[str, str]) -> str | None:
    """The letter of an option; a text that is a letter is no text of another option."""
    letter = trim(text).strip("()[]{} ").upper()
    return letter if letter in options else letter_of(text, options)


def _given(kind: AnswerKind, text: str, question: str) -> str | None:
    if kind is NUMERIC:
        return None if _is_formula(text) else stated(text)
    if kind is MATH:
        return expression(text) or None
    if kind is CHOICE:
        in_brackets = _BRACKETED_LETTER.search(text)
        return letters_of(text) or (in_brackets[1] if in_brackets else None)
    return trim(text) or None


def _is_formula(text: str) -> bool:
    """Whether a text is no number: it has a symbol (pi), or, without words, a variable in a sum."""
    bare = _COMMAND.sub(" ", text)
    has_variable = bool(_VARIABLE_IN_SUM.search(bare)) and not _WORD.search(bare)
    return has_variable or has_symbols(normalise_latex(text))


def _is_worked(kind: AnswerKind, text: str) -> bool:
    if kind is EXACT:
        return False
    if kind is MATH:
        prose = re.sub(r"\\[A-Za-z]+(?:\s*\{[^{}]*\})?", " ", text)
        return len(re.findall(r"[A-Za-z]{4,}", prose)) > MAX_PROSE or bool(_SAYS.search(text))
    return len(text.split()) > MAX_WORDS or bool(
        _SENTENCES.search(_OPTION_LABEL.sub("", text.strip()))
    )


def short(text: str) -> str:
    """The beginning of a text, for a message."""
    line = " ".join(text.split())
    return f"`{line[:40]}…`" if len(line) > 40 else f"`{line}`"
