r"""The little LaTeX that answers are written in: `\boxed{}`, fractions, units, spacing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sormctl.tasks.answers.characters import THIN, plain

MAX_EXPRESSION = 4000  # characters; fractions of a longer text are left as they are

# the backslash of `\b` may have been eaten by a JSON reader
BOX = r"(?:\\f?boxed|\\fbox|\\framebox|\\bbox|\x08oxed)(?![A-Za-z])"
_BOX = re.compile(BOX + r"\s*")
_UNBRACED = re.compile(
    r"\\[A-Za-z]+(?:\s*\{[^{}]*\})+|\\?[^\s${}\\.,;]+(?:[.,][^\s${}\\.,;]+)*"
)  # what `\boxed 7` holds
_BRACE = re.compile(r"\\?[{}]")
_COMMAND = re.compile(r"\\[A-Za-z]+")

_OPERATOR = re.compile(r"\\(?:[dtc]?frac|sqrt)(?![A-Za-z])")
_PLAIN = re.compile(r"[^{}\\^_]+")
_TOKEN = re.compile(r"[0-9.]+|[A-Za-z]|\\[a-z]+")  # what needs no brackets beside a `/`
_OVER = re.compile(r"\{([^{}]*?)\\over(?![a-z])([^{}]*)\}")
_NEGATIVE, _TERM = re.compile(r"-\s*[0-9.,]+"), re.compile(r"-?\s*(?:[0-9.,]+|[A-Za-z])")
_DIGIT_THEN_FRACTION = re.compile(r"(?<=[0-9])(?=\\[dtc]?frac)")

_STYLE = (
    r"\\(?:left|right|[bB]igg?[lrm]?|displaystyle|textstyle|limits|mathstrut|bf|rm|it|sf|tt"
    r"|tiny|small|normalsize|[lL]arge|LARGE|[hH]uge|pounds|euro|yen)(?![A-Za-z])(?:\{\})?"
)
_SPACING = r"\\q?quad(?![A-Za-z])|(?<!\\)\\[!,;:> \n]|~"
_DEGREES = r"\^\{?\s*\\circ\s*\}?|\\degree(?![A-Za-z])|\N{DEGREE SIGN}"
_NOISE = re.compile(rf"{_STYLE}|{_SPACING}|{_DEGREES}|\\?[$%]")
_FONT = (
    r"\\(?:text(?:rm|bf|it|sf|tt|normal)?|math(?:rm|bf|it|sf)|mbox|hbox|underline|operatorname)\*?"
)
_WRAPPER = re.compile(_FONT + r"\s*\{([^{}]*)\}")
_POWER = r"(?:\^(?:\{[-+]?[0-9]\}|-?[0-9]))?"
_UNIT = re.compile(
    rf"(?:(?<=[0-9}}).])|(?<=\\pi))\s*+"
    rf"(?:{_FONT}\s*\{{(?![ie]\}})[^{{}}]*\}}{_POWER}\s*+(?:[/.]\s*+)?)++$"
)
_WORDS = re.compile(  # `3s` is three times s, `3 s` are seconds
    r"(?<=[0-9}])(?:\s*(?:[a-z]{4,}|[ck]?m/(?:s|h|hr|min)|mi/h|cm|mm|km|kg|mg|ml|ft|in|lbs?|oz|mph|hrs?|min|sec)"
    rf"|\s+(?:m|g|s|h))\.?{_POWER}(?:\s+[a-z]{{2,}})*$"
    r"|(?<=[0-9}])\s+\((?:(?=[a-z]*[aeiou])[a-z]{4,}|[a-z]+[. ][a-z. ]+)\)$"  # 9 (apples)
)
_LETTER = re.compile(r"^((?:[^A-Za-z\\]|\\[a-z]+)*[0-9}])[mgsh]$")
_SPACE = re.compile(r"(?<![0-9]) | (?![0-9]+/[0-9])")  # but not the one of `1 1/2`
_ASSIGNMENT = re.compile(r"^(?:[a-zA-Z](?:\([a-zA-Z]\))?)?=(?=[^=])")
_LEADING_POINT = re.compile(r"(?<![0-9A-Za-z}])\.(?=[0-9])")
_SCRIPT = re.compile(r"([\^_])\{([0-9A-Za-z])\}")
_SYNONYMS = (
    (re.compile(r"^([0-9]+)(?:st|nd|rd|th)$"), r"\1"),  # 12th, 12^{\text{th}}
    (
        re.compile(r"(?<=[0-9])\^\{\s*(?:\\(?:text|mathrm|rm)\s*\{\s*)?(?:st|nd|rd|th)\s*\}{1,2}"),
        "",
    ),
    (re.compile(r"\\\\\s*\[[^\[\]]{0,10}\]"), r"\\\\"),  # a line end with a distance
    (
        re.compile(r"\\sqrt\s*(\\[dtc]?frac\s*(?:\{[^{}]*\}|[0-9])\s*(?:\{[^{}]*\}|[0-9]))"),
        r"\\sqrt{\1}",
    ),
    (re.compile(r"\\leq(?:slant)?(?![A-Za-z])"), r"\\le "),
    (re.compile(r"\\geq(?:slant)?(?![A-Za-z])"), r"\\ge "),
    (re.compile(r"\\neq(?![A-Za-z])"), r"\\ne "),
    (re.compile(r"\\approx(?![A-Za-z])|\N{ALMOST EQUAL TO}"), "="),
    (re.compile(r"\\(?:times|ast)(?![A-Za-z])"), r"\\cdot "),
    (re.compile(r"\\(?:to|longrightarrow)(?![A-Za-z])"), r"\\rightarrow "),
    (re.compile(r"\\(?:varnothing)(?![A-Za-z])"), r"\\emptyset "),
    (re.compile(r"\\(?:lbrace)(?![A-Za-z])"), r"\\{"),
    (re.compile(r"\\(?:rbrace)(?![A-Za-z])"), r"\\}"),
    (re.compile(r"(?<=\{)(?:bmatrix\*?|[pv]?matrix\*)"), "pmatrix"),
    (re.compile("\N{GREEK SMALL LETTER PI}"), r"\\pi "),
    (re.compile("\N{SQUARE ROOT}([0-9]+)"), r"\\sqrt{\1}"),
    (re.compile("\N{SQUARE ROOT}"), r"\\sqrt "),
    (re.compile("\N{INFINITY}"), r"\\infty "),
    (re.compile("\N{LESS-THAN OR EQUAL TO}"), r"\\le "),
    (re.compile("\N{GREATER-THAN OR EQUAL TO}"), r"\\ge "),
    (re.compile("\N{NOT EQUAL TO}"), r"\\ne "),
    (re.compile("\N{MULTIPLICATION SIGN}"), r"\\cdot "),
)
_SEPARATED = re.compile(r"(?<=[0-9])(?:\\[,;: ]|~)(?=[0-9]{3}(?![0-9]))")  # 1\,080
_READ_THROUGH = (
    (_WRAPPER, r"\1"),
    (re.compile(r"\\\\|\\[\[\]()]|\\(?:begin|end)\{[a-z*]+\}"), " "),
    (re.compile(r"\{,\}|,\\!"), ","),
    (_SEPARATED, THIN),
    (re.compile(r"\\(?:times|cdot)(?![A-Za-z])"), "\N{MULTIPLICATION SIGN}"),
    (re.compile(r"\\!"), ""),
    (re.compile(r"\\[,;:>]|~"), " "),
    (re.compile(r"\^\{([^{}]*)\}"), r"^\1"),
)
_REST = ((_COMMAND, " "), (re.compile(r"\\"), ""), (re.compile(r" {2,}"), " "))


# ── boxes ────────────────────────────────────────────────────────────────────────────────────────


def boxed(text: str) -> str | None:
    r"""What the last box of a text holds, braces balanced; None if there is none that closes."""
    return next((content for _, content in boxes(text)), None)


def boxes(text: str) -> Iterator[tuple[int, str]]:
    r"""Where boxes stand and what they hold, the last one first: `\boxed{…}`, `\fbox 7`, …"""
    marks = list(_BOX.finditer(text))
    closing = _closing_braces(text) if marks else {}
    for mark in reversed(marks):
        start = mark.end()
        if text.startswith("[", start):  # options of \bbox[…]
            start = text.find("]", start) + 1 or start
        if text.startswith("{", start):
            if start in closing:
                yield mark.start(), text[start + 1 : closing[start]]
        elif bare := _UNBRACED.match(text, start):
            yield mark.start(), bare.group()


def _closing_braces(text: str) -> dict[int, int]:
    """The closing brace of each opening one that has one."""
    found, open_braces = {}, []
    for brace in _BRACE.finditer(text):
        if brace.group() == "{":
            open_braces.append(brace.start())
        elif brace.group() == "}" and open_braces:
            found[open_braces.pop()] = brace.start()
    return found


# ── fractions and roots ──────────────────────────────────────────────────────────────────────────


def plain_fractions(text: str) -> str:
    r"""The text with `\frac{1}{2}` written as `1/2`, and `1\frac{1}{2}` as `1 1/2`.

    In all spellings of LaTeX (`\frac12`, `\frac 1{2}`); a part that is no plain term keeps its
    braces: `\frac{a+b}{2}` is left, `\sqrt 3` becomes `\sqrt{3}`.
    """
    if "\\" not in text or len(text) > MAX_EXPRESSION:
        return text
    text = _DIGIT_THEN_FRACTION.sub(" ", _OVER.sub(r"\\frac{\1}{\2}", text))
    for mark in reversed(list(_OPERATOR.finditer(text))[-50:]):  # inner ones first
        text = text[: mark.start()] + _operation(mark.group(), text, mark.end())
    return text


def _operation(command: str, text: str, position: int) -> str:
    """The text from a `\\frac` or `\\sqrt` on, its arguments in the one spelling that we keep."""
    if command == "\\sqrt":
        index = re.compile(r"\s*\[[^\]]{0,40}\]").match(text, position)
        degree = index.group().strip() if index else ""
        argument, end = _argument(text, index.end() if index else position)
        return (
            f"\\sqrt{degree}{{{argument.strip()}}}{text[end:]}"
            if argument
            else command + text[end:]
        )
    above, middle = _argument(text, position)
    below, end = _argument(text, middle)
    above, below = above.strip(), below.strip()
    if _NEGATIVE.fullmatch(below) and _TERM.fullmatch(above):
        above, below = above[1:] if above.startswith("-") else f"-{above}", below[1:].strip()
    if not above or not below:
        return f"\\frac{text[position:]}"
    if all(_PLAIN.fullmatch(part) for part in (above, below)) and not set("+- ") & set(
        above[1:] + below
    ):
        return (
            f"{above}/{below}{text[end:]}"
            if _TOKEN.fullmatch(below) or len(below) < 2 or below.replace(",", "").isdecimal()
            else f"{above}/({below}){text[end:]}"
        )
    return f"\\frac{{{above}}}{{{below}}}{text[end:]}"


def _argument(text: str, position: int) -> tuple[str, int]:
    """One argument of a command and where it ends: a group, a command or a character."""
    while position < len(text) and text[position].isspace():
        position += 1
    if text.startswith("{", position):
        depth = 0
        for brace in _BRACE.finditer(text, position):
            depth += {"{": 1, "}": -1}.get(brace.group(), 0)
            if depth == 0:
                return text[position + 1 : brace.start()], brace.end()
        return "", position
    if command := _COMMAND.match(text, position):
        if text.startswith("{", command.end()):
            inner, end = _argument(text, command.end())
            return f"{command.group()}{{{inner}}}", end
        return command.group(), command.end()
    return text[position : position + 1], min(position + 1, len(text))


# ── what stands around ───────────────────────────────────────────────────────────────────────────


def read_through(text: str) -> str:
    """The text with its LaTeX written as plain text as far as numbers need it.

    Commands that are not known are left out.
    """
    if "\\" not in text and "{" not in text and "~" not in text:
        return text
    return _rewritten(_rewritten(plain_fractions(text), _READ_THROUGH), _REST)


def has_symbols(text: str) -> bool:
    r"""Whether `read_through` leaves something out: `2\pi`, `\ln 2` and `\pm 2` are not 2."""
    known = _rewritten(plain_fractions(text), _READ_THROUGH) if "\\" in text else ""
    return bool(_COMMAND.search(known))


def _rewritten(text: str, rules: Iterable[tuple[re.Pattern[str], str]]) -> str:
    for pattern, replacement in rules:
        text = pattern.sub(replacement, text)
    return text


def unwrapped(text: str) -> str:
    r"""The text without `\text{…}` and other fonts around its parts."""
    return _WRAPPER.sub(r"\1", text) if "\\" in text else text


def normalise_latex(text: str) -> str:
    r"""One spelling for expressions that differ in spacing, `\left`, `\text`, units or `\dfrac`.

    A fraction of plain terms becomes `a/b`; an assignment `x=` in front is dropped.
    """
    return _spelled(_without_unit(_without_noise(text)))


def both_normalised(first: str, second: str) -> tuple[str, str]:
    r"""Both in one spelling. Where one has a unit, so has the other: `15s` is `15\text{ s}`."""
    texts = [_without_noise(first), _without_noise(second)]
    bare = [*map(_without_unit, texts)]
    if bare != texts:
        bare = [_LETTER.sub(r"\1", text) for text in bare]
    one, two = map(_spelled, bare)
    return one, two


def _without_unit(text: str) -> str:
    return _WORDS.sub("", _UNIT.sub("", text))


def _without_noise(text: str) -> str:
    if len(text) > MAX_EXPRESSION:
        return " ".join(text.split())
    text = plain(text.strip()).replace(THIN, " ").replace("{,}", ",").replace(",\\!", ",")
    return _NOISE.sub(" ", _SEPARATED.sub("", text)).strip()


def _spelled(text: str) -> str:
    if len(text) > MAX_EXPRESSION:
        return text
    text = plain_fractions(_WRAPPER.sub(r"\1", _rewritten(text, _SYNONYMS)))
    text = _SPACE.sub("", " ".join(text.strip().rstrip(".").split()))
    text = _LEADING_POINT.sub("0.", _SCRIPT.sub(r"\1\2", text))
    return _ASSIGNMENT.sub("", text)
