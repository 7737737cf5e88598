"""Special tokens around a thought, which servers leave out of texts unless told otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sormctl.engines.base import Completion
from sormctl.engines.decoding import kept_ids, may_be_special, without_special
from sormctl.engines.openai.server import Server
from sormctl.errors import tell_user
from sormctl.records import Json

SKIP = "skip_special_tokens"


def keeping(tokenizer: Any, think: tuple[str, str], server: Server) -> Json:
    """What a server is told so that a text keeps these tags; nothing where there is no need.

    `tokenizer` None: tags are special that look so.
    """
    if not server.takes_vllms or SKIP in server.dialect.left_out:
        return {}
    return {SKIP: False} if _are_special(tokenizer, think) else {}


def with_tags(
    found: list[Completion], tokenizer: Any, think: tuple[str, str], server: Server
) -> list[Completion]:
    """Completions without special tokens but those of the tags.

    Of a server that cannot be told to keep these, and that shows none, the user is told once.
    """
    if keeping(tokenizer, think, server):
        return [_tidied(made, tokenizer, think) for made in found]
    shows = any(tag in made.text for made in found for tag in think)
    if not (shows or server.hides_thoughts) and _are_special(tokenizer, think):
        server.hides_thoughts = True
        tell_user(
            f"engine openai: {server.name} may leave out {' and '.join(think)}, special tokens, so "
            "that a thought stands among the steps; let it give thoughts apart (vLLM: "
            "--reasoning-parser), or name what its texts hold by --think"
        )
    return found


def _are_special(tokenizer: Any, think: tuple[str, str]) -> bool:
    return may_be_special(think) if tokenizer is None else bool(kept_ids(tokenizer, think))


def _tidied(made: Completion, tokenizer: Any, think: tuple[str, str]) -> Completion:
    if tokenizer is None:  # what is read ends at the end of the turn
        return made
    return replace(made, text=without_special(tokenizer, made.text, kept_ids(tokenizer, think)))
