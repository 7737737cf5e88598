r"""Numbers as people and models write them: `$1,080.00`, `-3`, `1/2`, `1 1/2`, `\frac{1}{2}`."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from fractions import Fraction

from sormctl.tasks.latex import plain_fractions

MAX_CHARACTERS = 60  # a longer number is no answer; it is compared as a string
MAX_EXPONENT = 60
FLOAT_NOISE = Fraction(1, 10**9)

_DIGITS = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)"
_NUMBER = re.compile(
    # a minus after a word, a number or a bracket is a subtraction
    r"(?:(?<![\w)\]}])[-+])?"
    rf"(?:{_DIGITS}[ ]+[0-9]+/[0-9]+|{_DIGITS}/{_DIGITS}"
    rf"|(?:{_DIGITS}(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)"
)
_SPELLING = str.maketrans(
    {
        "\N{MINUS SIGN}": "-",
        "\N{EN DASH}": "-",
        "\N{NO-BREAK SPACE}": " ",
        "\N{NARROW NO-BREAK SPACE}": " ",
        "$": None,
        "€": None,
        "£": None,
    }
)


def last_number(text: str) -> str | None:
    """The last number of a text as it is written there, but for currency and LaTeX."""
    return next(iter(deque(_numbers(text), maxlen=1)), None)


def first_number(text: str) -> str | None:
    """The first number of a text, as `last_number`."""
    return next(_numbers(text), None)


def _numbers(text: str) -> Iterator[str]:
    if "\\" in text or "{" in text:
        text = plain_fractions(text).replace("{,}", ",").replace("\\,", "").replace("\\", "")
    return (match.group() for match in _NUMBER.finditer(text.translate(_SPELLING)))


def parse_number(text: str) -> Fraction | None:
    """The value of a number as `last_number` finds them; None if it is none or too long to be one.

    Exponents are bounded before they are computed: `1e999999999` is None.
    """
    if len(text) > MAX_CHARACTERS or not _NUMBER.fullmatch(text):
        return None
    whole, _, fraction = text.replace(",", "").rpartition(" ")
    mantissa, _, exponent = fraction.lower().partition("e")
    if abs(int(exponent or 0)) > MAX_EXPONENT:
        return None
    try:
        value = Fraction(mantissa)
    except ZeroDivisionError:
        return None
    if exponent:
        value *= Fraction(10) ** int(exponent)
    sign = -1 if whole.startswith("-") else 1
    return Fraction(whole) + sign * value if whole else value


def canonical_number(text: str) -> str:
    """The shortest spelling of a number: `1,080.00` is "1080", `0.50` "0.5", `2/4` "1/2"."""
    value = parse_number(text)
    if value is None:
        return text.replace(",", "")
    return str(value) if value.denominator == 1 or "/" in text else _decimal(value)


def _decimal(value: Fraction) -> str:
    places = 0
    while (value * 10**places).denominator != 1:
        places += 1
    digits = str(abs(value.numerator) * 10**places // value.denominator).zfill(places + 1)
    return ("-" if value < 0 else "") + f"{digits[:-places]}.{digits[-places:]}"


def same_number(first: str, second: str) -> bool:
    """Whether two numbers have the same value.

    Whole numbers must be equal; others may differ by a billionth of their size, the noise of
    floating point (17.999999999999996 is 18, but 0.3333 is not 1/3).
    """
    if first == second:
        return True
    one, two = parse_number(first), parse_number(second)
    if one is None or two is None:
        return canonical_number(first) == canonical_number(second)
    if one.denominator == two.denominator == 1:
        return one == two
    return abs(one - two) <= FLOAT_NOISE * max(abs(one), abs(two))
