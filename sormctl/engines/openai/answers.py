"""What a server answers, read as completions. Nothing here waits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sormctl.asking import THINK
from sormctl.endings import LENGTH, STOP, ending
from sormctl.engines.base import Completion, Sampling
from sormctl.engines.openai.counting import length_of, room_for_counts
from sormctl.engines.openai.dialect import continues
from sormctl.engines.openai.echo import Echo
from sormctl.engines.openai.faults import Fault
from sormctl.engines.openai.logprobs import logprob_of
from sormctl.errors import EngineError
from sormctl.records import MAX_COUNT, Json

_LEAST_VLLM = "0.10.2"  # the first that knows `return_token_ids` (vllm-project/vllm#22587)
_FAILED = re.compile(
    r".*error|error\b.*|.*insufficient.*resource|cancell?ed|timeout|aborted|failed|interrupted"
    r"|.*(overload|disconnect|connection|rate_?limit).*|.*unavailable",
    re.I,
)
_FINISH_CHARACTERS = 60
_SAID = ("content", "refusal", "reasoning", "reasoning_content")
_NO_ANSWER = "the server's answer is not one of the completions API"
_WRONG = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError)


class Said(NamedTuple):
    """A choice's text: what is thought in front, and what is said after it."""

    thought: str
    text: str


class _Asked(NamedTuple):
    """What an answer is to."""

    sent: Json
    params: Sampling
    think: tuple[str, str]
    echo: Echo


def completions(
    answer: Json,
    sent: Json,
    params: Sampling,
    limit: int,
    think: tuple[str, str] = THINK,
    *,
    tokenizer: Any = None,
    is_known: bool = True,
    echo: Echo | None = None,
) -> list[Completion]:
    """The answer to what was `sent` with a `limit` of tokens; EngineError if it is none.

    What a server gives apart as a thought stands before the text, within `think`. Tokens that it
    does not count the `tokenizer` does. Whose make `is_known` says `stop` for nothing else. `echo`
    knows whether the server gives back what a message begins with; None: it may.
    """
    if answer.get("choices") == []:
        raise Fault("the server's answer has no choices", is_brief=True)
    try:
        length, cached = _prompt_counts(answer, sent, tokenizer)
        choices = _in_order(answer["choices"], sent.get("n", 1))
        is_alone = len(choices) == 1
        usage = answer.get("usage") or {}
        counts = [_count(usage, "completion_tokens")] if is_alone else map(_count_tokens, choices)
        asked = _Asked(sent, params, think, echo or Echo())
        found = []
        for choice, told in zip(choices, counts, strict=True):
            generated = told or _counted_here(choice, think[1], tokenizer)
            is_doubtful = is_alone and told == limit and not is_known
            finish = _finish(choice, generated >= limit, is_doubtful)
            if finish == STOP and _is_nothing(choice, generated):
                raise Fault("the server's answer has no text", is_brief=True)
            read = _completion(choice, asked, finish, told)
            found.append(
                replace(
                    read, prompt_tokens=length, cached_tokens=cached, generated_tokens=generated
                )
            )
        return found
    except _WRONG as error:
        raise EngineError(_NO_ANSWER) from error


def prompt_counts(answer: Json) -> tuple[int, int]:
    """The tokens of the prompt, and those of them that were cached; 0 where nobody tells.

    EngineError for what no record can hold.
    """
    try:
        usage = answer.get("usage") or {}
        details = usage.get("prompt_tokens_details") or {}
        return _count(usage, "prompt_tokens"), _count(details, "cached_tokens")
    except _WRONG as error:
        raise EngineError(_NO_ANSWER) from error


def _prompt_counts(answer: Json, sent: Json, tokenizer: Any) -> tuple[int, int]:
    """The counts of the prompt for a record: ours where a server counts what it has not cached."""
    counted, cached = prompt_counts(answer)
    length = length_of(sent, tokenizer) or 0
    is_whole = counted >= length - room_for_counts(length, sent)
    return counted if counted and is_whole else length, cached


def _completion(choice: Json, asked: _Asked, finish: str, told: int) -> Completion:
    """One of the answer's choices, which a stop string may end before its `finish`, uncounted.

    Of its tokens the server has `told` the number, or 0.
    """
    start, closing = asked.think
    said = _continuing(_said(choice, closing), asked.sent)
    text = asked.echo.removed(said.text, asked.sent)
    end, reached = _end_of(text, asked.params.stop)
    if end < len(text):
        finish = "stop"
    thought = f"{start}{said.thought}" if said.thought else ""
    if thought and (text.strip() or finish == "stop"):  # else it was cut while it thought
        thought += closing
    params, last = asked.params, reached if end < len(text) else None
    counted = 0 if said.thought else told  # a thought's tokens may be counted and not listed
    logprob = logprob_of(choice, text, last, counted, params.stop) if params.logprobs else None
    return Completion(_written(thought + text[:end]), finish, 0, 0, 0, logprob)


def _in_order(choices: Sequence[Json], wanted: int) -> list[Json]:
    """The choices by their index; EngineError if they are not those that were asked for."""
    if len(choices) != wanted:
        raise EngineError(f"the server's answer has {len(choices)} choices, not {wanted} as asked")
    places: list[Any] = [choice.get("index") for choice in choices]
    if wanted == 1 or places == [None] * wanted:
        return list(choices)
    if sorted(places) != list(range(wanted)):
        raise EngineError(f"the indices of the server's {wanted} choices are not 0 to {wanted - 1}")
    return sorted(choices, key=lambda choice: choice["index"])


def _is_nothing(choice: Json, generated: int) -> bool:
    """Whether a choice that ended by itself holds no answer at all.

    A model's empty text is one: whoever gives it has counted the token that ends it, or says `stop`
    and that the text is empty.
    """
    message = choice["message"] if "message" in choice else {"content": choice["text"]}
    if message is None:
        return True
    if generated or any(message.get(name) for name in _SAID):
        return False
    return message.get("content") is None or not choice.get("finish_reason")


def _finish(choice: Json, is_full: bool, is_doubtful: bool) -> str:
    """`stop`, `length`, or the server's own word for what else ended a completion.

    `is_full` says that it has all the tokens that it may have. `is_doubtful`: it has exactly these,
    and the server may be one that says `stop` whatever it was, as LocalAI does. A call of a tool
    ends no text, whatever the server says.
    """
    reason = choice.get("finish_reason")
    if not reason:
        found = LENGTH if is_full else STOP
    else:
        word = _written(" ".join(str(reason).split())[:_FINISH_CHARACTERS])
        if word.casefold() == "abort":  # the server is shutting down
            raise Fault("the server aborted the request", is_down=True)
        if _FAILED.fullmatch(word):
            raise Fault(f"the server broke off: {word}")
        found = LENGTH if is_doubtful and word == STOP else ending(word)
    calls = (choice.get("message") or {}).get("tool_calls")
    return "tool_calls" if calls and found == STOP else found


def _written(text: str) -> str:
    """A text that can be written; a letter of which half is there becomes `?`."""
    return text.encode(errors="replace").decode()


def _said(choice: Json, closing: str) -> Said:
    """The text of a choice, of either API; TypeError if that is no text."""
    if "message" not in choice:
        return Said("", _as_text(choice["text"]))
    message = choice["message"] or {}
    thought = message.get("reasoning_content") or message.get("reasoning") or ""
    content = message.get("content") or message.get("refusal")
    if isinstance(content, list):  # parts, some of which may be thoughts
        thought += "".join(_parts(part.get("thinking")) for part in content)
        content = "".join(_as_text(part.get("text")) for part in content)
    text = _as_text(content)
    return Said("" if closing in text else _as_text(thought), text)


def _continuing(said: Said, sent: Json) -> Said:
    """What continues a message is no thought, whatever a server takes it for.

    One that looks for the end of a thought finds none: the message had it, or needs none. Where the
    server continues messages by itself (`prefill=prefix`, `last`) a model may think before.
    """
    if not continues(sent):
        return said
    is_told = sent.get("continue_final_message") or not said.text
    return Said("", said.thought + said.text) if is_told else said


def _parts(thinking: Any) -> str:
    if isinstance(thinking, list):
        return "".join(_as_text(part.get("text")) for part in thinking)
    return _as_text(thinking)


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _end_of(text: str, stop: Sequence[str]) -> tuple[int, int]:
    """Where the first stop string begins and ends; both are the end of the text without one."""
    found = [(at, at + len(word)) for word in stop if (at := text.find(word)) >= 0]
    return min(found, default=(len(text), len(text)))


def _count(counts: Json, name: str) -> int:
    """Tokens; 0 where the server does not tell, ValueError for what no record can hold."""
    number = int(counts.get(name) or 0)
    if not 0 <= number <= MAX_COUNT:
        raise ValueError(f"{number} tokens")
    return number


def _counted_here(choice: Json, closing: str, tokenizer: Any) -> int:
    """The tokens of a text that the server has not counted; 0 where nobody can."""
    if tokenizer is None:
        return 0
    written = _written("".join(_said(choice, closing)))
    return len(tokenizer(written, add_special_tokens=False)["input_ids"])


def _count_tokens(choice: Json) -> int:
    if choice.get("token_ids") is None:  # older servers overlook that we ask for them
        raise EngineError(
            "the server returns no token ids, which several completions in one request need; "
            f"it must be vLLM {_LEAST_VLLM} or newer"
        )
    return len(choice["token_ids"])
