r"""Numbers as people and models write them: `$1,080.00`, `-3`, `1/2`, `1 1/2`, `\frac{1}{2}`,
`1.080,00`, `1.5 million`, `3 \times 10^{5}`, in the digits of any script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from sormctl.tasks.answers.characters import THIN, plain
from sormctl.tasks.answers.latex import has_symbols, read_through

MAX_CHARACTERS = 60  # a longer number is no answer; it is compared as a string
MAX_EXPONENT = 60
FLOAT_NOISE = Fraction(1, 10**9)

_SCALES = {
    "hundred": 10**2,
    "thousand": 10**3,
    "lakh": 10**5,
    "million": 10**6,
    "crore": 10**7,
    "billion": 10**9,
    "trillion": 10**12,
    "千": 10**3,
    "万": 10**4,
    "萬": 10**4,
    "億": 10**8,
    "亿": 10**8,
}
_WHOLE = (
    r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])"  # 1,080
    rf"|[0-9]{{1,3}}(?:['_{THIN}][0-9]{{3}})+(?![0-9])"  # 1'080, 1_080
    r"|[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}(?![0-9])"  # 1,00,000
    r"|[0-9]+)"
)
_POINTS = (  # points between the groups: 1.080,00 and 1.234.567
    r"[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+(?![0-9,])"
    r"|[0-9]{1,3}(?:\.[0-9]{3}){2,}(?![0-9])(?!\.[0-9])"
)
_COMMA = (  # a decimal comma, where it separates no thousands: 0,5 but not 1,080 or (1,5)
    rf"(?<![(\[{{.,])[0-9]+(?:[{THIN}'][0-9]{{3}})*,(?:[0-9]{{1,2}}|[0-9]{{4,}})(?![0-9])(?!,[0-9])"
)
_POINT = rf"{_WHOLE}(?:\.[0-9]+)?"
_DECIMAL = rf"(?:{_POINTS}|{_COMMA}|{_POINT}|(?<![A-Za-z0-9_.])\.[0-9]+)"
_SCALE = (
    rf"(?i:[ {THIN}-]?(?:hundred|thousand|lakh|million|crore|billion|trillion)s?\b|[千万萬億亿])"
)
# a minus after a word, a number or a bracket is a subtraction
_SIGN = r"(?:(?<![A-Za-z0-9_)\]}])[-+](?:\$ ?)?|\$ ?[-+]?)?"
# a digit behind letters is part of a word (`cm2`), but not behind a currency or a `5x`
_START = r"(?:(?<![A-Za-z0-9])|(?<=[0-9]x)|(?<=Rs)|(?<=INR)|(?<=USD)|(?<=EUR)|(?<=GBP)|(?<=CAD))"
_UNSIGNED = (
    rf"(?:{_WHOLE}[ {THIN}]+(?:and +)?[0-9]+/[0-9]+"
    rf"|{_DECIMAL} ?[x*\N{{MULTIPLICATION SIGN}}] ?10(?:\^|\*\*)[-+]?[0-9]+"
    rf"|[0-9]+(?:\^|\*\*)[-+]?[0-9]+"
    rf"|{_WHOLE}/{_WHOLE}"
    rf"|{_DECIMAL}(?:[eE][-+]?[0-9]+|(?:{_SCALE}){{1,2}})?)"
)
NUMBER = rf"{_SIGN}{_START}{_UNSIGNED}"
_NUMBER = re.compile(NUMBER)
_GROUPED = re.compile(_POINTS)
_DECIMAL_COMMA = re.compile(_COMMA)
_MIXED = re.compile(rf"({_WHOLE})[ {THIN}]+(?:and +)?([0-9]+/[0-9]+)")
_POWER = re.compile(r"(?:(.+?) ?[x*\N{MULTIPLICATION SIGN}] ?)?([0-9]+)(?:\^|\*\*)([-+]?[0-9]+)")
_SEPARATOR = re.compile(rf"[,'_{THIN}]")

_UNIT_POWER = re.compile(r"(?<=[A-Za-z)\]}])\^\(?[-+]?[0-9]+\)?")  # m^2
_SUFFIX = re.compile(r"(\$ ?[-+]?[0-9][0-9.,]*) ?(k|K|M|mn|B|bn)\b")  # $1.5M
_SUFFIXES = {"k": "thousand", "m": "million", "b": "billion"}
_NEGATIVE = re.compile(r"(?i:\bnegative\s+)(?=\$? ?[0-9.])")
_MINUS = re.compile(  # "10 minus 3" is a subtraction
    r"(?im)(^[^\w\n]*|[:=(]\s*"
    r"|\b(?:is|are|be|was|to|of|at|equals|gives|gets?|about|approximately) +)"
    r"minus\s+(?=\$? ?[0-9.])"
)


def readable(text: str) -> str:
    """The text as the patterns of this file know it: in ASCII, without LaTeX, signs as signs."""
    text = read_through(plain(text))
    if "^" in text:
        text = _UNIT_POWER.sub("", text)
    if "$" in text:
        text = _SUFFIX.sub(lambda found: f"{found[1]} {_SUFFIXES[found[2][0].lower()]}", text)
    if "egative" in text:
        text = _NEGATIVE.sub("-", text)
    return _MINUS.sub(r"\1-", text) if "inus" in text else text


def only_number(text: str) -> str | None:
    """The number that a text is, as `readable` writes it; None if there is more to it.

    A comma parts two numbers here, unless it separates thousands or stands in braces: `1,2` is not
    1.2, but `1{,}2` is.
    """
    if has_symbols(text):
        return None
    number = readable(text).strip()
    is_list = "," in number and "{,}" not in text and _DECIMAL_COMMA.search(number)
    return None if is_list or parse_number(number) is None else number


def number_at(text: str, position: int) -> str | None:
    """The number that begins at a position of a readable text."""
    match = _NUMBER.match(text, position)
    return _bare(match.group()) if match else None


def numbers_in(text: str) -> list[str]:
    """The numbers of a readable text."""
    return list(_numbers(text))


def _numbers(text: str) -> Iterator[str]:
    return (_bare(match.group()) for match in _NUMBER.finditer(text))


def _bare(text: str) -> str:
    return text.replace("$ ", "").replace("$", "") if "$" in text else text


def parse_number(text: str) -> Fraction | None:
    """The value of a number as `numbers_in` finds them; None if it is none or too long to be one.

    Exponents are bounded before they are computed: `1e999999999` is None.
    """
    if len(text) > MAX_CHARACTERS or not _NUMBER.fullmatch(text):
        return None
    try:
        value = _value(text.lstrip("+-$ "))
    except ZeroDivisionError:
        return None
    return -value if value is not None and text.startswith("-") else value


def _value(text: str) -> Fraction | None:
    """The value of a number without its sign."""
    if power := _POWER.fullmatch(text):
        return _power(*power.groups())
    if "/" in text:
        mixed = _MIXED.fullmatch(text)
        whole, fraction = mixed.groups() if mixed else ("0", text)
        above, below = (_separated(part) for part in fraction.split("/"))
        return _separated(whole) + above / below
    scale = 1
    while text[-1].isalpha():
        words = [word for word in _SCALES if text.lower().removesuffix("s").endswith(word)]
        scale *= _SCALES[words[0]]
        text = text[: text.lower().rindex(words[0])].rstrip(f" {THIN}-")
    mantissa, _, exponent = text.lower().partition("e")
    if abs(int(exponent or 0)) > MAX_EXPONENT:
        return None
    return _separated(mantissa) * scale * Fraction(10) ** int(exponent or 0)


def _power(factor: str | None, base: str, exponent: str) -> Fraction | None:
    if abs(int(exponent)) > MAX_EXPONENT:
        return None
    return (_separated(factor) if factor else 1) * Fraction(int(base)) ** int(exponent)


def _separated(text: str) -> Fraction:
    text = text.strip(f" {THIN}")
    if _GROUPED.fullmatch(text):
        text = text.replace(".", "").replace(",", ".")
    elif _DECIMAL_COMMA.fullmatch(text):
        text = text.replace(",", ".")
    return Fraction(_SEPARATOR.sub("", text))


def canonical_number(text: str) -> str:
    """The shortest spelling of a number: `1,080.00` is "1080", `0.50` "0.5", `2/4` "1/2"."""
    if text.isdecimal() and text[0] != "0" and text.isascii():
        return text
    value = parse_number(text)
    if value is None:
        return _SEPARATOR.sub("", text)
    return str(value) if "/" in text or not _is_decimal(value) else _decimal(value)


def _is_decimal(value: Fraction) -> bool:
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest == 1 and value.denominator > 1


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
