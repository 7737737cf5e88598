"""What a server takes of the API, found out as it refuses the rest. Nothing here waits."""

from __future__ import annotations

import re

from sormctl.engines.openai.refusals import RefusedError
from sormctl.records import Json

COMPLETIONS, CHAT = "completions", "chat/completions"
RUNS = "n"  # stands for all that several completions in one request need
_OF_RUNS = ("n", "return_token_ids")
# the parameters without which the texts are the same, or as good, and what that means
_SPARED = {
    "seed": "takes no `seed`: its samples are not repeatable",
    "repetition_detection": "ends no text that repeats itself: such rollouts go on to the limit",
    "skip_special_tokens": "takes no `skip_special_tokens`: its texts lack special tokens",
    "stop": "takes no `stop`: texts are cut here, at the cost of what it writes beyond",
}
# which values of others change nothing, so that nothing is lost with them
_NEUTRAL: dict[str, tuple[float, ...]] = {
    "temperature": (1,),
    "top_p": (1,),
    "top_k": (-1, 0),
    "min_p": (0,),
    "repetition_penalty": (1,),
    "repeat_penalty": (1,),
}
_NUMBER = re.compile(r"integer|number", re.I)
_LIMITS = ("max_tokens", "max_completion_tokens")


class Dialect:
    """How one server is asked.

    `path` is that of the API; `takes_ids` says whether a prompt may be token ids; `left_out` are
    parameters that it refuses, and `limit` its name for the most tokens that it shall write. It
    `trims` a message to be continued that may not end with white space. Some want to be told of how
    many tokens a chat shall give log-probabilities (`counts_logprobs`).
    """

    def __init__(self) -> None:
        self.path = COMPLETIONS
        self.takes_ids = True
        self.left_out: set[str] = set()
        self.limit = _LIMITS[0]
        self.trims = False
        self.counts_logprobs = False

    @property
    def is_chat(self) -> bool:
        """Whether messages are sent, which the server lays out itself."""
        return self.path == CHAT

    def written(self, asked: Json) -> Json:
        """A request in the words of this server."""
        kept = {name: value for name, value in asked.items() if name not in self.left_out}
        limit = kept.pop(_LIMITS[0])
        return {**kept, self.limit: limit}

    def learn(self, refusal: RefusedError, sent: Json, *, has_turns: bool) -> str | None:
        """Adapts to the refusal of what was `sent`, so that it is worth sending anew.

        What is different from now on; empty if that has been said. None if nothing helps.
        `has_turns` says that the prompt is one of a chat.
        """
        if isinstance(sent.get("prompt"), list) and refusal.wants_text:
            said = not self.takes_ids
            self.takes_ids = False
            return "" if said else "takes no token ids: prompts are sent as text"
        if "prompt" in sent and has_turns and refusal.wants_chat:
            said = self.is_chat
            self.path = CHAT
            return "" if said else "takes chats alone: prompts are sent as messages"
        if _ends_blank(sent) and refusal.wants_no_blank_end:
            said = self.trims
            self.trims = True
            return "" if said else "continues no white space: a prefix is sent without its last"
        return self._without(refusal, sent)

    def learn_from_nothing(self, answer: Json, sent: Json) -> str | None:
        """The same for an answer of this API without any choices: LocalAI's to token ids."""
        is_nothing = answer.get("choices") is None and bool({"choices", "object"} & answer.keys())
        if isinstance(sent.get("prompt"), list) and is_nothing:
            said = not self.takes_ids
            self.takes_ids = False
            return "" if said else "answers nothing to token ids: prompts are sent as text"
        return None

    def _without(self, refusal: RefusedError, sent: Json) -> str | None:
        if RUNS in sent and any(map(refusal.names, _OF_RUNS)):
            return self._leave_out(RUNS, "takes no `n`: each completion is a request of its own")
        first, second = _LIMITS
        if first in sent and refusal.names(first) and second in refusal.says:
            said = self.limit == second
            self.limit = second
            return "" if said else f"takes `{second}` instead of `{first}`"
        is_number = refusal.names("logprobs") and _NUMBER.search(refusal.says)
        if sent.get("logprobs") is True and is_number:
            said = self.counts_logprobs
            self.counts_logprobs = True
            return "" if said else "takes a number for `logprobs`"
        for name, values in _NEUTRAL.items():
            if sent.get(name) in values and refusal.names(name):
                return self._leave_out(name, f"takes no `{name}` of {sent[name]:g}: it is left out")
        for name, meaning in _SPARED.items():
            if name in sent and refusal.names(name):
                return self._leave_out(name, meaning)
        return None

    def _leave_out(self, name: str, meaning: str) -> str:
        said = name in self.left_out
        self.left_out.add(name)
        return "" if said else meaning


def continues(sent: Json) -> bool:
    """Whether a request over the chat API is for the rest of a message that is begun."""
    return bool(sent.get("messages")) and sent["messages"][-1].get("role") == "assistant"


def _ends_blank(sent: Json) -> bool:
    return continues(sent) and sent["messages"][-1]["content"][-1:].isspace()
