"""Solutions as turns of a chat, for whoever trains chat models."""

from __future__ import annotations

from sormctl.errors import UsageError
from sormctl.prompts import Prompt
from sormctl.records import Json

ASKING = frozenset({"prompt", "system", "instruction", "examples"})  # options: how it is asked


def turns_of(prompt: Prompt) -> list[Json]:
    """The turns of a prompt; UsageError where it is none of a chat."""
    if not prompt.messages:
        raise UsageError("--prompt: rows of this format are chats; give --prompt chat")
    return [{"role": turn.role, "content": turn.content} for turn in prompt.messages]


def answered(content: str) -> Json:
    """The turn of a model."""
    return {"role": "assistant", "content": content}
