"""The one engine interface. No torch here: commands and the pure layer import this freely."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

from sormctl.endings import LENGTH, STOP, ending
from sormctl.errors import EngineError, TooLongError
from sormctl.prompts import Prompt

T = TypeVar("T")
REPEATED = (8, 64)  # tokens of what is said again and again; numbers and rules have shorter ones
REPETITION = "repetition"


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to continue one prompt: one completion for each seed.

    `temperature` 0 is greedy. `stop` strings end a completion and are not part of its text.
    `max_repeats` ends one that says the same so many times in a row; 0: none. `logprobs` asks for
    the log-probability of each completion.
    """

    seeds: tuple[int, ...] = (0,)
    temperature: float = 0.7
    top_p: float = 1.0
    max_tokens: int = 300
    stop: tuple[str, ...] = ()
    max_repeats: int = 0
    logprobs: bool = False

    @property
    def is_greedy(self) -> bool:
        """Whether nothing is drawn, so that seeds do not matter."""
        return self.temperature == 0 or self.top_p == 0

    @property
    def repetition(self) -> dict[str, int] | None:
        """What ends a completion in circles, in the words of vLLM and its server."""
        least, most = REPEATED
        bounds = {"min_pattern_size": least, "max_pattern_size": most}
        return {**bounds, "min_count": self.max_repeats} if self.max_repeats else None

    def runs(self) -> list[range]:
        """The seeds in order, as ranges for one request each: vLLM counts a request's seeds up.

        Greedy completions are requests of their own; vLLM refuses others.
        """
        if self.is_greedy:
            return [range(seed, seed + 1) for seed in self.seeds]
        return consecutive(self.seeds)


@dataclass(frozen=True, slots=True)
class Completion:
    """One continuation.

    `finish` is `stop` (end of sequence or a stop string), `length` (the token limit), `repetition`
    (it went round in circles), `too-long` (the prompt left no room for an answer), or a server's
    own word for what else ended it.
    `prompt_tokens` is the length of the prompt; `cached_tokens` says how many of these needed no
    computation for this completion (another completion of the same prefix had paid for them).
    `logprob`, if it was asked for, is the sum of the natural log-probabilities of the generated
    tokens, the one that ended it included, under the model's own distribution: at temperature 1,
    before top-p, whatever the completion was drawn at.
    """

    text: str
    finish: str
    prompt_tokens: int
    cached_tokens: int
    generated_tokens: int
    logprob: float | None = None

    @property
    def is_cut(self) -> bool:
        """Whether it ended before the model had finished."""
        return ending(self.finish) != STOP

    @property
    def is_made(self) -> bool:
        """Whether all of it is the model's own doing, so that it tells of the model."""
        return self.finish in (STOP, LENGTH, REPETITION)


class Engine(Protocol):
    """Generates and scores. Batching is the engine's business: callers start many coroutines.

    Use as an asynchronous context manager; leaving it frees the model. Errors are `EngineError`.
    """

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...

    @property
    def capacity(self) -> int:
        """How many completions or scorings the open engine works on at once; more wait."""
        ...

    async def sample(self, prompt: Prompt, params: Sampling) -> list[Completion]:
        """Completions of `prompt`, one for each of `params.seeds`, in their order."""
        ...

    async def score(self, prompt: Prompt, steps: Sequence[str]) -> list[float]:
        """P(correct) after each of `steps`, by a reward model: `len(steps)` numbers in [0, 1]."""
        ...


class EngineWrapper:
    """Passes every call on to `engine`; a subclass changes some. Leaving it ends nothing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Whoever made the engine ends it."""

    @property
    def capacity(self) -> int:
        """See `Engine`."""
        return self._engine.capacity

    async def sample(self, prompt: Prompt, params: Sampling) -> list[Completion]:
        """See `Engine`."""
        return await self._engine.sample(prompt, params)

    async def score(self, prompt: Prompt, steps: Sequence[str]) -> list[float]:
        """See `Engine`."""
        return await self._engine.score(prompt, steps)


def tokens_in_progress(engine: Engine) -> int:
    """Those of requests begun and not answered, of an engine with `in_progress`; else 0."""
    tokens: int = getattr(engine, "in_progress", 0)
    return tokens


def repeats_itself(tokens: Sequence[int], times: int) -> bool:
    """Whether the last tokens are `times` times the same, as `REPEATED` bounds it.

    >>> repeats_itself([5, *range(8), *range(8)], 2), repeats_itself([*range(8), 5], 2)
    (True, False)
    """
    least, most = REPEATED
    for size in range(least, min(most, len(tokens) // times) + 1):
        may_be = tokens[-1] == tokens[-1 - size]  # else no slice is worth its making
        if may_be and tokens[-size * times : -size] == tokens[-size * (times - 1) :]:
            return True
    return False


def consecutive(seeds: Sequence[int]) -> list[range]:
    """`seeds` in order, as the fewest ranges.

    >>> consecutive([7, 8, 9, 4])
    [range(7, 10), range(4, 5)]
    """
    runs: list[range] = []
    for seed in seeds:
        if runs and seed == runs[-1].stop:
            runs[-1] = range(runs[-1].start, seed + 1)
        else:
            runs.append(range(seed, seed + 1))
    return runs


def answer_limit(length: int, reads: int | None, name: str, max_tokens: int) -> int:
    """`max_tokens`, cut to what a prompt of `length` tokens leaves of what the model `name` reads.

    `reads` None: nobody says. TooLongError if nothing is left, EngineError if there is no prompt.
    """
    if not length:
        raise EngineError("an empty prompt: there is nothing to continue")
    if reads is None:
        return max_tokens
    if length >= reads:
        raise TooLongError(
            f"a prompt of {length} tokens leaves no room for an answer; {name} reads {reads}"
        )
    return min(max_tokens, reads - length)


def check_readable(length: int, reads: int | None, name: str) -> None:
    """TooLongError for a solution of `length` tokens, prompt included, if `name` reads less."""
    if reads is not None and length > reads:
        raise TooLongError(f"a solution of {length} tokens with its prompt; {name} reads {reads}")


async def together(requests: Iterable[Awaitable[T]]) -> list[T]:
    """The results in order; the first failure, or being cancelled, ends the others."""
    tasks = [asyncio.ensure_future(request) for request in requests]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
