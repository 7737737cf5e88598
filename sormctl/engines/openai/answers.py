"""What a server answers, read: completions, and the classes of tokens. Nothing here waits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate
from math import isfinite, isnan, nan
from typing import Any, NamedTuple

from sormctl.asking import THINK
from sormctl.endings import LENGTH, STOP, ending
from sormctl.engines.base import Completion, Sampling
from sormctl.engines.openai.counting import length_of
from sormctl.engines.openai.dialect import continues
from sormctl.engines.openai.faults import Fault
from sormctl.errors import EngineError, ModelError
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


def completions(
    answer: Json,
    sent: Json,
    params: Sampling,
    limit: int,
    think: tuple[str, str] = THINK,
    *,
    tokenizer: Any = None,
    is_known: bool = True,
) -> list[Completion]:
    """The answer to what was `sent` with a `limit` of tokens; EngineError if it is none.

    What a server gives apart as a thought stands before the text, within `think`. Tokens that it
    does not count the `tokenizer` does. Whose make `is_known` says `stop` for nothing else.
    """
    if answer.get("choices") == []:
        raise Fault("the server's answer has no choices", is_brief=True)
    try:
        usage = answer.get("usage") or {}
        counted, cached = prompt_counts(answer)
        prompt = counted or length_of(sent, tokenizer) or 0, cached
        choices = _in_order(answer["choices"], sent.get("n", 1))
        if len(choices) == 1:
            told = _count(usage, "completion_tokens")
            counts = [told or _counted_here(choices[0], think[1], tokenizer)]
            is_doubtful = told == limit and not is_known
        else:
            counts, is_doubtful = list(map(_count_tokens, choices)), False
        found = []
        for choice, generated in zip(choices, counts, strict=True):
            finish = _finish(choice, generated >= limit, is_doubtful)
            if finish == STOP and _is_nothing(choice, generated):
                raise Fault("the server's answer has no text", is_brief=True)
            found.append(_completion(choice, sent, params, think, prompt, generated, finish))
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


def step_scores(
    answer: Json,
    length: int,
    positions: Sequence[int],
    server: str,
    model: str,
    *,
    may_be_picked: bool = False,
) -> list[float]:
    """P(correct) at positions of a text of `length` tokens, from the classes of each token.

    Class 0 is incorrect. With `may_be_picked` the server may give those at the positions alone. NaN
    where it has no number. ModelError if they are not those of a reward model.
    """
    try:
        rows = answer["data"][0]["data"]
        is_picked = may_be_picked and len(rows) == len(positions)
        read = rows if is_picked else [rows[place] for place in positions]
        classes = [[_number(value) for value in row] for row in read]
    except _WRONG as error:
        raise EngineError("the server's answer is not one of the pooling API") from error
    if not (is_picked or len(rows) == length) or not all(map(_are_probabilities, classes)):
        raise ModelError(
            f"{server}: {model} does not score: it is no reward model, which gives each token a "
            "probability of 2 or 3 classes"
        )
    good = [sum(row[1:]) for row in classes]
    return [score if isnan(score) else min(1.0, score) for score in good]


def reward_of(answer: Json, server: str, model: str) -> float:
    """The one number of a text; NaN where the server has none. ModelError if there are others."""
    try:
        (reward,) = (_number(value) for value in answer["data"][0]["data"])
    except _WRONG as error:
        raise ModelError(f"{server}: {model} gives a text other than one number") from error
    return reward


def _number(value: Any) -> float:
    return nan if value is None else float(value)  # JSON has no other word for it


def _are_probabilities(row: Sequence[float]) -> bool:
    """Whether they are of 2 or 3 classes, or no numbers, of which the caller has more to say."""
    if len(row) not in (2, 3):
        return False
    total = sum(row)
    return isnan(total) or (min(row) >= 0 and abs(total - 1) < 0.05)  # bfloat16 is that coarse


def _completion(
    choice: Json,
    sent: Json,
    params: Sampling,
    think: tuple[str, str],
    prompt: tuple[int, int],
    generated: int,
    finish: str,
) -> Completion:
    """One of the answer's choices, which a stop string may end before its `finish`."""
    start, closing = think
    said = _continuing(_said(choice, closing), sent)
    text = _without_prefix(said.text, sent)
    end, reached = _end_of(text, params.stop)
    if end < len(text):
        finish = "stop"
    thought = f"{start}{said.thought}" if said.thought else ""
    if thought and (text.strip() or finish == "stop"):  # else it was cut while it thought
        thought += closing
    logprob = _logprob(choice, reached if end < len(text) else None) if params.logprobs else None
    return Completion(_written(thought + text[:end]), finish, *prompt, generated, logprob)


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


def _without_prefix(text: str, sent: Json) -> str:
    """A continued message without its beginning, which some servers give back."""
    return text.removeprefix(sent["messages"][-1]["content"]) if continues(sent) else text


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


def _logprob(choice: Json, end: int | None) -> float:
    """The sum over the tokens, of which those beyond character `end` do not count."""
    found = choice.get("logprobs") or {}
    if content := found.get("content"):
        found = {
            "tokens": [item.get("token") for item in content],
            "token_logprobs": [item["logprob"] for item in content],
        }
    tokens, listed = found.get("tokens") or (), found.get("token_logprobs")
    if listed is None:
        raise EngineError("the server gives no log-probabilities")
    if any(value is None or not isfinite(value) for value in listed):
        raise EngineError("the server gives log-probabilities that are no numbers")
    if end is not None and len(tokens) == len(listed):
        starts = accumulate((len(str(token)) for token in tokens), initial=0)
        listed = [value for value, start in zip(listed, starts, strict=False) if start < end]
    return float(sum(listed))
