"""What a user says to an engine, read once into the engine's own type of options."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, TypeVar, get_args, get_type_hints

from msgspec import Meta, Struct, ValidationError, convert

from sormctl.engines.running import SHORT, Running
from sormctl.errors import UsageError
from sormctl.missing import no_such

Options = TypeVar("Options", bound=Struct)
PositiveInt = Annotated[int, Meta(ge=1, description="a whole number above 0")]

_HEADER = "header"
_OTHERS = "others"  # the field for arguments that an engine hands on, as typed


def read_options(kind: type[Options], running: Running) -> Options:
    """The options of an engine, a `kind` of Struct whose fields are its arguments.

    A text becomes what the field wants: `8` a number, `a,b` a tuple; each `header` is one of
    several. UsageError for a value that does not fit, and for a name that is no field, unless
    `kind` has a field `others` for these.
    """
    pairs = running.engine_arg or ()
    typed = parse_arguments(pairs)
    short = {name: value for name in SHORT if (value := getattr(running, name))}
    known = [name for name in kind.__struct_fields__ if name != _OTHERS]
    others = {name: text for name, text in typed.items() if name not in known}
    hands_on = _OTHERS in kind.__struct_fields__
    for name in short if hands_on else others | short:
        if name not in known:
            has = [*sorted(known), *_meant(kind, _OTHERS)]
            raise UsageError(no_such(f"argument of engine {running.engine}", name, has))
    listed = {name: text.split(",") for name, text in typed.items() if name == "base_url"}
    if _HEADER in typed:  # whose values may have commas
        listed[_HEADER] = [
            pair.partition("=")[2] for pair in pairs if pair.startswith(f"{_HEADER}=")
        ]
    given: dict[str, object] = {
        **typed,
        **listed,
        **short,
        **({_OTHERS: others} if hands_on else {}),
    }
    try:
        return convert(given, kind, strict=False)
    except ValidationError as error:
        name = str(error).rpartition("`$.")[2].rstrip("`")
        (wanted,) = _meant(kind, name)
        raise UsageError(f"{name}={given[name]}: must be {wanted}") from error


def parse_arguments(pairs: Sequence[str]) -> dict[str, str]:
    """Engine arguments as typed, NAME=VALUE, by name; UsageError for anything else."""
    arguments = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals and value) or name.startswith(f"{_HEADER}:"):
            shown = f"{_HEADER}…" if pair.startswith(_HEADER) else pair  # the rest is secret
            raise UsageError(f"--engine-arg {shown}: must be NAME=VALUE")
        arguments[name] = value
    return arguments


def _meant(kind: type[Struct], name: str) -> Iterator[str]:
    """The description in the type of a field, which may be `Annotated[…] | None`; if it has one."""
    hint = get_type_hints(kind, include_extras=True).get(name)
    for part in (hint, *get_args(hint)):
        for meta in getattr(part, "__metadata__", ()):
            if isinstance(meta, Meta) and meta.description:
                yield meta.description
