"""Why a completion ended, in the words of servers, tools and files."""

from __future__ import annotations

import re

STOP, LENGTH = "stop", "length"
_FIELD = re.compile(r"finish_?reason[._]")  # some write its name, too
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")  # of `eosFound`
# who ends a text for such a reason has not let its writer end it, at no limit of the writer's
_OTHER = re.compile(
    r"(?<![a-z])(rate|quota|time|deadline|retr(y|ies)|moderat|filter|safety|recitation|client|by_user|fail|errors?(?!_limit)|disconnect)"
)
_STOP = re.compile(
    r"(?!.*(length|max|limit|exceed|truncat|budget))(stop(s|ped|ping|(sequence|string|word|token)s?)?|eos|end(ed|of.*)?"
    r"|complet(e|ed|ion)|finish(ed)?|done|unchanged|solution)(?![a-z])"
)
_LENGTH = re.compile(r"length|max|limit|exceed|truncat|budget")


def ending(word: str) -> str:
    """`stop` where its writer wanted to end, `length` at a limit; any other word as it is.

    >>> [ending(word) for word in ("eos_token", "MAX_TOKENS", "content_filter", "time_limit")]
    ['stop', 'length', 'content_filter', 'time_limit']
    """
    said = _FIELD.sub("", _HUMP.sub("_", word).casefold())
    if _OTHER.search(said):
        return word
    if _STOP.match(said):
        return STOP
    return LENGTH if _LENGTH.search(said) else word
