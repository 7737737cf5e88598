r"""Answers that are expressions: how one is taken from its announcement, and when two are equal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from sormctl.tasks.answers.algebra import same_expression
from sormctl.tasks.answers.announcing import announced
from sormctl.tasks.answers.latex import both_normalised, boxed, unwrapped
from sormctl.tasks.answers.numbers import only_number, same_number
from sormctl.tasks.answers.several import given_by, last_number_of
from sormctl.tasks.answers.texts import fold

MAX_LINE = 10_000  # characters of a line in which an expression is looked for

_SPAN = re.compile(
    r"\\\((.+?)\\\)|\\\[(.+?)\\\]|\$\$(.+?)\$\$|(?<![\\$])\$(?!\$)([^$]+?)(?<!\\)\$", re.DOTALL
)
_ALSO = re.compile(r"\s*(?:,|and|or|,\s*(?:and|or)|\\text\{\s*(?:and|or)\s*\})\s*")
_BLANK_LINES = re.compile(r"\n+")
_REMARK = re.compile(  # what follows an expression that stands without dollars
    r"(?i:,?\s+(?:because|since|which|where|as|so\s+that|when|found|after|by\s+the|I\s+hope)\b)"
    r"|(?<!\bMr)(?<!\bMs)(?<!\bMrs)(?<!\bDr)(?<!\bSt)[.!]"
    r"(?:\s+(?=[A-Z])|(?<!\bsq\.)(?<!\b[ap]\.m\.)\s+(?=[a-z])|\s*\n)"
    r"|\s+\((?=[A-Za-z]+\s|(?=[a-z]*[aeiou])[a-z]{4,}\)|[a-z]{2,}\.)"
)
_LEAD_IN = re.compile(r"^(?:\s*(?:a\s+)?[A-Za-z]{2,}[,:]?\s+)+(?=[-+]?[\d\\(])")
_COMMAND = re.compile(r"\\[A-Za-z]+")
_WORD = re.compile(r"[A-Za-z]{4,}")
_LETTER = re.compile(r"\\[A-Za-z]+|[A-Z]")  # or a command, whose letters are none
_ASSIGNED = re.compile(r"([A-Za-z])\s*=([^=,;]+?)(?:[,;]|,?\s*\band\b|$)\s*")
_ABOUT = re.compile(r"\\approx(?![A-Za-z])|\N{ALMOST EQUAL TO}")
_IS = re.compile(r"\b(?:is|are|equals)\s*$")
_TIME = re.compile(r"[0-9]:[0-9]{2}")
_CHOICE = re.compile(r"\(([A-J])\)(?: ([A-Za-z][A-Za-z ,.'-]+))?$")
_STOPS = " .,;:*!\u2705\u2713\u2714\ufe0f"  # and ticks
_GAP = re.compile(r"\\(?:q?quad(?![A-Za-z])|[ ,;:!])|~")
_ALGEBRA = re.compile(r"[\\\d+*/^_=<>-]")


def read_math(steps: Sequence[str], question: str = "") -> str | None:
    """The expression that is announced, else the last one of the steps: what a formula comes to,
    or the last number."""
    for text in announced(steps):
        if announced_one := expression(text):
            return announced_one
    return _last_expression("\n".join(steps)[-MAX_LINE:], question)


def expression(text: str) -> str:
    r"""The expression of an announcement, without what stands around it.

    Dollars and brackets of LaTeX go, and words behind them: `$x+1$ because of 3` is `x+1`; of
    `$x=2$ and $y=3$` both stay. Without them a remark or the next sentence is cut off.
    """
    text = "\n".join(" ".join(line.split()) for line in text[:MAX_LINE].split("\n"))
    text = _BLANK_LINES.sub("\n", text.strip())
    inner = boxed(text)
    if inner:
        return _trimmed(inner)
    spans = list(_SPAN.finditer(text))
    if spans and not _ALGEBRA.search(text[: spans[0].start()]):
        return _trimmed(_joined(text, spans))
    bare = _trimmed(_without_remark(text))
    return _trimmed(_LEAD_IN.sub("", bare))


def _without_remark(text: str) -> str:
    """The text up to a remark that does not stand in braces."""
    for found in _REMARK.finditer(text):
        if text.count("{", 0, found.start()) <= text.count("}", 0, found.start()):
            return text[: found.start()]
    return text


def _joined(text: str, spans: list[re.Match[str]]) -> str:
    """The first span with those that only `and`, `or` or a comma part from it.

    All of them, if nothing but semicolons parts them: `$5$;$10$`.
    """
    if not _SPAN.sub("", text).strip(" ;."):
        return ", ".join(map(_inner, spans))
    taken = [_inner(spans[0])]
    for before, after in pairwise(spans):
        between = text[before.end() : after.start()]
        if not _ALSO.fullmatch(between):
            break
        taken.append(_inner(after))
    return ", ".join(taken)


def _inner(span: re.Match[str]) -> str:
    return next(group for group in span.groups() if group is not None).strip().rstrip(".,")


def _trimmed(text: str) -> str:
    text = text.strip().rstrip(_STOPS)  # a point in front may be a decimal one
    for opening, closing in (("\\(", "\\)"), ("\\[", "\\]"), ("$", "$")):
        if text.startswith(opening) and text.endswith(closing) and len(text) > len(opening):
            text = text.removeprefix(opening).removesuffix(closing)
    text = text.strip(' \n$*`"').lstrip(" :=,;!*")
    return text[:-1] if text.endswith("\\") else text


def _last_expression(text: str, question: str) -> str | None:
    spans = list(_SPAN.finditer(text))
    behind = text[spans[-1].end() :] if spans else text
    number = last_number_of(behind.split("\n"), question)
    is_of = spans and _IS.search(text, 0, spans[-1].start())  # "is \(7\) of the 12"
    if number and not (is_of and number in given_by(question)):
        return number
    result = _trimmed(_inner(spans[-1]).rpartition("=")[2]) if spans else None
    return result or last_number_of(text.split("\n"), question)


def equal_math(first: str, second: str) -> bool | None:
    r"""Whether two expressions are the same number, the same LaTeX but for its spelling, or equal
    by algebra; None where that could not be decided in time.

    `\dfrac12`, `\frac{1}{2}` and `0.5` are equal, and so are `x+1` and `1+x`. Of `x=2, y=3` each
    variable must be the same.
    """
    if first == second or _same_words(first, second):
        return True
    for one, other in ((first, second), (second, first)):
        exact, about, rounded = _ABOUT.sub("\\\\approx", one).partition("\\approx")
        if exact.strip() and about and not _ABOUT.search(other):  # either way of saying it will do
            return _any(equal_math(part.strip(), other) for part in (exact, rounded))
    here, there = _assignments(first), _assignments(second)
    if len(here) > 1 and here.keys() == there.keys():
        equal = [equal_math(value, there[name]) for name, value in here.items()]
        return False if False in equal else None if None in equal else True
    one, two = both_normalised(first, second)
    if one == two or (_has_word(one) and fold(one) == fold(two)):
        return True
    for pair in ((first, second), (one, two)):
        numbers = [number for text in pair if (number := only_number(text))]
        if len(numbers) == len(pair):
            return same_number(*numbers)
    if _is_words(one) or _is_words(two):  # which algebra would take for products
        return False
    return same_expression(*_cases_apart(one, two))


def _cases_apart(first: str, second: str) -> tuple[str, str]:
    """The texts with other letters for capitals whose small letters stand there, too.

    To math-verify R and r are the same.
    """
    letters = {*_COMMAND.sub(" ", first + " " + second)}
    capitals = sorted(x for x in letters if "A" <= x <= "Z" and x.lower() in letters)
    unused = [x for x in "kmnpqstuvwxyzabchjlor" if not {x, x.upper()} & letters]
    others = dict(zip(capitals, unused, strict=False))

    def renamed(text: str) -> str:
        return _LETTER.sub(lambda found: others.get(found[0], found[0]), text)

    return renamed(first), renamed(second)


def _same_words(first: str, second: str) -> bool:
    """Whether two texts read the same (`\\text{4:30 p.m.}`, `4:30 \\text{ p.m.}`), or one is the
    letter of a choice that the other gives with its text: `(C)`, `(C) Plane`."""
    one, two = unwrapped(first).strip(), unwrapped(second).strip()
    if fold(one) == fold(two):
        return _has_word(one) or bool(_TIME.search(one))
    letters = [_CHOICE.match(text) for text in (one, two)]
    is_letter = any(found and not found[2] for found in letters)
    return is_letter and all(letters) and letters[0][1] == letters[1][1]  # type: ignore[index]


def _any(equal: Iterable[bool | None]) -> bool | None:
    """True if one is; else None if one could not be decided."""
    found = [*equal]
    return True if True in found else None if None in found else False


def _assignments(text: str) -> dict[str, str]:
    """What `x=2, y=3` says of each variable; nothing of a text that says anything else."""
    text = _GAP.sub(" ", unwrapped(text)).strip()
    found = list(_ASSIGNED.finditer(text))
    values = {match[1]: match[2].strip() for match in found}
    is_all = "".join(match.group() for match in found) == text
    return values if is_all and len(values) == len(found) else {}


def _has_word(text: str) -> bool:
    return bool(_WORD.search(_COMMAND.sub(" ", text)))


def _is_words(text: str) -> bool:
    return _has_word(text) or not (text and (_ALGEBRA.search(text) or len(text) < 4))
