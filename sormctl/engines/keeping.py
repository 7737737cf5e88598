"""An engine whose answers are kept, so that a run that goes on need not ask for them again."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Protocol, TypeVar

from msgspec import MsgspecError, json

from sormctl.engines.base import Completion, Engine, EngineWrapper, Sampling
from sormctl.prompts import Prompt

T = TypeVar("T")
_encode = json.Encoder().encode
_completions = json.Decoder(list[Completion])
_scores = json.Decoder(list[float])


class Kept(Protocol):
    """Where the answers for one record are kept, as JSON, by the name of the call."""

    @property
    def keeps(self) -> bool:
        """Whether it keeps anything; else it counts alone."""
        ...

    def get(self, call: str) -> bytes | None: ...

    def put(self, call: str, answer: bytes) -> None: ...

    def count(self, answers: int, tokens: int) -> None:
        """Notes that so many were given, and so many tokens generated for them."""
        ...


class KeepingEngine(EngineWrapper):
    """Asks `engine` what is not `kept`, and keeps what it answers."""

    def __init__(self, engine: Engine, kept: Kept) -> None:
        super().__init__(engine)
        self._kept = kept

    async def sample(self, prompt: Prompt, params: Sampling) -> list[Completion]:
        call = self._name("sample", prompt, params)
        found = self._known(call, _completions)
        if found is None:
            found = await super().sample(prompt, params)
            self._keep(call, found)
            self._kept.count(len(found), sum(each.generated_tokens for each in found))
        return found

    async def score(self, prompt: Prompt, steps: Sequence[str]) -> list[float]:
        call = self._name("score", prompt, steps)
        found = self._known(call, _scores)
        if found is None:
            found = await super().score(prompt, steps)
            self._keep(call, found)
            self._kept.count(1, 0)
        return found

    def _name(self, *call: object) -> str | None:
        """What tells a call from all others: a hash of whatever decides the answer."""
        return blake2b(_encode(call), digest_size=16).hexdigest() if self._kept.keeps else None

    def _known(self, call: str | None, decoder: json.Decoder[T]) -> T | None:
        answer = self._kept.get(call) if call else None
        try:
            return None if answer is None else decoder.decode(answer)
        except MsgspecError:  # damaged; or scores that are no numbers, which JSON does not have
            return None

    def _keep(self, call: str | None, answer: object) -> None:
        if call:
            self._kept.put(call, _encode(answer))
