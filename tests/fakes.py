"""The only test double: an engine at the `Engine` seam that answers by a script."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Self

from sormctl.engines.base import Completion, Sampling
from sormctl.prompts import Prompt


async def _at_once(prompt: Prompt) -> None:
    """The default of `work`."""


class ScriptedEngine:
    """Completes a prompt with `script(prompt, seed)` once `work(prompt)` is done.

    It counts the calls that are `active`, the `most_active` at one time, and all `calls`. Its
    `capacity` is what callers are told; it takes any number.
    """

    notes: Sequence[str] = ()

    def __init__(
        self,
        script: Callable[[Prompt, int], str],
        work: Callable[[Prompt], Awaitable[None]] = _at_once,
    ) -> None:
        self.script = script
        self.work = work
        self.capacity = 1
        self.opened = self.active = self.most_active = self.calls = 0

    async def __aenter__(self) -> Self:
        self.opened += 1
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.opened -= 1

    async def sample(self, prompt: Prompt, params: Sampling) -> list[Completion]:
        """One completion for each seed; a token is a word."""
        self.calls += 1
        self.active += 1
        self.most_active = max(self.most_active, self.active)
        try:
            await self.work(prompt)
            texts = [self.script(prompt, seed) for seed in params.seeds]
        finally:
            self.active -= 1
        size = len(prompt.text.split())
        logprob = -1.23456 if params.logprobs else None
        return [Completion(text, "stop", size, 0, len(text.split()), logprob) for text in texts]

    async def score(self, prompt: Prompt, steps: Sequence[str]) -> list[float]:
        """One half for each step."""
        return [0.5 for _ in steps]
