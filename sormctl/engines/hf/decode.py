"""The decoding step: one token for every slot, each with its own position, seed and temperature.

Shapes: B slots in the step, V tokens in the vocabulary. The state is an array of numpy, a row a
slot: random numbers need arithmetic of unsigned 64-bit integers, of which torch has little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import DynamicCache

from sormctl.engines.base import Sampling
from sormctl.engines.hf.attention import use_decode_attention
from sormctl.engines.hf.cache import SlotCache, cache_arguments
from sormctl.engines.hf.draws import choose_tokens, log_probabilities, uniforms
from sormctl.engines.hf.load import LoadedModel
from sormctl.engines.hf.masks import decode_mask
from sormctl.engines.hf.prefill import Prefilled

# what a step needs of each slot; `token` stands at `position` and the model has not read it yet
_SLOT = np.dtype(
    [
        ("seed", np.uint64),
        ("index", np.uint64),
        ("token", np.int64),
        ("position", np.int64),
        ("advance", np.int64),  # 0 in an empty slot, which stays where it is
        ("temperature", np.float32),
        ("top_p", np.float32),
        ("logprobs", np.int64),  # 1 if `logprob` is wanted, the sum over the tokens so far
        ("logprob", np.float64),
    ]
)


@dataclass(frozen=True, slots=True)
class SlotStart:
    """How a completion begins: on the last of its prompt's `ids`, with the rest prefilled."""

    prompt: Prefilled
    ids: Sequence[int]
    seed: int
    params: Sampling


class Decoder:
    """The model, its cache and the state of every slot."""

    def __init__(self, loaded: LoadedModel, slots: int, budget: int) -> None:
        use_decode_attention(loaded.model)
        self._loaded = loaded
        self._state = np.zeros(slots, _SLOT)
        self._cache = SlotCache(slots, budget)
        self._cached = cache_arguments(loaded.model, self._cache)

    def capacity(self, length: int) -> int:
        """How many completions of up to that length, prompt included, there is room for."""
        return self._cache.capacity(length)

    def start(self, starts: dict[int, SlotStart], slots: int) -> None:
        """Begin completions in some of the first `slots` slots."""
        # 1. The state of each. It begins on the last token of its prompt, so that the first step is
        #    like all others: the model reads that token and says what follows.
        copies: dict[DynamicCache, tuple[list[int], list[int]]] = {}
        for slot, item in starts.items():
            params = item.params
            self._state[slot] = (
                *(item.seed % 2**64, 0, item.ids[-1], len(item.ids) - 1, 1),
                *(params.temperature, params.top_p, params.logprobs, 0.0),
            )
            targets, rows = copies.setdefault(item.prompt.cache, ([], []))
            targets.append(slot)
            rows.append(item.prompt.row)
        # 2. Room for the longest, then the keys of all prompts: one copy for each batch in which
        #    prompts were prefilled, however many of the slots share a prompt.
        self._cache.reserve(slots, int(self._state["position"][:slots].max()) + 1)
        for source, (targets, rows) in copies.items():
            self._cache.load(targets, source, rows)

    def end(self, slots: Sequence[int]) -> None:
        """Empty slots; until they are used again they compute something that nobody reads."""
        self._state["advance"][slots] = 0
        self._state["logprobs"][slots] = 0
        self._state["position"][slots] = 0

    def move(self, sources: Sequence[int], targets: Sequence[int]) -> None:
        """Move completions to other slots."""
        self._cache.move(sources, targets)
        self._state[targets] = self._state[sources]

    def step(self, slots: int) -> list[int]:
        """The next token of each of the first `slots` slots."""
        return self.choose(self.logits(slots))

    def choose(self, logits: torch.Tensor) -> list[int]:
        """The next token of each of the first B slots, whose logits are (B, V)."""
        state = self._state[: len(logits)]  # a view: what is written below stays
        # 1. A token is drawn from each row, by a number that its completion's seed and the token's
        #    index alone decide: neighbours in the batch, or a restart, do not change the text.
        chosen = choose_tokens(  # (B,)
            logits,
            self._tensor(uniforms(state["seed"], state["index"])),
            self._tensor(state["temperature"]),
            self._tensor(state["top_p"]),
        )
        # 2. Log-probabilities, of the rows that want them: a softmax over V is not free.
        if state["logprobs"].any():
            rows = np.flatnonzero(state["logprobs"])
            state["logprob"][rows] += log_probabilities(logits[rows], chosen[rows]).tolist()
        # 3. Each slot goes on to its new token. An empty slot stays at position 0, so that it does
        #    not make the storage longer than the completions need.
        tokens: list[int] = chosen.tolist()
        state["token"] = tokens
        state["position"] += state["advance"]
        state["index"] += np.uint64(1)
        return tokens

    def logprob(self, slot: int) -> float | None:
        """The sum of the log-probabilities of a slot's tokens, if it is wanted."""
        state = self._state[slot]
        return float(state["logprob"]) if state["logprobs"] else None

    def logits(self, slots: int) -> torch.Tensor:
        """Logits (B, V) after the token of each of the first B slots, which the model reads."""
        state = self._state[:slots]
        positions = self._tensor(state["position"])  # (B,), each row's own
        room = self._cache.seek(positions, int(state["position"].max()) + 1)
        model = self._loaded.model
        logits: torch.Tensor = model(
            input_ids=self._tensor(state["token"])[:, None],  # (B, 1)
            position_ids=positions[:, None],  # (B, 1)
            attention_mask=decode_mask(self._loaded.config, positions, room, model.dtype),
            **self._cached,
        ).logits  # (B, 1, V)
        return logits[:, -1]

    def _tensor(self, column: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(column)).to(self._loaded.device)
