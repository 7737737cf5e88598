"""Answers to multiple choice: a letter A to R, several of them, or the text of an option."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sormctl.tasks.answers.announcing import announced
from sormctl.tasks.answers.characters import plain
from sormctl.tasks.answers.latex import read_through
from sormctl.tasks.answers.texts import bare_text, fold, trim

LETTERS = "ABCDEFGHIJKLMNOPQR"  # as many options as BIG-Bench Hard has

# ── letters ──────────────────────────────────────────────────────────────────────────────────────

_ONE = r"(?:\(\s*[A-Ra-r]\s*\)|\[[A-R]\]|(?<![A-Za-z0-9])[A-R](?![A-Za-z0-9'])[.)]?)"
_AND = r"\s*(?:,\s*(?:and|or)\b|,|;|/|&|\||\band\b|\bor\b)\s*(?:(?i:option|choice)s?\s+)?"
_SEVERAL = re.compile(rf"{_ONE}(?:{_AND}{_ONE}){{1,9}}|[(\[]\s*[A-R](?:{_AND}[A-R]){{1,9}}\s*[)\]]")
_ALONE = re.compile(r"\(?([A-R](?:[\s|]+[A-R]){1,9}|[A-J]{2,10})\)?")  # "A B D", "ABD", "(BA)"

# ── what an announcement holds ───────────────────────────────────────────────────────────────────

_NAMED = (
    r"(?i:(?:the\s+|is\s+)?(?:correct\s+|right\s+|best\s+)?"
    r"(?:option|choice|answer|letter)s?(?:\s+is)?[\s:*]*)"
)
# a sentence of which A or I is the first word: "I think", but not "A because"
_GOES_ON = r"\s+(?!because|since|as|is|and|or|for|with|due|by|while|but)[a-z]"
_FRONT = r"[\s*_`'\"#:>.\-{$]*"
# how an announcement begins: "(b) Paris", "option b.", "B, because", "B"; a lower-case letter needs
# a bracket, a stop or the word "option"; "A dog" and "I think" begin with words, "A>B" compares
_LEADING = re.compile(
    rf"{_FRONT}(?![A-R]\s*[<>]\s*[A-R]\b)(?:"
    rf"\(\s*(?P<bracket>[A-Ra-r])\s*\)|\[(?P<square>[A-R])\]"
    rf"|{_NAMED}\(?(?!I{_GOES_ON})(?P<named>[A-Ra-r])(?![A-Za-z0-9'])"
    rf"|(?P<stopped>[A-Ra-r])(?=[.):](?:\W|$)|[)\]}}*_`$\s]*$)"
    rf"|(?P<bare>[B-HJ-R])(?![A-Za-z0-9'-])"
    rf"|(?P<word>[AI])(?![A-Za-z0-9'-])(?!{_GOES_ON})"
    rf")"
)
_DENIED = re.compile(  # "not C", "rather than option (C)", "cannot be A", "none of A, B, C"
    r"\b(?:(?i:not(?:\s+be)?|can(?:no|')t\s+be|isn't|rather\s+than|instead\s+of|nor|neither)\s+"
    rf"(?i:(?:the\s+)?(?:option|choice|answer)\s+)?(?:{_SEVERAL.pattern}|{_ONE})"
    rf"|(?i:none\s+of)\s+(?:{_SEVERAL.pattern})"
    rf"|(?:{_SEVERAL.pattern})\s+are\s+(?:both\s+|all\s+)?(?:false|wrong|incorrect|close))"
)
_LAST_LETTER = re.compile(r"(?<![A-Za-z0-9/])([A-R])\W*$")
_NO_OPTION = re.compile(  # what is announced instead of an option
    r"(?i)\W*(?:none\b(?!\s+other)|n/a\b|no\s+(?:correct|option|answer|choice)"
    r"|(?:is\s+)?not\s+(?:listed|given|provided|available|among|in\s+the)\b)"
    r"(?!.*(?:\(\s*[A-R]\s*\)|\boption\s+[A-R]\b|[,:]\s*[A-R]\W*$))"
)
_LEAD_IN = re.compile(
    r"(?i)\W*(?:(?:therefore|thus|so|hence|finally|either|both|overall|in\s+conclusion)\b[,:]?\s*)+"
)

# ── how an option is named that is not announced ─────────────────────────────────────────────────

_ALL = re.compile(rf"(?:{_SEVERAL.pattern})\s+are\s+(?:both\s+|all\s+)?(?:correct|right|true)")

_IN_BRACKETS = re.compile(
    r"(?<![A-Za-z0-9_])\(\s*([A-R]|[a-r](?=\s*\)\W*$))\s*\)"
    r"|(?i:\b(?:so|hence|thus|therefore|is|it's|option|choice|answer)[\s,:*]+)\(\s*([a-r])\s*\)"
)
_OPTION_NAMED = re.compile(
    r"\b(?i:answer|select|choose|pick|(?:option|choice|letter)(?:\s+(?:is|would\s+be)\b)?)(?![A-Za-z])[\s:*]*"
    rf"(?:\(([A-R])\)|(?!I{_GOES_ON})([A-R])(?![A-Za-z0-9]))"
)
_IS = r"\s+(?:is|must\s+be|seems|would\s+be)\s+(?:the\s+|therefore\s+|thus\s+)?(?:only\s+)?"
_JUDGED = re.compile(  # "(B) is correct", "making **B** the correct answer"
    r"\bmaking\s+[*_]*\(?([A-R])\)?[*_]*\s+the\s+(?:\w+\s+)?(?:correct|right|best|answer|option|choice)|"
    r"(?:\(\s*([A-Ra-r])\s*\)|(?<![A-Za-z0-9])([A-R])(?![A-Za-z0-9'])\)?)"
    rf"[*_]*{_IS}(?:correct|right|true|best|answer)"
)
_JUDGED_TEXT = re.compile(  # "D (Hydrogen) is the correct answer", "B: Carbon dioxide is correct"
    r"(?<![A-Za-z0-9])(?:\(([A-R])\)|([A-R])(?:[).:,]|(?=\s*\()))[^.\n]{1,80}?"
    rf"{_IS}(?:correct|right|best|answer)"
)
_STATED = re.compile(  # "the compound is **C. ethanol**", "would be: B. Rome"
    r"(?:\b(?:is|are|be|was|as|to)|:)\s*[*_]*\(?([A-R])[.)]\s+[*_]*[\w$\\\"]"
    r"(?!.{0,300}\b(?i:so|therefore|thus|hence|choose|pick|answer|right)\b)"
)
_LEFT = re.compile(  # "leaving D as the answer", "So it's B."
    r"(?i:\bleaving\s+(?:only\s+)?)\(?([A-R])\)?(?i:\s+as)"
    r"|(?i:\bit(?:'s|\s+is|\s+must\s+be)\s+)\(?([A-R])\)?(?=[.,;]|(?i:\s+because)|\s*$)"
)
_FIRST_OF_LINE = re.compile(r"^\W*([A-Ra-r])(?:[.):](?:\s|$)|\s+-\s|\W*$)")
# a last line that ends in the letter: a short one, or behind what leads to it; no formula
_LAST_OF_LINE = re.compile(
    r"(?:(?i:\b(?:so|thus|hence|therefore|is|be|or|but|choose|pick|select|say|with|as|letter)"
    r"|(?<!:):|->|\N{RIGHTWARDS ARROW})[\s,:*_\"]+"
    r"|^[^=+^_$\\<>]{0,40}(?<![A-Za-z0-9/])|[^\x00-\x7f])([A-R])\W*$"
)
# how an unannounced option is named, tried in this order; the last match of a pattern counts: what
# is picked in so many words comes before what is said of an option, and that before a mere letter
_PICKED = (_JUDGED, _STATED, _OPTION_NAMED, _JUDGED_TEXT, _LEFT)
_CONCLUDED = (_JUDGED, _IN_BRACKETS, *_PICKED[1:], _FIRST_OF_LINE, _LAST_OF_LINE)

# ── an answer that stands first, and the options of a question ───────────────────────────────────

_GIVEN_FIRST = re.compile(r"[\s*_#>-]*\(?([A-R])(?:[).:]+(?=[*_]|\s)|(?=[*_]*\s*$)|\s+-\s)[*_]*")
_CONCLUDES = re.compile(
    r"(?i)\b(?:so|therefore|thus|hence|choose|pick|select|we|wait|actually)\b|\bis\s+(?:the\s+)?(?:correct|right|answer)"
    r"|^\W*\(?[A-R]\)?\W*$"
)
_HEADING = re.compile(r"(?i)^\W*(?:explanation|reasoning|why|because)\b")
_OPTION = re.compile(
    r"(?:^|[\s,;(\[{\"'])\(?([A-R])[).:]\s*(\S[^\n]*?)"
    r"(?=\s*(?:$|\n|[,;]?[ \t]+\(?[A-R][).:][ \t]*\S|[\"'\]}]\s*[,\]}]))"
)
_WITH_TEXT = re.compile(r"(?<![A-Za-z0-9])\(?([A-R])[).:]+\s+(?=(\S.{0,999}))")
_SAYS = re.compile(r"\w")
_CLOSING = re.compile(  # it names no letter
    r"(?!.*(?<![A-Za-z])(?:[A-HJ-R](?![A-Za-z'])|I(?!'?\s*[a-z])))(?:\S+\s+){2,7}\S+!\s*"
)
_SHORT = re.compile(r"\W*(?:[A-Za-z]{2,}\W+){0,3}[A-R]\W*")  # "So option B"
_ENDED = re.compile(r"[.!?:)\]}>*_`\"'$\N{IDEOGRAPHIC FULL STOP}\uff01\uff1f]\s*$")
MAX_UNENDED = 60  # words of a text that was not cut off though it ends in no sentence


# ── reading ──────────────────────────────────────────────────────────────────────────────────────


def read_choice(steps: Sequence[str], question: str = "") -> str | None:
    """The letter A to R that is announced, else the one that the end names; None without one.

    Several letters are one answer ("A, C"). With the question, whose options are lettered, the
    text of an option stands for its letter. A long text that ends within a sentence was cut off,
    and names none; nor does one that announces that no option is right.
    """
    options = {letter: read_through(option) for letter, option in options_in(question).items()}
    for text in announced(steps):
        text = read_through(plain(text))
        if _NO_OPTION.match(text):
            return _option_of(text, options)
        named = _as_letters(text) or _first_named(text)
        if named and _are_options(named, options):
            return named
        if letters := _option_of(text, options) or named:
            return letters
    lines = [line for step in steps if (line := read_through(plain(step))).strip()]
    return _first_line(lines, options) or _conclusion(lines, options)


def equal_choice(first: str, second: str) -> bool:
    """Whether two answers name the same letters, or hold the same text."""
    one, two = letters_of(first), letters_of(second)
    return one == two if one or two else fold(first) == fold(second)


def letters_of(text: str) -> str | None:
    """The letters of an answer that is given as letters: "(b)" is "B", "A and C" is "A, C"."""
    return _as_letters(read_through(plain(text)))


def options_in(question: str) -> Mapping[str, str]:
    """The lettered options of a question, `(A) 2 (B) 3` or a line each; empty if there are none."""
    found: dict[str, str] = {}
    for match in _OPTION.finditer(plain(question[-8000:])):
        if match[1] == LETTERS[len(found) : len(found) + 1]:
            found[match[1]] = match[2]
    return found if len(found) > 1 else {}


def letter_of(text: str, options: Mapping[str, str] | Sequence[str]) -> str | None:
    """The letter of the one option that has this text."""
    pairs = options.items() if isinstance(options, Mapping) else zip(LETTERS, options, strict=False)
    same = [letter for letter, option in pairs if fold(option) == fold(text)]
    return same[0] if len(same) == 1 else None


def _option_of(text: str, options: Mapping[str, str]) -> str | None:
    """The letter of the option whose text this is, or holds behind its letter: "it is B. Rome"."""
    if not options:
        return None
    if letter := letter_of(trim(text), options) or letter_of(bare_text(text), options):
        return letter
    named = [found for found in _WITH_TEXT.finditer(text) if found[1] in options]
    return next((m[1] for m in named if _begins(fold(m[2]), fold(options[m[1]]))), None)


def _are_options(letters: str, options: Mapping[str, str]) -> bool:
    """Whether all letters are those of options, as far as these are known."""
    return not options or options.keys() >= {*letters.split(", ")}


def _begins(text: str, start: str) -> bool:
    return text.startswith(start) and not text[len(start) : len(start) + 1].isalnum()


def _first_line(lines: Sequence[str], options: Mapping[str, str]) -> str | None:
    """The letter of an answer that stands first, alone or with its option, and is explained below.

    None where a line below concludes something, or goes on with a list of options.
    """
    if len(lines) < 2:
        return None
    first, *below = lines
    found = _GIVEN_FIRST.match(first)
    if found is None or any(_CONCLUDES.search(line) for line in below):
        return None
    rest, option = fold(first[found.end() :]), options.get(found[1])
    is_answer = not rest or (option is not None and rest.startswith(fold(option)))
    is_list = any(_GIVEN_FIRST.match(line) for line in below)
    is_explained = any(_HEADING.match(line) for line in below)
    return found[1] if is_answer and (is_explained or not is_list) else None


def _as_letters(text: str) -> str | None:
    if lead := _LEAD_IN.match(text):
        text = text[lead.end() :]
    if letters := _letters_alone(trim(text).strip("()[]{} ")):
        return letters
    leading = _LEADING.match(text)
    start = (
        next((leading.start(name) for name in leading.groupdict() if leading[name]), 0)
        if leading
        else 0
    )
    for at in (start, start - 1):
        if at >= 0 and (several := _SEVERAL.match(text, at)):
            return _several(several.group())
    return str(next(filter(None, leading.groupdict().values()))).upper() if leading else None


def _letters_alone(text: str) -> str | None:
    """The letters of a text that is nothing else: "b", "ABD", "A B D"."""
    if len(text) == 1:
        return text.upper() if text.upper() in LETTERS else None
    letters = [*filter(str.isalpha, text)] if _ALONE.fullmatch(text) else []
    return ", ".join(letters) if letters and letters == sorted(set(letters)) else None


def _several(text: str) -> str:
    letters = re.findall(r"(?<![A-Za-z])[A-Ra-r](?![A-Za-z])", text)
    return ", ".join(sorted({letter.upper() for letter in letters}))


def _first_named(text: str) -> str | None:
    """The letter of a sentence that does not begin with one: "it must be (B), not (C)"."""
    text = _DENIED.sub("", text)
    alone, in_brackets = _SEVERAL.search(text), _IN_BRACKETS.search(text)
    if alone and (in_brackets is None or alone.start() <= in_brackets.start() < alone.end()):
        return _several(alone.group())
    for pattern in (_IN_BRACKETS, _OPTION_NAMED, _LAST_LETTER):
        if found := pattern.search(text):
            return str(next(filter(None, found.groups()))).upper()
    return None


def _conclusion(lines: Sequence[str], options: Mapping[str, str]) -> str | None:
    """The option that the last line names, else the last one that a line above picks or is."""
    lines = _with_what_follows(lines)
    if not lines or (_is_cut(lines) and not _is_answer(lines[-1], options)):
        return None
    *above, last = lines
    if letters := _named_in(last, _CONCLUDED, options):
        return letters
    for line in reversed(above):
        if letters := _named_in(line, _PICKED, options):
            return letters
    return None


def _with_what_follows(lines: Sequence[str]) -> list[str]:
    """The lines that say something; one that ends in a colon goes on with the next one.

    A short last one that names no letter, "Hope this helps!", says nothing.
    """
    found: list[str] = []
    for line in (line for line in lines if _SAYS.search(line)):
        if found and found[-1].rstrip(" *_").endswith(":"):
            found[-1] += f" {line}"
        else:
            found.append(line)
    while len(found) > 1 and _CLOSING.fullmatch(found[-1]):
        found.pop()
    return found


def _is_cut(lines: Sequence[str]) -> bool:
    return not _ENDED.search(lines[-1]) and sum(len(x.split()) for x in lines) > MAX_UNENDED


def _is_answer(line: str, options: Mapping[str, str]) -> bool:
    """Whether a line that ends in no sentence is an answer nevertheless: "So B", or an option."""
    if _option_of(line, options) or _letters_alone(trim(line).strip("()[]{} ")):
        return True
    return bool(_SHORT.fullmatch(line) and _named_in(line, _CONCLUDED, options))


def _named_in(
    line: str, patterns: Sequence[re.Pattern[str]], options: Mapping[str, str]
) -> str | None:
    line = _DENIED.sub("", line)
    bare = trim(line).strip("()[]{} ")
    if letters := _letters_alone(bare):
        return letters
    if (several := _SEVERAL.fullmatch(bare)) or (several := _ALL.search(line)):
        return _several(several.group())
    for pattern in patterns:
        for found in reversed([*pattern.finditer(line)]):
            letter = str(next(filter(None, found.groups()))).upper()
            if _are_options(letter, options):
                return letter
    return _option_of(line, options)
