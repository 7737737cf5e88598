"""A line of JSON with other labels, the rest of it as it stands."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import orjson

from sormctl.records import Labels, parse_solution, solution_json
from sormctl.streams.decoding import decoder

_KEY: Final = b'"labels"'
_SPELLED: Final = {0: b"0", 1: b"1", None: b"null"}


def relabelled(line: bytes, old: Labels, new: Labels) -> bytes:
    """The line of a solution whose labels are `old`, with `new` in their place.

    Where the key is written only once, and no letter could be written otherwise, it is that of the
    solution, and nothing but its value changes. Any other line is written anew from its record.
    """
    if old == new:
        return line
    key = line.find(_KEY)
    if key < 0 or line.find(_KEY, key + 1) >= 0 or _may_escape_letters(line):
        solution = decoder(parse_solution)(line)
        return orjson.dumps(solution_json(replace(solution, labels=new)))
    start, end = line.index(b"[", key) + 1, line.index(b"]", key)
    return b"%b%b%b" % (line[:start], b",".join(map(_SPELLED.__getitem__, new)), line[end:])


def _may_escape_letters(line: bytes) -> bool:
    return b"\\" in line and (b"\\u006" in line or b"\\u007" in line)
