"""How a model is run and drawn from: what a user says once for a whole run, as plain values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

HOSTED = ("openai",)  # engines whose model is elsewhere: it may be called anything
SHORT = ("base_url", "tensor_parallel", "replicas")  # arguments that are options, too
# arguments that determine how fast an engine is and how long it waits, and no record
_PACE = ("batch_size", "concurrency", "cpus", "patience", "timeout", "wait")
_SECRET = ("header",)  # arguments that nobody wants to find in a manifest
_SHARE = "gpu_memory_utilization"


@dataclass(frozen=True)
class SamplingSettings:
    """How completions are drawn; a prompt's own `Sampling` follows from them.

    `max_tokens` None: what suits how the model is asked.
    """

    temperature: float = 0.7
    top_p: float = 1.0
    max_tokens: int | None = None
    seed: int = 0

    def greedy(self) -> Self:
        """The same with nothing drawn at random."""
        return replace(self, temperature=0.0)


@dataclass(frozen=True)
class Running:
    """Which engine runs a model, and what that is told.

    `engine_arg` is as typed, NAME=VALUE; the three after it are short for arguments of their names.
    `engines.arguments` reads them all into the engine's own type.
    """

    engine: str = "hf"
    engine_arg: Sequence[str] | None = None
    base_url: Sequence[str] | None = None
    tensor_parallel: int | None = None
    replicas: int | None = None
    verbose: bool = False

    @property
    def is_hosted(self) -> bool:
        """Whether the model is elsewhere."""
        return self.engine in HOSTED

    def of_two(self) -> Self:
        """How each of two models is run that are there at once.

        vLLM takes nearly all of a GPU's memory for one; without GPUs it does not look at the share.
        """
        given = self.engine_arg or []
        if self.engine != "vllm" or any(pair.startswith(_SHARE) for pair in given):
            return self
        return replace(self, engine_arg=[*given, f"{_SHARE}=0.45"])

    def identity(self) -> dict[str, object]:
        """What is taken to determine the records; the rest may change before a run is resumed.

        The rest says how fast the engine is, and where: rounding may depend on it. A URL may hold
        credentials, as a header does.
        """
        free = (*SHORT, *_PACE, *_SECRET)
        given = [pair for pair in self.engine_arg or () if _name(pair) not in free]
        return {"engine": self.engine, "engine_arg": given or None}


def _name(pair: str) -> str:
    """The name of an argument, also where what follows it is no `=`."""
    found = re.match(r"[\w.-]+", pair)
    return found[0] if found else ""
