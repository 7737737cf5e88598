"""What is wrong with a line, in its author's words: which field, what it must be, what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Set
from typing import Any

from msgspec import ValidationError
from orjson import JSONDecodeError

REMEDIES = {
    "solution_id": "run `sormctl sample` or `sormctl grade` first",
    "steps": "run `sormctl sample` or `sormctl grade` first",
    "correct": "run `sormctl grade` first",
    "draft": "run `sormctl make-refine-pairs` first",
    "target": "run `sormctl make-refine-pairs` first",
}
_FOREIGN = {  # the kind of record that is wanted -> where those of other tools come in
    "Problem": "make problems of your own file by `sormctl problems FILE --answer KIND`",
    "Solution": "make solutions of another tool's file by `sormctl import FORMAT`",
    "Pair": REMEDIES["draft"],
}
_KINDS = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_FOUND = {"int": "a number", "bool": "a boolean"}
_COMPRESSED = {  # what we read ourselves is met only within a file
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\xfd7zXZ": "xz",
    b"BZh": "bzip2",
}
_FORMATS = {
    b"PAR1": "a Parquet file",
    b"PK\x03\x04": "a zip archive",
    b"ARROW1": "an Arrow file",
    b"SQLite format 3": "an SQLite database",
    b"%PDF": "a PDF",
    b"<?xml": "XML",
}
LFS_POINTER = b"version https://git-lfs.github.com/spec/"  # what such a file begins with
_NO_NUMBER = re.compile(r"Infinity|NaN")
_OF_ROWS = "if these are rows of a CSV, begin with `sormctl problems FILE --answer KIND`"
_OPENED = {b"{": "jq -c .", b"[": "jq -c '.[]'"}
AS_IT_IS = "; `sormctl import FORMAT` reads another tool's as it is"
_WRONG_TYPE = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
_OUT_OF_RANGE = re.compile(r"Expected `\w+` (>=|<=) (\S+)")
_MISSING = re.compile(r"missing required field `([^`]+)`")
_PLACE = re.compile(r" - at `\$\.?([^`]*)`$")
_ANY_KEY = "[...]"


def explain_line(line: bytes, error: JSONDecodeError) -> str:
    """Why a line is not JSON, and what to do."""
    if foreign := explain_foreign(line):
        return foreign
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return "not UTF-8 text; convert the file with iconv"
    if "infinity" in error.msg:  # 1e999, or a whole number of more digits than Python reads
        return f"a number is too large (at column {error.pos + 1}); write it as a text"
    if word := no_number(text, error):
        return f"not JSON ({word} at column {error.pos + 1}); write null for it"
    if line in _OPENED:
        told = f"JSON over several lines; {_OPENED[line]} writes one object a line"
        return f"not JSON lines but {told}{AS_IT_IS}"
    told = f"not JSON ({error.msg} at column {error.pos + 1}); mend or remove the line"
    return told if error.pos else f"{told}; {_OF_ROWS}"


def no_number(text: str, error: JSONDecodeError) -> str | None:
    """What Python writes for no number and JSON has no word for, where it stands at the error."""
    found = _NO_NUMBER.match(text, error.pos)
    return found and f"`{found[0]}`"


def explain_foreign(line: bytes) -> str | None:
    """What a text is that begins as no JSON does, and what to do; None for any other."""
    if line.startswith(LFS_POINTER):
        return "a pointer of Git LFS, not the file itself; fetch that by `git lfs pull`"
    for start, program in _COMPRESSED.items():
        if line.startswith(start):
            return f"compressed by {program}; pipe it through {program} -dc"
    for start, kind in _FORMATS.items():
        if line.startswith(start):
            return f"not JSON lines but {kind}; write one JSON object a line"
    return None


def explain_object(
    data: Mapping[str, Any],
    error: ValidationError,
    convert: Callable[[Any], object],
    given: Set[str],
    wanted: str,
) -> str:
    """What msgspec says of an object, with the place by name. `convert` is what refused it.

    `data` holds the fields of ours, `given` names all; `wanted` is the kind of record.
    """
    text = str(error)
    place = _PLACE.search(text)
    path = place[1] if place else ""
    if missing := _MISSING.search(text):
        if path:
            return f"no `{path}.{missing[1]}`"
        remedy = _remedy(missing[1], given, wanted)
        return f"no `{missing[1]}`" + (f"; {remedy}" if remedy else "")
    if _ANY_KEY in path:
        path = path.replace(_ANY_KEY, f".{_bad_key(data, path.partition('[')[0], convert)}", 1)
    if path.startswith("labels["):
        return f"`{path}` must be 0, 1 or null"
    if wrong := _WRONG_TYPE.search(text):
        kinds = " or ".join(_KINDS[kind] for kind in wrong[1].split(" | "))
        expected = kinds.replace("true or false or", "true, false or")
        return f"`{path}` must be {expected}, not {_FOUND.get(wrong[2]) or _KINDS[wrong[2]]}"
    if limit := _OUT_OF_RANGE.search(text):
        most = "at least" if limit[1] == ">=" else "at most"
        number = limit[2] if limit[2].isdecimal() else f"{float(limit[2]):g}"
        return f"`{path}` must be {most} {number}"
    return f"`{path}`: {text.removesuffix(place[0]) if place else text}"


def _remedy(missing: str, given: Set[str], wanted: str) -> str | None:
    """What to do about a field that is not there, which may be one of another kind of record."""
    if wanted != "Pair" and given >= {"draft", "target"}:
        return f"this is a pair, for `sormctl train-refiner`; give {wanted.lower()}s"
    if not given & {"task", "problem_id"}:
        return _FOREIGN.get(wanted)
    return REMEDIES.get(missing)


def _bad_key(data: Mapping[str, Any], name: str, convert: Callable[[Any], object]) -> str:
    """The key of the object in a field whose value is refused; msgspec does not say it."""
    for key, value in data[name].items():
        try:
            convert({**data, name: {key: value}})
        except ValidationError as error:
            if f"$.{name}{_ANY_KEY}" in str(error):
                return str(key)
    return "*"
