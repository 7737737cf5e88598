"""Where a paragraph may be cut into sentences: never within a formula, brackets or a number."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

Span = tuple[int, int]

MIN_WORDS = 3  # of a sentence; a shorter one belongs to the next
_END = re.compile(
    r"(?<=[.!?])[\"'\N{RIGHT DOUBLE QUOTATION MARK})\]*]{0,3}([ \t]+)"
    r"(?=[\"'\N{LEFT DOUBLE QUOTATION MARK}(*]{0,3}[A-Z]|\\\(|\$\S)"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|cf|Dr|Mr|Mrs|Ms|St|Nos?|Fig|Eqs?|approx|Prof|Jr|Sr|Inc|Co|Ltd|al|ft"
    r"|in|lb|oz|hr|min|sec|U\.S|U\.K|a\.m|p\.m|Art|Sec|v)|\b[A-Z])\.$"
)
_LABEL = re.compile(r"\W*(?:\(?\d{1,2}|[A-Za-z]|Step \d+)[.):]\W*")  # "2.", "(a)", "Step 3:"
_WORD = re.compile(r"\w+")
_TWO_WORDS = re.compile(r"\W{0,20}\w+\W{1,20}\w")
_DOLLAR = re.compile(r"(?<!\\)\$(?![0-9])")  # but no sum of money


class _Sentence:
    """What has been read of a sentence: its words, and what is open in it."""

    def __init__(self) -> None:
        self.words = self.brackets = self.dollars = 0

    def read(self, text: str) -> None:
        self.words += len(_WORD.findall(text))
        self.brackets += text.count("(") - text.count(")")  # those of `\\(` and `\\)`, too
        self.dollars += len(_DOLLAR.findall(text))

    @property
    def is_whole(self) -> bool:
        return self.words >= MIN_WORDS and self.brackets <= 0 and self.dollars % 2 == 0


def sentences(text: str, span: Span, is_within: Callable[[int], bool]) -> Iterator[Span]:
    """The spans of the sentences of a part of a text.

    `is_within` says whether a position stands inside of what is never cut.
    """
    start, stop = span
    position, sentence = start, _Sentence()
    for end in _END.finditer(text, start, stop):
        sentence.read(text[position : end.start(1)])
        position = end.end(1)
        is_end = sentence.is_whole and not _is_label(text[max(start, position - 20) : end.start(1)])
        if is_end and not is_within(end.start()) and _TWO_WORDS.match(text, position):
            yield start, end.start(1)
            start, sentence = position, _Sentence()
    yield start, stop


def _is_label(text: str) -> bool:
    """Whether a text ends in a stop that is no sentence's: of an abbreviation, of a number."""
    return bool(_ABBREVIATION.search(text) or _LABEL.fullmatch(text.rpartition("\n")[2]))
