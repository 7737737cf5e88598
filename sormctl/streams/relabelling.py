"""A line of JSON with other labels, the rest of it as it stands."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import orjson

from sormctl.records import Labels, parse_solution, solution_json
from sormctl.streams.decoding import decoder

_KEY: Final = b'"labels"'
_ESCAPED: Final = b"\\u006", b"\\u007"  # what a letter of the key begins with, were it escaped


def relabelled(line: bytes, old: Labels, new: Labels) -> bytes:
    """The line of a solution whose labels are `old`, with `new` in their place.

    Where the key is written only once, and no letter could be written otherwise, it is that of the
    solution, and nothing but its value changes. Any other line is written anew from its record.
    """
    if old == new:
        return line
    key = line.find(_KEY)
    if key < 0 or line.find(_KEY, key + 1) >= 0 or any(escape in line for escape in _ESCAPED):
        solution = decoder(parse_solution)(line)
        return orjson.dumps(solution_json(replace(solution, labels=new)))
    start = line.index(b"[", key)
    return line[:start] + orjson.dumps(new) + line[line.index(b"]", start) + 1 :]
