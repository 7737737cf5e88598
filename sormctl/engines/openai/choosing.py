"""Which of the models that a server lists is asked. Nothing here waits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sormctl.engines.openai.checking import Checker
from sormctl.engines.openai.naming import are_alike, are_different, are_same
from sormctl.engines.openai.server import Server
from sormctl.errors import EngineError, UsageError
from sormctl.missing import no_such
from sormctl.models import NO_TOKENIZER, public_name
from sormctl.records import Json


class Wanted(NamedTuple):
    """What a user asks for: a model, whose tokenizer writes its prompts, the name of it there."""

    model: str
    tokenizer: str | None
    served: str | None

    @property
    def names(self) -> list[str]:
        """The names that what is served may have; the first is the user's own."""
        is_told = self.tokenizer not in (None, NO_TOKENIZER)
        return [public_name(self.model), *([str(self.tokenizer)] if is_told else [])]


def note_model(
    server: Server, listed: Sequence[Json], wanted: Wanted, checker: Checker, *, sends_ids: bool
) -> None:
    """Notes of a server which of the models that it has `listed` it is asked for.

    UsageError if none is meant. EngineError if it is another than before: a server that has come
    back must not answer in the place of the one that it was.
    """
    name = wanted.served or _meant(server, listed, wanted, checker, sends_ids=sends_ids)
    if server.model and not are_alike(name, server.model):
        raise EngineError(f"it serves {name} now, and {server.model} before")
    served = next((item for item in listed if item["id"] == name), {})
    room = served.get("max_model_len")
    server.model = name
    server.owner = str(served.get("owned_by") or "")
    server.room = room if type(room) is int and room > 0 else None


def _meant(
    server: Server, listed: Sequence[Json], wanted: Wanted, checker: Checker, *, sends_ids: bool
) -> str:
    for item in listed:  # `root` is what the server loaded under that name
        if wanted.model in (item["id"], item.get("root")):
            return str(item["id"])
    if not listed:
        return wanted.model
    shown = wanted.names[0]
    found = [item for item in listed if are_same(item["id"], shown)]
    if len(listed) > 1 and len(found) != 1:
        served = [item["id"] for item in listed]
        remedy = f"give --engine-arg served_model= one of {', '.join(served)}"
        raise UsageError(f"{server.name}: {no_such('model', shown, served, remedy)}")
    return _only(server, (found or listed)[0], wanted, checker, sends_ids=sends_ids)


def _only(server: Server, item: Json, wanted: Wanted, checker: Checker, *, sends_ids: bool) -> str:
    """The only model that may be meant; UsageError if it cannot be."""
    name, root = str(item["id"]), str(item.get("root") or "")
    meant = wanted.names
    if sends_ids and are_different(root, meant):
        raise UsageError(
            f"{server.name}: serves {root}, not {meant[0]}, whose token ids it would be sent; "
            f"give that as --model, or --engine-arg served_model={name} if they are one"
        )
    if not any(are_alike(found, wanted) for found in (name, root) for wanted in meant):
        line = f"{server.name} serves {name} alone: it is asked in the place of {meant[0]}"
        about = f"served {name}"
        checker.tell_once(server, about, f"{line}; served_model= names it without this line")
    return name
