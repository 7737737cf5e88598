"""An answer in numbers as it is stated: one number, or several of which the whole counts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from functools import cache, lru_cache

from sormctl.tasks.answers.announcing import announced
from sormctl.tasks.answers.numbers import (
    NUMBER,
    canonical_number,
    number_at,
    numbers_in,
    parse_number,
    readable,
)
from sormctl.tasks.answers.texts import NEXT_SENTENCE

MAX_STATED = 2000  # characters; a longer text states one number, if any


@cache  # to compile it takes milliseconds, which `--help` need not pay
def _lead() -> re.Pattern[str]:
    return re.compile(
        r"(?:</?[a-z]{1,6}>|[\s*_`'\"(\[{:=~<>#])*"
        r"(?:(?:a|an|the|about|approximately|approx\.?|around|roughly|exactly|only|just|total|of|equal"
        r"|equals|to|is|are|at|now|still|left|[Bb]etween|from|either|both|Rs\.?|x|[A-Za-z] =)\s+"
        r"(?:[*_`\"(\[]+)?)*"
    )


_WORD = (
    r"(?:%| ?(?!(?:and|or|to|for|in|of|out|then|after|is|was|per|at|on|with|from)\b)"
    r"[A-Za-z\N{DEGREE SIGN}]+\.?)"
)
_JOIN = (
    r"(?: ?[:;&/x\N{MULTIPLICATION SIGN}] ?| ?- ?|' ?|, ?(?:and |or )?"
    r"| (?:and|or|to|through|until|by|[Rr]) | (?:with )?(?:a )?remainder (?:of )?)"
)
_COMPOUND = (  # units of which one number alone is no answer
    r"(?:hours?|hrs?|h|minutes?|mins?|seconds?|secs?|days?|weeks?|months?|years?|feet|foot|ft|inch(?:es)?|"
    r"pounds?|lbs?|ounces?|oz|dollars?|cents?|euros?|meters?|metres?|kilometers?|gallons?|quarts?|cups?)"
)


@cache  # to compile it takes milliseconds, which `--help` need not pay
def _several() -> re.Pattern[str]:
    return re.compile(
        rf"(?>{NUMBER}) ?{_COMPOUND}\b(?:,? (?>{NUMBER}) ?{_COMPOUND}\b)++"
        rf"|(?>{NUMBER})(?:{_WORD}{{0,2}}{_JOIN}\$? ?(?>{NUMBER}))++"
    )


@cache  # to compile it takes milliseconds, which `--help` need not pay
def _unfinished() -> re.Pattern[str]:
    """A calculation that nobody has finished, `5 + 3`: it states neither of its numbers.

    One minus or slash makes none (`10 - 15`, `1 / 2 cup`), and `3 x 4` has the sides of something.
    """
    number = rf"(?:[(\[{{]\s*+)*+(?>{NUMBER})[)\]}}]*+"  # possessive: a long sum takes no longer
    sign = r"\s*+(?:[+*]|(?<=\s)[-/](?=\s))\s*+"
    minus, over = (rf"\s*+(?<=\s){mark}(?=\s)\s*+" for mark in "-/")
    is_sum = rf"(?=\s*+[+*]|{over}{number}{sign}|{minus}{number}(?:\s*+[+*]|{over}))"
    return re.compile(rf"{number}{is_sum}(?:{sign}{number})++{_WORD}{{0,3}}[\s$.*)\]}}=?]*+$")


@cache  # to compile it takes milliseconds, which `--help` need not pay
def _rest() -> re.Pattern[str]:
    return re.compile(  # what may follow the whole: its unit, a remark, the next sentence
        rf"(?i:\s?[ap]\.?\s?m\b\.?)?{_WORD}{{0,3}}[\s*_`'\")\]}}$.!,;]*(?:$|\n|\(|[.!]\s|(?:each|respectively|because|since)\b)"
    )


# where an answer ends and what proves it begins: "5. Check: …", "5 (5 + 7 = 12)", "5, so that …"
_GOES_ON = re.compile(
    r"\.\s+(?=[A-Za-z])|;\s|[\s*]\((?=[^()]*=)|,?\s(?:because|since|so|as|for|where)\b"
)
_LABEL = re.compile(  # of a line: `2. `, `Step 3:`, a heading's number
    r"^\W*(?:(?:step|part|case|question)\s*\d+\W*|\d{1,3}[.)]\s+(?=\S))|<\|[^|<>]{0,40}\|>",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"[0-9]+(?: ?: ?[0-9]+)+(?![0-9])")
_HALF = re.compile(r"(?i)([ap])\.?\s?m\b")
_ASSIGNED = re.compile(r"\b[A-Za-z]\s*=\s*(?=[-+$0-9.])")
_BULLET = re.compile(r"^\s*-\s+(?=[$0-9.])")
_SPACED = re.compile(r"(?<![0-9.,])([0-9]{1,3}(?: [0-9]{3})+)(?![0-9/:]|[.,][0-9]{3}|\s[0-9])")
_REMARK = re.compile(r"\([^()]{0,200}\)")
_BOLD = re.compile(  # group 1: a preposition, behind which it is no result
    r"(?i)\b(over|after|for|in|per|at|within|of|every|from|by|each|during|day|step)?"
    r"\s*\*\*([$\N{EURO SIGN}\N{POUND SIGN}]?\s?-?[0-9][^*\n:=]*)\*\*(?!\s*[:=])"
)
_GOES_ON_TO = re.compile(r"(?i)\b(?:so|total|totals|altogether|thus|therefore|then)\b|=")
_BRACKETED = (
    (re.compile(r"(?<![0-9A-Za-z)])\(([-+]?[0-9]+)\)(?= ?/ ?[(0-9])"), r"\1"),  # (-1)/2, (11)/(12)
    (re.compile(r"(?<=[0-9])( ?/ ?)\(([0-9]+)\)"), r"\1\2"),
    (re.compile(r"(?<![0-9A-Za-z._])([0-9]+)(?:\(([0-9]+/[0-9]+)\)|_([0-9]+/[0-9]+))"), r"\1 \2\3"),
)
_NAMED_VALUES = re.compile(r"(?<!\s)\s*+\([A-Za-z ]{1,30}\)(?=\s*(?:;|$))")  # 7 (girls); 3 (boys)
_FULL_HOUR = re.compile(r"([0-9]{1,2}):00 [ap]m")
_OR = re.compile(r"\bor\b")
# a sentence in which more than one number may be the answer: a calculation, a remark, a list
_UNCLEAR = re.compile(
    r",\s|[;:(=|>\N{RIGHTWARDS ARROW}]|\s-\s"
    r"|[0-9] ?[-+*/\N{MULTIPLICATION SIGN}\N{DIVISION SIGN}] ?[$0-9]"
    r"|\b(?:not|or|rather|instead|because|since|as|where|while|but|so|step|plus|minus|times"
    r"|divided|adding|gives?|equals|sum|difference)\b",
    re.IGNORECASE,
)
_OPENING = re.compile(
    r"\W*(?:(?:so|therefore|thus|hence|then|this\s+(?:gives|leaves|means)(?:\s+that)?)\b,?\s*)+",
    re.IGNORECASE,
)
_GOES_ON_BEHIND = re.compile(r"[.!?]\s+\S")
_IN_WORDS = re.findall(
    r"\w+",
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty",
)
_SMALL = re.compile(rf"\b(?:{'|'.join(_IN_WORDS)})\b", re.IGNORECASE)
_SPACED_FRACTION = re.compile(r"(?<![0-9])(?<![-+*/] )(?<![-+*/])([0-9]+) ?/ ?([0-9]+)\s*$")


def stated(text: str, question: str = "") -> str | None:
    """The answer that an announcement states, in its shortest form; None without a number.

    Of a calculation what stands after its last `=` counts. A text that begins with a number, or
    with numbers that make one answer (`3:30`, `10-15`, `3 hours 20 minutes`, `2 and 3`), states
    these; of another sentence the last number is taken. Where the question gives all numbers of a
    sentence but one, that one is the answer: "96 potatoes can make 576 hash browns". A calculation
    without a result states none.
    """
    bare = text.strip(" $*").rstrip(" .$*")  # a point in front is a decimal one
    if bare.isdecimal() and bare.isascii():  # as nearly all are
        return canonical_number(bare)
    text = _prepared(text)
    position = _lead().match(text).end()  # type: ignore[union-attr]  # it matches everywhere
    first = number_at(text, position)
    if first is None:
        return _last_in(text, question)
    if _unfinished().match(text[:MAX_STATED], position):
        return None
    whole = _several().match(text, position) if len(text) <= MAX_STATED else None
    if whole and (rest := _rest().match(text, whole.end())):
        half = _HALF.match(rest.group().strip())
        return " ".join(whole.group().split()) + (f" {half[1].lower()}m" if half else "")
    is_sentence = not _GOES_ON_BEHIND.search(text)
    return (is_sentence and _only_new(text, question)) or canonical_number(first)


def _prepared(text: str) -> str:
    """The readable text behind its last `=`, or without the letters of several assignments."""
    text = _BULLET.sub("-", readable(text))
    if "=" in text:
        head = _GOES_ON.split(text, maxsplit=1)[0]
        start = _lead().match(head).end()  # type: ignore[union-attr]  # it matches everywhere
        if number_at(head, start) is not None or _ASSIGNED.match(head.strip()):
            text = head
    if "=" in text:
        tail = text.rpartition("=")[2]
        if len(_ASSIGNED.findall(text[:MAX_STATED])) > 1:
            text = _ASSIGNED.sub("", text)
        elif numbers_in(tail[:MAX_STATED]):
            text = tail
    for pattern, replacement in _BRACKETED if "(" in text or "_" in text else ():
        text = pattern.sub(replacement, text)
    text = _NAMED_VALUES.sub("", text) if ";" in text else text
    text = _SPACED.sub(lambda found: found[1].replace(" ", ""), text)
    return _SPACED_FRACTION.sub(r"\1/\2", text) if "/" in text else text


def last_number_of(steps: Sequence[str], question: str = "") -> str | None:
    """The last number of the steps, but for those that only number a line or that the question
    gives, if one other stands beside them.

    None where the line that has it announces a calculation without a result.
    """
    for step in reversed(steps):
        if any(character.isnumeric() for character in step):
            for line in reversed(step.split("\n")):
                if number := _last_stated(_LABEL.sub("", line), question):
                    is_term = any(_last_term(text) == number for text in announced([line]))
                    return None if is_term else number
    return None


def _last_term(text: str) -> str | None:
    """The last number of an announced calculation without a result."""
    return _last_stated(text) if stated(text) is None else None


def _last_stated(line: str, question: str = "") -> str | None:
    """The last number of a line in its shortest form; of `3:30` the whole."""
    line = readable(line)
    if not numbers_in(line):
        return None
    if ":" in line and (clocks := list(_CLOCK.finditer(line))):
        after = numbers_in(line[clocks[-1].end() :])
        if not after:
            return " ".join(clocks[-1].group().split())
    return _last_in(line, question)


def _last_in(text: str, question: str) -> str | None:
    """What is in bold as a result, else the one number of the last sentence that the question does
    not give, else the last number out of brackets, else the last one."""
    outside = _REMARK.sub(" ", text)
    if outside.count("**") % 2:  # the first one closes what came before
        outside = outside.partition("**")[2]
    results = [found for found in _BOLD.finditer(outside) if not found[1]]
    if len(results) == 1 and not _GOES_ON_TO.search(outside, results[0].end()):
        numbers = numbers_in(results[0][2])
        if len(numbers) == 1:
            return canonical_number(numbers[0])
    if new := _only_new(outside, question):
        return new
    numbers = numbers_in(outside) or numbers_in(text)
    return canonical_number(numbers[-1]) if numbers else None


def _only_new(text: str, question: str) -> str | None:
    """The number of the last sentence that the question does not give, if it gives all others."""
    sentences = [part for part in NEXT_SENTENCE.split(text) if numbers_in(part)] if question else []
    if not sentences or _UNCLEAR.search(_OPENING.sub("", sentences[-1], count=1)):
        return None
    numbers = {canonical_number(number) for number in numbers_in(sentences[-1])}
    new = numbers - given_by(question) if len(numbers) > 1 else set()
    return new.pop() if len(new) == 1 else None


@lru_cache(maxsize=8)
def given_by(question: str) -> frozenset[str]:
    """The numbers of a question, in their shortest form; small ones may be words."""
    words = (_IN_WORDS.index(word.lower()) + 2 for word in _SMALL.findall(question))
    numbers = map(canonical_number, numbers_in(readable(question)))
    return frozenset({*map(str, words), *numbers})


def values(text: str) -> tuple[Fraction, ...] | None:
    """The values of an answer as `stated` gives it; None if a number is too long to be one.

    One number that is written in two ways (`3/8 or 0.375`) has one value, and so has a full hour
    (`2:00 pm` is `2 pm`).
    """
    if hour := _FULL_HOUR.fullmatch(text):
        text = hour[1]
    found = [parse_number(number) for number in numbers_in(text)]
    if len({*found}) == 1 and _OR.search(text):
        found = found[:1]
    return None if not found or None in found else tuple(found)  # type: ignore[arg-type]


def half_of_day(text: str) -> str | None:
    """`a` or `p` of a time of day, where the text says it."""
    found = _HALF.search(text)
    return found[1].lower() if found else None
