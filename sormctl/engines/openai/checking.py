"""What an answer says about who gave it to what: another prompt, another model. Nothing waits."""

from __future__ import annotations

from typing import Any

from sormctl.engines.openai.answers import prompt_counts
from sormctl.engines.openai.counting import AS_SENT, CUT, length_of, room_for_counts
from sormctl.engines.openai.naming import are_alike
from sormctl.engines.openai.server import Server
from sormctl.errors import EngineError, TooLongError, one_line, tell_user
from sormctl.records import Json

_QUOTED = 200  # characters of an answer
_LAID_OUT = (
    "give --engine-arg api=chat, or the tokenizer of what is served; "
    "Ollama lays out nothing for a model with `TEMPLATE {{ .Prompt }}`"
)


class Checker:
    """Checks answers to what was sent to `model`, and says what its user should know once."""

    def __init__(self, model: str, tokenizer: Any) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._told: set[tuple[str, str]] = set()  # of which server, and what

    def check_choices(self, server: Server, answer: Json) -> None:
        """EngineError, with what the server says, where an answer has no list of choices."""
        if not isinstance(answer.get("choices"), list):
            said = one_line(str(answer), _QUOTED)
            raise EngineError(f"{server.name}: an answer without choices: {said}")

    def check_read(self, server: Server, sent: Json, answer: Json, *, has_steps: bool) -> None:
        """Whether the server has read what was `sent`, by the tokens that it counts.

        TooLongError if it has cut it, EngineError if it has continued something else than steps.
        """
        length = length_of(sent, self._tokenizer)
        if length is None:
            return
        counted, cached = _counts(server, answer)
        room = room_for_counts(length, sent)
        found = server.counts.judge(counted, cached, length, room, sent.get("n", 1))
        if found == AS_SENT:
            return
        said = f"{server.name} counts {counted} tokens in a prompt of {length}"
        if found == CUT:
            line = (
                f"{said}: it cuts prompts, or has another tokenizer; such records end as too-long"
            )
            self.tell_once(server, CUT, line)
            raise TooLongError(f"{said}: it was cut")
        said += ": it lays prompts out anew, or has another tokenizer than tokenizer="
        if has_steps:
            raise EngineError(f"{said}, and does not continue steps; {_LAID_OUT}")
        self.tell_once(server, found, f"{said}; {_LAID_OUT}")

    def check_name(self, server: Server, answered: Any) -> None:
        """Says so if another model answers; aliases and dates are no others."""
        if not answered or any(are_alike(str(answered), x) for x in (server.model, self._model)):
            return
        line = f"{server.name} answers as {answered} where {server.model} was asked"
        self.tell_once(server, "answered", line)

    def check_usage(self, server: Server, answer: Json) -> None:
        """Says so where nobody counts tokens: neither the server nor a tokenizer here."""
        if self._tokenizer is None and not _counts(server, answer)[0]:
            line = f"{server.name} counts no tokens: the `usage` of records says 0"
            self.tell_once(server, "usage", line)

    def check_endings(self, server: Server, answer: Json) -> None:
        """Says so where nobody knows why a text ended."""
        if not all(choice.get("finish_reason") for choice in answer["choices"]):
            line = f"{server.name} does not say why texts end: one that broke off counts as whole"
            self.tell_once(server, "endings", line)

    def tell_of_refusals(self, server: Server) -> None:
        """Says so if a server has taken nothing: that may be no fault of the records."""
        if server.refused > 1 and not server.has_answered:
            said = f"{server.name} has answered nothing and refused {server.refused} records"
            self.tell_once(server, "refusals", f"{said}; the last: {server.last_refusal}")

    def tell_once(self, server: Server, about: str, line: str) -> None:
        """Says `line` on standard error, unless what it is `about` has been said of a server."""
        if (server.url, about) not in self._told:
            self._told.add((server.url, about))
            tell_user(f"engine openai: {line}")


def _counts(server: Server, answer: Json) -> tuple[int, int]:
    """The tokens of the prompt, and those that were cached; EngineError for what none can be."""
    try:
        return prompt_counts(answer)
    except EngineError as error:
        raise EngineError(f"{server.name}: {error}") from error
