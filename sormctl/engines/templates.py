"""Chat templates, asked what they do: each model lays out its turn in a way of its own.

What stands before a solution, and around a thought, is found by letting the template lay out a turn
that holds marks in their place. No family of models is known by its name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sormctl.errors import ModelError, first_line
from sormctl.prompts import Message, Prompt

_SOLUTION, _THOUGHT = "\u27e6solution\u27e7", "\u27e6thought\u27e7"
_FIELDS = ("reasoning_content", "reasoning", "thinking")  # of a message, where its thought may be
_TAG = re.compile(r"(?:<[^<>]+>\w+)?<[^<>]+>$|\[[A-Z_]+\]$")  # `<think>`, `<|open|>think<|sep|>`
_DAYS = datetime(1999, 1, 2, tzinfo=UTC), datetime(2008, 11, 30, tzinfo=UTC)  # alike in nothing
_KEPT = 64  # of templates: a run has one or two, each asked in a few ways

Json = dict[str, Any]
ChatArgs = tuple[tuple[str, str], ...]
Roles = tuple[str, ...]


def chat_text(tokenizer: Any, prompt: Prompt, *, is_whole: bool = False) -> str:
    """The turns of a chat as the model's template lays them out; ModelError if it cannot.

    `is_whole`: nobody answers the last turn.
    """
    if tokenizer.chat_template is None:
        advice = "" if is_whole else "; use --prompt plain"
        raise ModelError(f"{tokenizer.name_or_path}: no chat template{advice}")
    wraps = _takes_parts(tokenizer, _roles(prompt.messages), prompt.chat_args, asks=not is_whole)
    return _render(tokenizer, _turns(prompt.messages, wraps), prompt.chat_args, asks=not is_whole)


def solution_head(tokenizer: Any, prompt: Prompt) -> str:
    """The chat up to where the visible solution begins, after the prompt's own thought if any.

    It is what the template writes before a finished solution, where that goes on from what it
    writes before an answer, or stops before words that open a thought there. Else a thought that
    is open in the prompt's own tags is closed.
    """
    asked = chat_text(tokenizer, prompt)
    if prompt.thought is not None:
        return _after_thought(tokenizer, prompt, asked) or prompt.spoken(asked)
    head = _answered(tokenizer, prompt, content=_SOLUTION).rpartition(_SOLUTION)[0]
    if _goes_on(head, asked):
        return head
    opening = asked.removeprefix(head).strip() if head and asked.startswith(head) else ""
    return head if opening and not _TAG.search(opening) else prompt.spoken(asked)


def opens_thought(tokenizer: Any, prompt: Prompt) -> bool:
    """Whether the template opens a thought where the model goes on."""
    if not prompt.messages or prompt.speaks:
        return False
    return chat_text(tokenizer, prompt).rstrip().endswith(prompt.think[0])


def writes_date(tokenizer: Any, prompt: Prompt) -> bool:
    """Whether the template writes the day on which it is asked into a prompt."""
    roles, chat_args = _roles(prompt.messages), prompt.chat_args
    try:
        wraps = _takes_parts(tokenizer, roles, chat_args, asks=True)
        turns = _turns(prompt.messages, wraps)
        texts = {_render(tokenizer, turns, chat_args, asks=True, day=day) for day in _DAYS}
    except ModelError:  # whoever asks says so
        return False
    return len(texts) > 1


@lru_cache(_KEPT)
def think_tags(tokenizer: Any, chat_args: ChatArgs) -> tuple[str, str] | None:
    """What the template puts around a thought; None where it shows none."""
    if tokenizer.chat_template is None:
        return None
    prompt = Prompt(messages=(Message("user", "?"),), chat_args=chat_args)
    asked = chat_text(tokenizer, prompt).rstrip()
    for before, between in _thoughts(tokenizer, prompt):
        if before.startswith(asked):
            tag = _TAG.search(asked)
            start = before[len(asked) :].strip() or (tag.group() if tag else "")
            if start and between.strip():
                return start, between.strip()
    return None


@lru_cache(_KEPT)
def turn_end(tokenizer: Any, chat_args: ChatArgs) -> str:
    """What the template writes behind a solution; empty where it shows none."""
    prompt = Prompt(messages=(Message("user", "?"),), chat_args=chat_args)
    return _answered(tokenizer, prompt, content=_SOLUTION).partition(_SOLUTION)[2]


def _after_thought(tokenizer: Any, prompt: Prompt, asked: str) -> str | None:
    """The chat with the prompt's thought in the place of an empty one; None if none is shown."""
    for before, between in _thoughts(tokenizer, prompt):
        if before.startswith(_unclosed(asked, between)):
            return f"{before}{str(prompt.thought).strip()}{between}"
    return None


def _unclosed(asked: str, between: str) -> str:
    """What was asked, without what it has of the end of a thought."""
    asked, end = asked.rstrip(), between.strip()
    sizes = range(len(end), 0, -1)
    written = next((size for size in sizes if asked.endswith(end[:size])), 0)
    return asked[: len(asked) - written].rstrip()


def _thoughts(tokenizer: Any, prompt: Prompt) -> Iterator[tuple[str, str]]:
    """What the template writes before a thought, and between it and the solution."""
    for field in _FIELDS:
        text = _answered(tokenizer, prompt, content=_SOLUTION, **{field: _THOUGHT})
        before, thought, rest = text.rpartition(_THOUGHT)
        between, solution, _ = rest.partition(_SOLUTION)
        if thought and solution:
            yield before, between


def _answered(tokenizer: Any, prompt: Prompt, **turn: str) -> str:
    """The chat with such a turn of the assistant's at its end; empty where that is refused."""
    try:
        wraps = _takes_parts(tokenizer, _roles(prompt.messages), prompt.chat_args, asks=True)
        content = _content(turn["content"], wraps)
        turns = [*_turns(prompt.messages, wraps), {**turn, "role": "assistant", "content": content}]
        return _render(tokenizer, turns, prompt.chat_args, asks=False)
    except ModelError:
        return ""


def _goes_on(head: str, asked: str) -> bool:
    """Whether a head says more than what was asked; spaces alone the model writes itself."""
    bare = asked.rstrip()
    return head.startswith(bare) and bool(head[len(bare) :].strip())


@lru_cache(_KEPT)
def _takes_parts(tokenizer: Any, roles: Roles, chat_args: ChatArgs, *, asks: bool) -> bool:
    """Whether the content of a turn must be a list of parts; ModelError if a turn is not shown."""
    marked = [Message(role, f"\u27e6turn {i}\u27e7") for i, role in enumerate(roles)]
    refused, left_out = None, roles
    for wraps in (False, True):
        try:
            text = _render(tokenizer, _turns(marked, wraps), chat_args, asks=asks)
        except ModelError as error:
            refused = refused or error
            continue
        missing = tuple(turn.role for turn in marked if turn.content not in text)
        if not missing:
            return wraps
        left_out = min(left_out, missing, key=len)
    raise _blamed(tokenizer, roles, chat_args, asks, refused, left_out[0])


def _blamed(
    tokenizer: Any,
    roles: Roles,
    chat_args: ChatArgs,
    asks: bool,
    refused: ModelError | None,
    left_out: str,
) -> ModelError:
    """What to say of a template that refuses turns, or leaves that of a role out."""
    does = f"leaves out the {left_out}'s turn"
    remedy = "; leave out --examples" if left_out == "assistant" else "; use --prompt plain"
    others = tuple(role for role in roles if role != "system")
    if others and others != roles and _takes(tokenizer, others, chat_args, asks):
        does = "takes no system's turn" if refused else does
        remedy = "; say it in --instruction"
    elif refused is not None:
        return refused
    return ModelError(f"{tokenizer.name_or_path}: its chat template {does}{remedy if asks else ''}")


def _takes(tokenizer: Any, roles: Roles, chat_args: ChatArgs, asks: bool) -> bool:
    try:
        _takes_parts(tokenizer, roles, chat_args, asks=asks)
    except ModelError:
        return False
    return True


def _roles(messages: Sequence[Message]) -> Roles:
    return tuple(turn.role for turn in messages)


def _turns(messages: Sequence[Message], wraps: bool) -> list[Json]:
    return [{"role": turn.role, "content": _content(turn.content, wraps)} for turn in messages]


def _content(text: str, wraps: bool) -> str | list[Json]:
    return [{"type": "text", "text": text}] if wraps else text


def _render(
    tokenizer: Any,
    turns: Sequence[Json],
    chat_args: ChatArgs,
    *,
    asks: bool,
    day: datetime | None = None,
) -> str:
    """The turns, laid out; as on a `day`, where one is given."""
    arguments = {name: json.loads(value) for name, value in chat_args}
    if day is not None:
        arguments["strftime_now"] = day.strftime  # the name that transformers gives it
    try:
        text: str = tokenizer.apply_chat_template(
            list(turns), tokenize=False, add_generation_prompt=asks, **arguments
        )
    except Exception as error:  # templates raise what they like, of a system's turn for instance
        raise ModelError(
            f"{tokenizer.name_or_path}: its chat template refuses the prompt: {first_line(error)}"
        ) from error
    return text
