"""A line of JSON into a record, solutions by decoders that msgspec compiles from the schema.

`decoder` makes the records that a command writes back. Where a command writes lines as they stand,
or none, `view_decoder` does: it builds less, and refuses the same of what it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import MISSING, Field, fields
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, get_type_hints

import orjson

from sormctl.errors import RecordError
from sormctl.records import (
    MAX_COUNT,
    MAX_SCORE,
    Json,
    Problem,
    Rollouts,
    Solution,
    Usage,
    Verifier,
    check_counts,
    check_lengths,
    parse_solution,
    problem_name,
)

T = TypeVar("T")
Decode = Callable[[bytes], T]
_COMPRESSED = {b"\x28\xb5\x2f\xfd": "zstd", b"\xfd7zXZ": "xz", b"BZh": "bzip2"}
_OF_PROBLEM = [item for item in fields(Problem) if item.name != "extra"]
_OF_SOLUTION = [item for item in fields(Solution) if item.name != "problem"]


def decoder(parse: Callable[[Json], T]) -> Decode[T]:
    """What makes of a line the record that `parse` makes of its object, with the same errors."""
    if parse is parse_solution:
        return solution_decoder()  # type: ignore[return-value]
    return lambda line: parse(load(line))


def load(line: bytes) -> Json:
    """The object on a line; RecordError if there is none."""
    try:
        data = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise RecordError(_explain(line, error)) from None
    if not isinstance(data, dict):
        raise RecordError("not a JSON object; every line must be one")
    return data


@cache
def solution_decoder() -> Decode[Solution]:
    """A fast `parse_solution` of a line. What it cannot take as it is, the slow one decides on."""
    from msgspec import MsgspecError, convert, json  # 7 ms that `--help` need not pay
    from msgspec.structs import astuple

    row = _row_type(forbid_unknown_fields=True)
    names = frozenset(row.__struct_fields__)
    decode = json.Decoder(row).decode
    split = len(_OF_PROBLEM)

    def solution(line: bytes) -> Solution:
        extra: Json = {}
        try:
            values = astuple(decode(line))
        except (MsgspecError, UnicodeDecodeError, RecursionError):
            data = load(line)
            extra = {name: data[name] for name in data if name not in names}
            known = {name: data[name] for name in data if name in names}
            try:
                values = astuple(convert(known, row))
            except MsgspecError:
                return parse_solution(data)
        of_problem = (*values[:split], extra)
        record = Solution(Problem(*of_problem), *values[split:])
        check_counts(record)
        check_lengths(record)
        return record

    return solution


@cache
def view_decoder(*blind: str) -> Decode[Solution]:
    """What makes of a line something that reads like the solution on it.

    A view has a solution's attributes, and RecordError comes where `parse_solution` raises it. But
    unknown fields are not in it, and `dataclasses.replace` does not take it. To the optional fields
    named in `blind` it is blind: whatever stands there, it reads as if nothing did.
    """
    from msgspec import MsgspecError, json

    nested = {record.__name__: _struct(record) for record in (Usage, Rollouts, Verifier)}
    # its fields stand side by side with those of its problem
    namespace: dict[str, Any] = {"problem": property(lambda self: self)}
    namespace |= {item.name: item.default for item in _OF_SOLUTION if item.name in blind}
    row = _row_type(nested, blind, namespace=namespace)
    decode: Decode[Solution] = json.Decoder(row).decode

    def view(line: bytes) -> Solution:
        try:
            if not line.isascii():
                line.decode()  # msgspec does not look into the strings of unknown fields
            found = decode(line)
        except (MsgspecError, UnicodeDecodeError, RecursionError):
            data = load(line)
            return parse_solution({name: data[name] for name in data if name not in blind})
        check_lengths(found)
        return found

    return view


def problem_decoder() -> Decode[str]:
    """What finds only the name of the problem (task and id) that a line is about.

    A line that starts with the task and id of the line before is about the same problem: nobody
    looks into it, so what is wrong with it comes out when it is decoded.
    """
    from msgspec import MsgspecError, defstruct, json

    names: Any = defstruct("Names", [("task", str), ("problem_id", str)])
    decode: Decode[Any] = json.Decoder(names).decode
    known, start = "", b"\n"  # no line starts with that

    def name(line: bytes) -> str:
        nonlocal known, start
        if line.startswith(start):
            return known
        try:
            found = decode(line)
        except (MsgspecError, UnicodeDecodeError, RecursionError):
            return problem_name(parse_solution(load(line)))  # says what is wrong with it
        known, start = f"{found.task}\0{found.problem_id}", json.encode(found)[:-1] + b","
        return known

    return name


def _row_type(
    nested: Mapping[str, Any] | None = None, blind: Collection[str] = (), **options: Any
) -> Any:
    """A solution as it stands on a line: the fields of its problem, then its own but for `blind`.

    `nested` are other types for the records in it, by name.
    """
    from msgspec import Meta

    hints = get_type_hints(Problem) | get_type_hints(Solution, localns=dict(nested or {}))
    hints["labels"] = tuple[Literal[0, 1, None], ...] | None
    score = Annotated[float, Meta(ge=0, le=MAX_SCORE)]
    hints["scores"] = Mapping[str, tuple[score, ...]]
    items = [item for item in _OF_PROBLEM + _OF_SOLUTION if item.name not in blind]
    return _defstruct("Row", items, hints, **options)


def _struct(record: type[Any]) -> Any:
    """A record as a struct, which msgspec makes in half the time and whose counts it checks."""
    from msgspec import Meta

    count = Annotated[int, Meta(ge=0, le=MAX_COUNT)]
    hints = {k: count if t is int else t for k, t in get_type_hints(record).items()}
    return _defstruct(record.__name__, fields(record), hints)


def _defstruct(
    name: str, items: Iterable[Field[Any]], hints: Mapping[str, Any], **options: Any
) -> Any:
    from msgspec import defstruct

    rows = [(item.name, hints[item.name], *_default(item)) for item in items]
    return defstruct(name, rows, kw_only=True, gc=False, **options)


def _default(item: Field[Any]) -> list[Any]:
    from msgspec import field

    if item.default_factory is not MISSING:
        return [field(default_factory=item.default_factory)]
    if item.default is not MISSING:
        return [item.default]
    return [None] if item.name == "predicted" else []


def _explain(line: bytes, error: orjson.JSONDecodeError) -> str:
    if line.startswith(b"\x1f\x8b"):
        return "compressed by gzip; give it a name that ends with .gz, or pipe it through gzip -dc"
    for start, program in _COMPRESSED.items():
        if line.startswith(start):
            return f"compressed by {program}; pipe it through {program} -dc"
    try:
        line.decode()
    except UnicodeDecodeError:
        return "not UTF-8 text; convert the file with iconv"
    return f"not JSON ({error.msg} at column {error.pos + 1}); mend or remove the line"
