"""The decoding step: one token for every slot, each with its own position, seed and temperature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import DynamicCache

from sormctl.engines.hf.attention import use_decode_attention
from sormctl.engines.hf.cache import SlotCache
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
    """How a completion begins: on its prompt's last token, with the rest of it prefilled."""

    prompt: Prefilled
    token: int
    position: int
    seed: int
    temperature: float
    top_p: float
    logprobs: bool = False


class Decoder:
    """The model, its cache and the state of every slot."""

    def __init__(self, loaded: LoadedModel, slots: int, budget: int) -> None:
        use_decode_attention(loaded.model)
        self._loaded = loaded
        self._state = np.zeros(slots, _SLOT)
        self._cache = SlotCache(slots, budget)

    def capacity(self, length: int) -> int:
        """How many completions of up to that length, prompt included, there is room for."""
        return self._cache.capacity(length)

    def start(self, starts: dict[int, SlotStart], slots: int) -> None:
        """Begin completions in some of the first `slots` slots."""
        copies: dict[DynamicCache, tuple[list[int], list[int]]] = {}
        for slot, item in starts.items():
            seed = item.seed % 2**64
            self._state[slot] = (
                *(seed, 0, item.token, item.position, 1),
                *(item.temperature, item.top_p, item.logprobs, 0.0),
            )
            targets, rows = copies.setdefault(item.prompt.cache, ([], []))
            targets.append(slot)
            rows.append(item.prompt.row)
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
        state = self._state[:slots]
        logits = self._forward(state)
        chosen = choose_tokens(
            logits,
            self._tensor(uniforms(state["seed"], state["index"])),
            self._tensor(state["temperature"]),
            self._tensor(state["top_p"]),
        )
        if state["logprobs"].any():
            rows = np.flatnonzero(state["logprobs"])
            state["logprob"][rows] += log_probabilities(logits[rows], chosen[rows]).tolist()
        tokens: list[int] = chosen.tolist()
        state["token"] = tokens
        state["position"] += state["advance"]
        state["index"] += np.uint64(1)
        return tokens

    def logprob(self, slot: int) -> float | None:
        """The sum of the log-probabilities of a slot's tokens, if it is wanted."""
        state = self._state[slot]
        return float(state["logprob"]) if state["logprobs"] else None

    def _forward(self, state: NDArray[Any]) -> torch.Tensor:
        """Logits (B, V) after the token of each slot."""
        positions = self._tensor(state["position"])
        room = self._cache.seek(positions, int(state["position"].max()) + 1)
        model = self._loaded.model
        logits: torch.Tensor = model(
            input_ids=self._tensor(state["token"])[:, None],
            position_ids=positions[:, None],
            attention_mask=decode_mask(self._loaded.config, positions, room, model.dtype),
            past_key_values=self._cache,
            use_cache=True,
        ).logits
        return logits[:, -1]

    def _tensor(self, column: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(column)).to(self._loaded.device)
