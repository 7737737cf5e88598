"""Why a completion ended, in the words of servers, tools and files."""

from __future__ import annotations

import re

STOP, LENGTH = "stop", "length"
_STOP = re.compile(
    r"(?i)(?!.*(length|limit|max))(stop|eos|end|complete|finish|done|unchanged|solution)"
)
_LENGTH = re.compile(r"(?i)length|max|limit|exceed|truncat|budget")


def ending(word: str) -> str:
    """`stop` where its writer wanted to end, `length` at a limit; any other word as it is.

    >>> [ending(word) for word in ("eos_token", "MAX_TOKENS", "content_filter")]
    ['stop', 'length', 'content_filter']
    """
    if _STOP.match(word):
        return STOP
    return LENGTH if _LENGTH.search(word) else word
