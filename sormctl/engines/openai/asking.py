"""What a server is sent: a prompt and how to continue it, in the words of the API."""

from __future__ import annotations

from typing import Any

import msgspec

from sormctl.engines.base import Sampling
from sormctl.engines.encoding import prompt_ids, prompt_text
from sormctl.engines.openai.server import Server
from sormctl.errors import ModelError, UsageError
from sormctl.prompts import Prompt
from sormctl.records import Json

# who continues the final message of a chat by which words; others begin a message of their own
PREFILLS: dict[str, Json] = {
    "flags": {"continue_final_message": True, "add_generation_prompt": False},
    "prefix": {},
    "last": {},
}
# who is not told gets defaults: those of the model's folder (vLLM, SGLang), or of the server
# (llama.cpp: `top_k` 40, `top_p` 0.95, `min_p` 0.05). What changes nothing, by whose word it is
_FOLDERS: Json = {"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0}
_NEUTRAL: dict[str, Json] = {
    "vllm": _FOLDERS,
    "sglang": _FOLDERS,
    "llamacpp": {"top_k": 0, "min_p": 0.0, "repeat_penalty": 1.0},
}
_OF_GREEDY = ("repetition_penalty", "repeat_penalty")  # what changes also which token is likeliest


def settings(params: Sampling, seeds: range, limit: int, server: Server) -> dict[str, Any]:
    """How completions are drawn; several are in the words of vLLM."""
    neutral = _NEUTRAL.get(server.owner, {})
    asked: dict[str, Any] = {"max_tokens": limit, "temperature": 0.0}
    if len(seeds) > 1:  # the API counts the tokens of all of them together
        asked |= {"n": len(seeds), "return_token_ids": True}
    if params.is_greedy:
        asked |= {name: value for name, value in neutral.items() if name in _OF_GREEDY}
    else:
        seed = seeds.start if server.takes_vllms else short_seed(seeds.start)
        asked |= {"temperature": params.temperature, "seed": seed, "top_p": params.top_p}
        asked |= neutral
    if params.logprobs:  # to some servers, 0 means none
        is_flag = server.dialect.is_chat and not server.dialect.counts_logprobs
        asked["logprobs"] = is_flag or 1
    if params.repetition:
        asked["repetition_detection"] = params.repetition
    return asked | ({"stop": list(params.stop)} if params.stop else {})


def short_seed(seed: int) -> int:
    """A seed for servers of 32 bits, of which some take 0 and less for none.

    Those of a prompt follow each other, so they stay apart.

    >>> short_seed(7), short_seed((1 << 62) + 7), short_seed(0)
    (7, 8, 2147483647)
    """
    return (seed - 1) % (2**31 - 1) + 1


def prompt_of(prompt: Prompt, tokenizer: Any, server: Server, prefill: str | None) -> Json:
    """The prompt with the steps of its prefix: as messages, as text, or as token ids.

    Ids keep the tokens that the steps have in training; without a tokenizer there are none.
    """
    if server.dialect.is_chat:
        return _chat(prompt, server, prefill)
    if tokenizer is None:
        if prompt.messages:
            raise ModelError("tokenizer=none writes no chat prompt; use --prompt plain or api=chat")
        return {"prompt": prompt.spoken(prompt.text) + "".join(prompt.written)}
    take = prompt_ids if server.dialect.takes_ids else prompt_text
    return {"prompt": take(tokenizer, prompt)}


def _chat(prompt: Prompt, server: Server, prefill: str | None) -> Json:
    turns: list[Json] = [{"role": turn.role, "content": turn.content} for turn in prompt.messages]
    messages = turns or [{"role": "user", "content": prompt.text}]
    layout: Json = {name: msgspec.json.decode(value) for name, value in prompt.chat_args}
    sent: Json = {"messages": messages, **({"chat_template_kwargs": layout} if layout else {})}
    begun = prompt.spoken("") + "".join(prompt.written)
    if not begun:
        return sent
    kind = prefill or ("flags" if server.is_known else None)
    if kind is None:
        raise UsageError(
            f"{server.name}: does not say that it continues a solution over the chat API, as "
            f"rollouts need; if it does, give --engine-arg prefill= one of {', '.join(PREFILLS)}"
        )
    begun = begun.rstrip() if server.dialect.trims else begun
    last = {"role": "assistant", "content": begun, **({"prefix": True} if kind == "prefix" else {})}
    unread = {"separate_reasoning": False} if server.owner == "sglang" else {}
    return {**sent, "messages": [*messages, last], **PREFILLS[kind], **unread}
