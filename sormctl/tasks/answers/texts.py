"""Answers in words: what stands around them, and when two are the same."""

from __future__ import annotations

import re
import unicodedata

from sormctl.tasks.answers.characters import plain
from sormctl.tasks.answers.latex import unwrapped

NEXT_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")  # what parts it from the one before
_SENTENCE_END = re.compile(
    r"(?<=[^\W\d_]{3})[.!]\s+(?=[A-Z])|(?i:[.!,]?\s+(?=I\s+hope\s+(?:it|this|that)\b))"
    r"|(?i:,\s+which\s+(?:is|was|are|were|has|had)\s)"
)
_YES_OR_NO = re.compile(  # "No. It is not", but not "No. 5", "true, false" or "Yes, Minister"
    r"(?i)\W*(yes|no|true|false)\b[*_]*(?:[.,:;!]\s+(?!(?:yes|no|true|false)\b)(?=[^\W\d]\S*\s+\S+\s+\S)"
    r"|,?\s+because\s)"
)
_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")
_MARKED = re.compile(
    r"\s*(?:\*\*([^*\n]+)\*\*|\"([^\"\n]+)\"(?=\s*[,}\].]|$))"
)  # in bold or quoted


def trim(text: str) -> str:
    """The text without the punctuation and the emphasis around it, in one line."""
    return _BOLD.sub(r"\1", " ".join(text.split())).strip(" .,;:!?\"'`*$#")


def first_sentence(text: str) -> str:
    """The text up to the end of its first sentence; "St. Gallen" is no end."""
    return _SENTENCE_END.split(text, maxsplit=1)[0]


def bare_text(text: str) -> str:
    r"""The words of an announcement alone: without `\text{}`, dollars and the next sentence."""
    text = " ".join(text.split())
    if said := _YES_OR_NO.match(text):
        return said[1]
    marked = _MARKED.match(text)
    return trim(unwrapped(first_sentence(marked[1] or marked[2] if marked else text)))


def fold(text: str) -> str:
    """The same for texts that differ in case, spaces, accents' code points or quotation marks."""
    one_way = unicodedata.normalize("NFKC", plain(unicodedata.normalize("NFC", text)))
    return trim(one_way).casefold() or " ".join(one_way.split())
