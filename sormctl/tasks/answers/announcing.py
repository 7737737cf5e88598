r"""Where a solution announces its answer: `#### 18`, `\boxed{18}`, "the answer is", `<answer>` …

The one place that decides it. The last announcement counts, whatever its form; a heading of
markdown (`#### 1. Add`, `#### Therefore`) is none, and one that announces nothing is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sormctl.tasks.answers.latex import boxes

_IS = (
    r"(?:[:=\uff1a]|(?<=\s)[-\u2013\u2014](?=\s)|\s(?:is|are|was|(?:would|should|must|will|could|has\s+to|turns\s+out\s+to)\s+be|equals|comes\s+(?:out\s+)?to)\b"
    r"(?:\s+(?:therefore|thus|hence|then|simply|indeed|clearly|most\s+likely|probably|now|given\s+by"
    r"|as\s+follows)\b,?)*\s*[:=\uff1a]?)"
)
_CLOSED = r"(?:[*_`\"')]|</?[a-z]{1,6}>)*"  # what may stand between a word and its colon

# form: (words of which a text in lower case holds one, pattern); what follows is announced
_FORMS = {
    # GSM8K; three or five hashes are headings
    "hashes": (("####",), re.compile(r"(?<!#)####(?!#)")),
    # reasoning models and their reward functions
    "tag": (
        ("<ans", "<final", "[answer", "<|answer"),
        re.compile(r"(?i)<ans>|[<\[]\|?(?:final[_ -]?)?answer\|?[>\]]"),
    ),
    # "the answer (to …) is", "Answer:", "**Answer**:", "Answer = "
    "answer": (
        ("answer",),
        re.compile(
            rf"(?<![A-Za-z])[Aa](?i:nswers?{_CLOSED}"
            rf"(?:\s+(?:to|for|of|in)\b[^.\n:=?]{{1,80}}?|\s*\([^()\n]{{1,40}}\)"
            rf"|,\s*(?:therefore|then|thus|hence|of\s+course),?(?=\s))?{_CLOSED}\s*{_IS})"
        ),
    ),
    # a line that holds only "Final answer", or an "Answer 73" at its beginning
    "heading": (
        ("answer", "result"),
        re.compile(
            r"(?im)^[ \t>#*_\d.-]*(?:the\s+|my\s+)?"
            r"(?:(?:final\s+|correct\s+)?answer|final\s+result)[*_#]*"
            r"(?:[ \t]*$|[ \t]+(?=[-$\d\\(*]))"
        ),
    ),
    # "A: 73", "Ans. 73", "Result: 73"
    "line": (
        ("a:", "a :", "a\uff1a", "ans", "result"),
        re.compile(
            r"(?im)^[ \t>#*_-]*(?:A[*_]*[ ]?[:\uff1a]|ans[*_]*[ ]?[.:=]"
            r"|(?:final\s+)?result[*_]*\s?[:=])"
        ),
    ),
    "final": (
        ("final",),
        re.compile(
            rf"(?i)\bfinal\s+(?:result|value|total|solution|amount|number){_CLOSED}\s*{_IS}"
        ),
    ),
    "choice": (
        ("option", "choice", "letter", "statement"),
        re.compile(
            r"(?i)\b(?:correct|right|best|appropriate|accurate|true)\s+(?:answer\s+)?"
            rf"(?:option|choice|letter|statement)s?{_CLOSED}\s*{_IS}"
        ),
    ),
    # the same in other languages
    "Chinese": (
        ("答", "选", "選"),
        re.compile(
            r"答案?\s*(?:应该)?(?:[是为為]|[应應][为為])?\s*[*_]*\s*[:\uff1a]"
            r"|答案(?:应该)?[是为為]\s*[*_]*[:\uff1a]?"
            r"|(?:故|所以|因此|应|應|正确)(?:选项?|選)[是为為择擇]?\s*[:\uff1a]?"
        ),
    ),
    "Japanese": (
        ("答え", "解答", "正解"),
        re.compile(r"(?:答え|解答|正解)\s*(?:は|[:\uff1a])[:\uff1a]?"),
    ),
    "Korean": (("답",), re.compile(r"(?:정답|답)\s*(?:은|[:\uff1a])[:\uff1a]?")),
    "European": (
        ("antwo", "respuesta", "réponse", "resposta", "risposta", "ответ", "odpowiedź"),
        re.compile(
            r"(?i)(?:antwort|respuesta(?:\s+(?:final|correcta))?|réponse(?:\s+(?:finale|correcte))?|resposta(?:\s+(?:final|correta))?"
            rf"|risposta(?:\s+(?:finale|corretta))?|ответ|antwoord|odpowiedź){_CLOSED}\s*"
            r"(?:\s(?:ist|lautet|es|est|é|è|is|to)\b|[:=\uff1a])\s*:?"
        ),
    ),
}
_FULL_FORMS = [(name, words, pattern) for name, (words, pattern) in _FORMS.items()]

# "7 is the answer", "(B) is correct"
_BEFORE = re.compile(
    r"(?i)\b(?:is|are)\s+(?:\w+\s+)?(?:the|my|our)\s+(?:\w+\s+)?answer\b(?!\s*[?:])"
)
_BEFORE_WORDS = ("is the ", "are the ", "is my ", "is our ")
_NO_CONTENT = re.compile(
    r"(?i)^\W*(?:so|and|thus|then)?\W*(?:what|which|this|that|it|here|who|where)?\W*$"
)
# words before or after that make it no statement: "find the answer:", "if the answer is", "is not"
_UNSAID_BEFORE = re.compile(
    r"(?i)(?:\b(?:find|get|reach|determine|calculate|verify|check|compute|obtain|give|write|state|"
    r"if|whether|suppose|assume|assuming|unless|not|isn't|what|which|why|how)\s+(?:that\s+|out\s+|is\s+)?)"
    r"(?:(?:the|our|my|your|this|final|correct|right|an?)\s+)*$"
    r"|\b(?:wrong|incorrect|false|mistaken)\s+$"
)
_NOT = re.compile(
    r"(?i)^\s*(?:(?:not|n't|the\s+same\s+as\s+(?:the\s+)?(?:original|first|previous)|wrong|incorrect|unknown|unclear|in\s+the\s+form|reasonable|based\s+on"
    r"|rounded\s+(?:(?:up|down)\s+)?to\s+(?:the|an?)|already|(?:less|more|greater|smaller)\s+than"
    r"|boxed|shown|given\s+above|an?\s+(?:positive\s+|negative\s+)?integer)\b(?!\s*[:=])"
    r"|in\s+(?:its\s+)?(?:simplest|lowest)\s+(?:form|terms)\s*[.!,;]|correct\s*[.!]"
    r"|(?:correct|found|obtained|reached|verified|confirmed|checked|consistent)\b,?"
    r"\s+(?:because|since|by|in|to|as|with|from|using|after|when)\b)"
)

_END_TAG = re.compile(r"(?i)[<\[]\s*/\s*(?:final[_ -]?)?ans(?:wer)?\s*[>\]]")
_DECORATION = re.compile(r"[\s*_#>`:=\-\uff1a|]*")
_DISPLAY = re.compile(r"\\\[|\$\$|\\begin\{([a-z*]+)\}|```[a-z]*")
_ENDS = {"\\[": "\\]", "$$": "$$"}
_RULES = " \n*_#`-"
_LINE = re.compile(r"[^\n]*")
_OPTION = re.compile(r"\W*\(?[A-R][.)]\s+\S")  # "**B. The pH of the solution**"

_NUMBERED = re.compile(r"[*_\s]*\d{1,2}[.):]\s+[*_]*[^\W\d]")
_HEADING_WORD = re.compile(
    r"(?i)[*_\s]*(?:step|part|case|phase|stage|section|solution|answer|final|conclusion|conclude|therefore|thus|"
    r"hence|so,|summary|analysis|analy[sz]e|explanation|reasoning|calculat\w+|comput\w+|verif\w+|check\w*|approach|"
    r"method|given|find\w*|let|first|second|third|next|finally|now|understand\w*|break\w*|setting|set\s+up|"
    r"problem|question|note|example|proof|result|evaluat\w+|determin\w+|identify\w*|simplif\w+|solv\w+|"
    r"option|choice|consider\w*|to\s|for\s|adding|add|subtract\w*|multipl\w+|divid\w+|total\s+\w+\s+of\b)\b"
)
_WORDY = re.compile(
    r"[*_\s]*(?!(?:Rs|minus|negative|about|approximately|INR|USD|EUR|GBP)\b)[^\W\d_]{2,}"
)
_PART = re.compile(r"(?i)[*_\s]*(?:step|part|case)\b")
_VALUE = re.compile(r"[:=]\s*[-$\d\\(]|\\boxed|[=:]\s*[*_]*\S+[*_\s]*$")


def announced(steps: Sequence[str]) -> Iterator[str]:
    r"""What the steps announce as the answer, the last announcement first."""
    text = "\n".join(steps)
    lower = text.lower()
    marks = [
        (match.start(), match.end(), name)
        for name, words, pattern in _FULL_FORMS
        if any(word in lower for word in words)
        for match in pattern.finditer(text)
    ]
    held = _boxes(text, marks) if "box" in lower else {}
    if any(words in lower for words in _BEFORE_WORDS):
        marks += [(found.start(), found.end(), "before") for found in _BEFORE.finditer(text)]
    limit = len(text)  # nothing is announced beyond the next announcement
    for start, end, form in sorted(marks, reverse=True):
        content = held[start] if form == "box" else _content(text[:limit], start, end, form)
        if form == "hashes" and content and is_heading(content, *_place(text, start, end)):
            content = None
        limit = min(limit, start)
        if content and (content := content.strip()):
            yield content


def _boxes(text: str, marks: list[tuple[int, int, str]]) -> dict[int, str]:
    """What the boxes hold, by where they stand, which is added to the marks."""
    held = dict(boxes(text))
    marks += [(start, start, "box") for start in held]
    return held


def _content(text: str, start: int, end: int, form: str) -> str | None:
    if form == "before":
        return _sentence_before(text, start)
    if form == "tag":
        close = _END_TAG.search(text, end)
        return text[end : close.start() if close else len(text)]
    before = text[max(0, start - 40) : start].rpartition("\n")[2]
    if _NOT.match(text[end : end + 40]) or _UNSAID_BEFORE.search(before):
        return None
    line = _rest_of_line(text, end)
    if form == "hashes" and line.strip():
        return line
    if line[_DECORATION.match(line).end() :]:  # type: ignore[union-attr]  # it matches everywhere
        return _display(text, end) if _DISPLAY.match(line.lstrip()) else line
    return _next_line(text, end + len(line))


def _rest_of_line(text: str, position: int) -> str:
    return _LINE.match(text, position).group()  # type: ignore[union-attr]  # it matches everywhere


def _sentence_before(text: str, end: int) -> str | None:
    before = re.split(r"[.!?]\s|\n", text[max(0, end - 80) : end])[-1]
    return None if _NO_CONTENT.match(before) else before


def _next_line(text: str, position: int) -> str | None:
    """What follows an announcement that ends its line: a display, a short line or the last one."""
    start = _DECORATION.match(text, position).end()  # type: ignore[union-attr]
    opening = text.rfind("\n", 0, start) + 1
    for at in (start, opening):
        if _DISPLAY.match(text, at):
            return _display(text, at)
    line = text[max(opening, position) : start] + _rest_of_line(text, start)
    is_last = not text[start + len(_rest_of_line(text, start)) :].strip(_RULES)
    return line if is_last or len(line.split()) <= 6 or _OPTION.match(line) else None


def _display(text: str, position: int) -> str:
    opening = _DISPLAY.search(text, position)
    assert opening is not None
    name = opening.group(1)
    closing = f"\\end{{{name}}}" if name else _ENDS.get(opening.group(), "```")
    end = text.find(closing, opening.end())
    stop = end + len(closing) if end >= 0 else len(text)
    return text[opening.start() : stop] if name else text[opening.end() : end if end >= 0 else stop]


def _place(text: str, start: int, end: int) -> tuple[bool, bool]:
    """Whether anything follows the line of a mark, and whether it is the first of its form."""
    following = text.find("\n", end)
    goes_on = following >= 0 and bool(text[following:].strip(_RULES))
    return goes_on, text.find("####", 0, start) < 0


# ── headings ─────────────────────────────────────────────────────────────────────────────────────


def is_heading(line: str, goes_on: bool = True, is_first: bool = False) -> bool:
    """Whether the line behind four hashes is a heading of markdown instead of an answer.

    One that is numbered, or begins with a word as headings do, is one; and one that is made of
    words if the solution goes on below it and it states no value (`Total: 7`).
    """
    if _NUMBERED.match(line):
        return goes_on or not is_first
    if _HEADING_WORD.match(line):
        stated = _VALUE.search(line) and not _PART.match(line)
        return not stated and (goes_on or len(line.split()) > 1)
    return (
        goes_on and bool(_WORDY.match(line)) and not _VALUE.search(line) and len(line.split()) > 1
    )
