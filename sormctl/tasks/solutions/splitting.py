"""How a completion is cut into steps, so that it can be put together again as it was.

`lines` and `paragraphs` are what their names say, `regex:…` cuts at a pattern. `blocks` cuts where
a person would: a line is a step, but a display, an environment, a code fence or a table is never
cut, and a heading or a line that leads in (`…:`) belongs to what follows. A text that would be one
step of several sentences is cut into these.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping

from sormctl.errors import UsageError
from sormctl.missing import no_such
from sormctl.tasks.answers.announcing import is_heading
from sormctl.tasks.solutions.sentences import Span, sentences

Piece = tuple[str, str]  # a step and what stands between it and the next
BLOCKS = "blocks"

SPACE = " \t\r\n"  # no other character ends a line or a step: not U+2028, not a form feed
_LINE = re.compile(r"[^\n]+")
_BLANK = re.compile(r"\n[ \t\r]*\n")
_OPENING = re.compile(
    r"(?<!\\)\\\[|\$\$|\\begin\{(?P<name>[A-Za-z]+\*?)\}|^[ \t]*(?P<fence>`{3,}|~{3,})[^`\n]*$",
    re.MULTILINE,
)
_ENVIRONMENT = re.compile(r"\\(begin|end)\{([A-Za-z]+\*?)\}")
# bold words alone in a line are a heading, a bold number is none
_HEADING = re.compile(
    r"(#{1,6})[ \t]+(\S.*)|\*\*(?=[^*]*[^\W\d_]{3})[^*]+\*\*:?|__(?=[^_]*[^\W\d_]{3})[^_]+__:?"
    r"|[-*_]{3,}"
)
_LEADS_IN = re.compile(r"[:\uff1a][*_\s]*$")
_TAG = re.compile(r"<(?!\w+_end>)[A-Za-z][\w-]*>")  # alone in a line, it belongs to what follows
_END_TAG = re.compile(r"</[A-Za-z][\w-]*>|<\w+_end>")  # to what stands before
_DISPLAY = re.compile(r"\\\[|\$\$|\\begin\{")
_PUNCTUATED = re.compile(r"[.!?:;,\u3002\uff1a][\"')\]$*`]*$")
_GOES_ON = re.compile(r"(?:where|with|which|is|are|in|for|as|since|so that|because|or|if)\b")
MIN_SENTENCES = 3  # of a text that is cut into them, because it would be one step


def pieces(text: str, mode: str) -> list[Piece]:
    """The steps of a text, each with what stands between it and the next one; joined, the text.

    Only white space, or what the pattern of `regex:` finds, stands between. A text that begins
    with that has a first piece whose step is empty; no other step is. UsageError for a mode that
    does not exist.
    """
    spans = [span for span in map(_stripped(text), find_spans(mode)(text)) if span]
    if not spans:
        return [("", text)] if text else []
    starts = [start for start, _ in spans]
    between = zip(spans, [*starts[1:], len(text)], strict=True)
    found = [(text[start:end], text[end:following]) for (start, end), following in between]
    before = text[: starts[0]]
    return [("", before), *found] if before else found


def known_steps(mode: str | None) -> str | None:
    """The mode, as it is; UsageError if there is no such way to cut steps."""
    if mode is not None:
        find_spans(mode)
    return mode


def find_spans(mode: str) -> Callable[[str], Iterator[Span]]:
    """Finds the spans of a text's steps, by the name of the mode."""
    kind, colon, pattern = mode.partition(":")
    if kind == "regex" and pattern:
        try:
            compiled = re.compile(pattern)
        except re.error as error:
            raise UsageError(f"--steps {mode}: no regular expression: {error}") from error
        return lambda text: _between(text, compiled)
    if colon or mode not in _MODES:
        known = [*_MODES, "regex:PATTERN"]
        raise UsageError(no_such("way to cut steps (--steps)", mode, known))
    return _MODES[mode]


def _stripped(text: str) -> Callable[[Span], Span | None]:
    def strip(span: Span) -> Span | None:
        start, end = span
        part = text[start:end]
        inner = part.strip(SPACE)
        start += len(part) - len(part.lstrip(SPACE))
        return (start, start + len(inner)) if inner else None

    return strip


def _lines(text: str) -> Iterator[Span]:
    return (line.span() for line in _LINE.finditer(text))


def _between(text: str, pattern: re.Pattern[str]) -> Iterator[Span]:
    """What stands between the matches of a pattern."""
    position = 0
    for match in pattern.finditer(text):
        yield position, match.start()
        position = match.end()
    yield position, len(text)


def _paragraphs(text: str) -> Iterator[Span]:
    whole = _whole_parts(text)
    position = 0
    for blank in _BLANK.finditer(text):
        if not _is_within(whole, blank.start()):
            yield position, blank.start()
            position = blank.end()
    yield position, len(text)


def _blocks(text: str) -> Iterator[Span]:
    """Joined lines; of a text that these make one step of, its sentences."""
    spans = [*_joined_lines(text)]
    if sum(bool(text[slice(*span)].strip(SPACE)) for span in spans) == 1:
        whole = _whole_parts(text)
        found = [*sentences(text, (0, len(text)), lambda position: _is_within(whole, position))]
        spans = found if len(found) >= MIN_SENTENCES else spans
    yield from spans


def _joined_lines(text: str) -> Iterator[Span]:
    """Lines, joined where they are parts of a whole, rows of a table, or belong to what follows."""
    start = 0
    rows = _uncut_lines(text)
    for number, (first, end) in enumerate(rows):
        line = text[first:end].strip()
        following = text[slice(*rows[number + 1])].strip() if number + 1 < len(rows) else ""
        if following and _belong_together(line, following):
            continue
        yield start, end
        start = end


def _uncut_lines(text: str) -> list[Span]:
    """The lines that hold something; one span for those that are parts of a whole."""
    whole = _whole_parts(text)
    found: list[Span] = []
    first: int | None = None
    for start, end in _lines(text):
        first = start if first is None else first
        if _is_within(whole, end):
            continue
        if text[first:end].strip(SPACE):
            found.append((first, end))
        first = None
    return found if first is None else [*found, (first, len(text))]


def _belong_together(line: str, following: str) -> bool:
    """Whether two lines are parts of one step."""
    if _belongs_to_next(line):
        rank, next_rank = _rank(line), _rank(following)
        return rank is None or next_rank is None or next_rank > rank  # else it has no body
    if _is_row(line) and _is_row(following):
        return True
    if _DISPLAY.match(line):
        return bool(_GOES_ON.match(following) or _END_TAG.fullmatch(following))
    leads = _TAG.fullmatch(line) or (_DISPLAY.match(following) and not _PUNCTUATED.search(line))
    return bool(leads or _END_TAG.fullmatch(following))


def _rank(line: str) -> int | None:
    """The rank of a heading, 1 to 6, or 7 where it is in bold; None if the line is none."""
    heading = _HEADING.fullmatch(line)
    if heading is None or line[0] == line[-1] == "-":
        return None
    return len(heading[1]) if heading[1] else 7


def _belongs_to_next(line: str) -> bool:
    """Whether a line is a heading or leads in; `#### 18` states an answer."""
    heading = _HEADING.fullmatch(line)
    if heading and heading[1] == "####":
        return is_heading(heading[2])
    return bool(heading or _LEADS_IN.search(line))


def _is_row(line: str) -> bool:
    return line.startswith("|") and line.count("|") > 1


def _whole_parts(text: str) -> list[Span]:
    """Displays, environments and code fences, one after the other.

    Formulas that are never closed end with their paragraph, a fence with the text.
    """
    found: list[Span] = []
    environments = _environments(text)
    opening = _OPENING.search(text)
    while opening:
        end = _closing(text, opening, environments)
        found.append((opening.start(), end))
        opening = _OPENING.search(text, end)
    return found


def _closing(text: str, opening: re.Match[str], environments: Mapping[int, int]) -> int:
    if fence := opening["fence"]:
        pattern = rf"^[ \t]*{fence[0]}{{{len(fence)},}}[ \t\r]*$"
        closed = re.compile(pattern, re.MULTILINE).search(text, opening.end())
        return closed.end() if closed else len(text)
    if opening["name"]:
        end = environments.get(opening.start(), -1)
    else:
        closing = "\\]" if opening.group() == "\\[" else "$$"
        end = text.find(closing, opening.end()) + 2
    return end if end > opening.start() + 1 else _end_of_paragraph(text, opening.end())


def _environments(text: str) -> dict[int, int]:
    """Where each environment that begins somewhere ends."""
    begun: dict[str, list[int]] = {}
    found: dict[int, int] = {}
    for mark in _ENVIRONMENT.finditer(text):
        starts = begun.setdefault(mark[2], [])
        if mark[1] == "begin":
            starts.append(mark.start())
        elif starts:
            found[starts.pop()] = mark.end()
    return found


def _end_of_paragraph(text: str, position: int) -> int:
    blank = _BLANK.search(text, position)
    return blank.start() if blank else len(text)


def _is_within(whole: list[Span], position: int) -> bool:
    """Whether a line end stands inside one of the parts."""
    index = bisect_right(whole, (position, len(whole) and whole[-1][1] + 1)) - 1
    return index >= 0 and whole[index][0] <= position < whole[index][1]


_MODES: dict[str, Callable[[str], Iterator[Span]]] = {
    "lines": _lines,
    "paragraphs": _paragraphs,
    BLOCKS: _blocks,
}
