"""Digits, signs, spaces and punctuation of all scripts, as the ASCII that the readers know."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

THIN = "\N{THIN SPACE}"  # any space that people put between groups of digits
_SUPER = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻"
_SUB = "₀₁₂₃₄₅₆₇₈₉"
_FOREIGN = re.compile(rf"[{_SUPER}]+[⁄∕/][{_SUB}]+|[{_SUPER}]+|[^\x00-\x7f]")  # noqa: RUF001
_RAISED = str.maketrans(_SUPER + _SUB, "0123456789+-0123456789") | {0x2044: "/", 0x2215: "/"}
_TABLE = {
    **dict.fromkeys(
        "\N{MINUS SIGN}\N{EN DASH}\N{FIGURE DASH}\N{HYPHEN}\N{NON-BREAKING HYPHEN}", "-"
    ),
    **dict.fromkeys("\N{SMALL HYPHEN-MINUS}\N{SUPERSCRIPT MINUS}", "-"),
    **dict.fromkeys("\N{FRACTION SLASH}\N{DIVISION SLASH}", "/"),
    **dict.fromkeys("\N{RIGHT SINGLE QUOTATION MARK}\N{MODIFIER LETTER APOSTROPHE}", "'"),
    **dict.fromkeys("\N{LEFT SINGLE QUOTATION MARK}\N{PRIME}", "'"),
    **dict.fromkeys("\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}", '"'),
    **dict.fromkeys("\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{FIGURE SPACE}", THIN),
    **dict.fromkeys("\N{THIN SPACE}\N{HAIR SPACE}\N{SIX-PER-EM SPACE}", THIN),
    **dict.fromkeys("\N{ZERO WIDTH SPACE}\N{ZERO WIDTH NO-BREAK SPACE}\N{WORD JOINER}", ""),
    **dict.fromkeys("\N{LEFT-TO-RIGHT MARK}\N{RIGHT-TO-LEFT MARK}", ""),
    **dict.fromkeys(
        "\N{DOT OPERATOR}\N{MIDDLE DOT}\N{MULTIPLICATION X}", "\N{MULTIPLICATION SIGN}"
    ),
    "\N{ARABIC DECIMAL SEPARATOR}": ".",
    "\N{ARABIC THOUSANDS SEPARATOR}": ",",
    "\N{ARABIC PERCENT SIGN}": "%",
    "\N{IDEOGRAPHIC COMMA}": ",",
    "\N{RATIO}": ":",
}


def plain(text: str) -> str:
    """The text with the digits, signs, spaces and punctuation of other scripts in ASCII.

    Full-width letters too; `½` is `1/2`, `10³` is `10^3`, all currency signs are `$`. Letters stay.
    """
    return text if text.isascii() else _FOREIGN.sub(_written_plainly, text)


def _written_plainly(match: re.Match[str]) -> str:
    text = match.group()
    if text[0] in _SUPER:
        if text[-1] in _SUB:
            return _after_a_digit(match, text.translate(_RAISED))
        return "^" + text.translate(_RAISED)
    spelling = _spelling(text)
    return _after_a_digit(match, spelling) if "/" in spelling[1:] else spelling


def _after_a_digit(match: re.Match[str], fraction: str) -> str:
    """`1½` is one and a half, not eleven halves."""
    before = match.string[match.start() - 1 : match.start()]
    return f" {fraction}" if before.isdecimal() else fraction


@cache
def _spelling(character: str) -> str:
    if character in _TABLE:
        return _TABLE[character]
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    if "\N{FULLWIDTH EXCLAMATION MARK}" <= character <= "\N{FULLWIDTH TILDE}":
        return chr(ord(character) - 0xFEE0)
    if unicodedata.category(character) == "Sc":
        return "$"
    if unicodedata.category(character) == "Zs":
        return " "
    if unicodedata.decomposition(character).startswith("<fraction>"):
        return unicodedata.normalize("NFKC", character).replace("\N{FRACTION SLASH}", "/")
    return character
