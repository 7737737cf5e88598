"""Continuous batching: many completions of many prompts, one token each per step.

A prompt is prefilled once for all its completions. A completion that ends leaves its row to one
that waits; with none waiting the rows in use move together, so no step computes an empty row.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from transformers import DynamicCache

from sormctl.engines.base import Completion, Sampling
from sormctl.engines.encoding import prompt_ids
from sormctl.engines.hf_cache import SlotCache
from sormctl.engines.hf_load import LoadedModel, eos_ids
from sormctl.engines.hf_masks import decode_mask
from sormctl.engines.hf_prefill import Prefilled, prefill
from sormctl.engines.hf_random import choose_tokens, uniforms
from sormctl.errors import EngineError
from sormctl.tasks.prompts import Prompt

# what a step needs of each row; `token` is at `position` and has not been fed yet
_ROW = np.dtype(
    [
        ("seed", np.uint64),
        ("index", np.uint64),
        ("token", np.int64),
        ("position", np.int64),
        ("temperature", np.float32),
        ("top_p", np.float32),
    ]
)
_MARGIN = 8  # tokens beyond a stop string's bytes, for decoders that treat a text's start apart
_ADMIT_SHARE = 8  # wait until 1 / this of the rows is free: a prefill costs as much as a step


@dataclass(eq=False, slots=True)
class SampleRequest:
    """Completions of one prompt that somebody waits for."""

    prompt: Prompt
    params: Sampling
    ids: list[int] = field(default_factory=list)
    limit: int = 0
    prefilled: Prefilled | None = None
    completions: dict[int, Completion] = field(default_factory=dict)
    dropped: bool = False


@dataclass(eq=False, slots=True)
class _Row:
    request: SampleRequest
    number: int
    tokens: list[int] = field(default_factory=list)

    @property
    def final_length(self) -> int:
        return len(self.request.ids) + self.request.limit


class SampleBatch:
    """The completions in progress on one model. Not thread-safe."""

    def __init__(self, loaded: LoadedModel, rows: int, budget: int) -> None:
        self._loaded = loaded
        self._eos = eos_ids(loaded)
        self._size = rows
        self._waiting: deque[_Row] = deque()
        self._rows: list[_Row] = []
        self._state = np.zeros(rows, _ROW)
        self._cache = SlotCache(rows, budget)

    @property
    def busy(self) -> bool:
        """Whether there is anything to do."""
        return bool(self._rows or self._waiting)

    def add(self, request: SampleRequest) -> None:
        """Queue the completions of a request; EngineError if its prompt is too long."""
        request.ids = prompt_ids(self._loaded.tokenizer, request.prompt)
        request.limit = self._limit(request)
        self._waiting.extend(_Row(request, i) for i in range(len(request.params.seeds)))

    def drop(self, request: SampleRequest) -> None:
        """Forget a request that nobody waits for any more."""
        request.dropped = True
        self._waiting = deque(row for row in self._waiting if row.request is not request)

    @torch.inference_mode()
    def step(self) -> list[tuple[SampleRequest, list[Completion]]]:
        """One token for every row; returns the requests that this completed."""
        self._leave([i for i, row in enumerate(self._rows) if row.request.dropped])
        self._admit()
        if not self._rows:
            return []
        ended = self._append(self._decode().tolist())
        rows = [self._rows[i] for i in ended]
        self._leave(ended)
        return self._complete(rows)

    def _limit(self, request: SampleRequest) -> int:
        length, longest = len(request.ids), self._loaded.max_length
        if not length:
            raise EngineError("an empty prompt: there is nothing to continue")
        if longest is None:
            return request.params.max_tokens
        if length >= longest:
            raise EngineError(
                f"a prompt of {length} tokens leaves no room for an answer; "
                f"{self._loaded.name} reads {longest}"
            )
        return min(request.params.max_tokens, longest - length)

    def _admit(self) -> None:
        rows = self._next_rows()
        if not rows:
            return
        new = list({row.request: None for row in rows if row.request.prefilled is None})
        prompts = [request.ids for request in new]
        for request, prefilled in zip(new, prefill(self._loaded.model, prompts), strict=True):
            request.prefilled = prefilled
        self._enter(rows)

    def _next_rows(self) -> list[_Row]:
        """Waiting rows that may start now, in order of arrival."""
        live = len(self._rows)
        if live and self._size - live < self._size // _ADMIT_SHARE:
            return []
        longest = max((row.final_length for row in self._rows), default=0)
        taken: list[_Row] = []
        while self._waiting:
            longest = max(longest, self._waiting[0].final_length)
            if live + len(taken) >= self._cache.capacity(longest):
                break
            taken.append(self._waiting.popleft())
        return taken

    def _enter(self, rows: list[_Row]) -> None:
        """Give rows the slots after those in use, and start each on its prompt's last token."""
        first = len(self._rows)
        self._rows += rows
        longest = max(row.final_length for row in self._rows)
        self._cache.reserve(len(self._rows), longest)
        sources: dict[DynamicCache, tuple[list[int], list[int]]] = {}
        for slot, row in enumerate(rows, first):
            request = row.request
            self._state[slot] = _initial_state(row)
            assert request.prefilled is not None
            slots, prompts = sources.setdefault(request.prefilled.cache, ([], []))
            slots.append(slot)
            prompts.append(request.prefilled.row)
            if row.number == len(request.params.seeds) - 1:
                request.prefilled = None
        for source, (slots, prompts) in sources.items():
            self._cache.load(slots, source, prompts)

    def _decode(self) -> torch.Tensor:
        """The next token of every row, (B,)."""
        state = self._state[: len(self._rows)]
        used = int(state["position"].max()) + 1
        positions = self._tensor(state["position"])
        self._cache.seek(positions, used)
        model = self._loaded.model
        output = model(
            input_ids=self._tensor(state["token"])[:, None],
            position_ids=positions[:, None],
            attention_mask=decode_mask(self._loaded.config, positions, used, model.dtype),
            past_key_values=self._cache,
            use_cache=True,
        )
        return choose_tokens(
            output.logits[:, -1],
            self._tensor(uniforms(state["seed"], state["index"])),
            self._tensor(state["temperature"]),
            self._tensor(state["top_p"]),
        )

    def _tensor(self, column: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(column)).to(self._loaded.device)

    def _append(self, tokens: list[int]) -> list[int]:
        """Give each row its token; returns the indices of the rows that this ended."""
        state = self._state[: len(tokens)]
        state["token"] = tokens
        state["position"] += 1
        state["index"] += 1
        ended = []
        for i, (row, token) in enumerate(zip(self._rows, tokens, strict=True)):
            row.tokens.append(token)
            if token in self._eos or len(row.tokens) >= row.request.limit or self._stopped(row):
                ended.append(i)
        return ended

    def _stopped(self, row: _Row) -> bool:
        """Whether a stop string appeared with the last token."""
        stop = row.request.params.stop
        if not stop:
            return False
        # no token that has text is shorter than a byte, so these hold every stop string
        window = max(len(text.encode()) for text in stop) + _MARGIN
        tail = self._text(row.tokens[-window:])
        return any(text in tail for text in stop) and _cut(self._text(row.tokens), stop) is not None

    def _leave(self, ended: Sequence[int]) -> None:
        """Free the rows' slots; the last rows in use move into them."""
        if not ended:
            return
        left = len(self._rows) - len(ended)
        gone = set(ended)
        sources = [i for i in range(left, len(self._rows)) if i not in gone]
        targets = [i for i in ended if i < left]
        if sources:
            self._cache.move(sources, targets)
            self._state[targets] = self._state[sources]
        for source, target in zip(sources, targets, strict=True):
            self._rows[target] = self._rows[source]
        del self._rows[left:]

    def _complete(self, rows: list[_Row]) -> list[tuple[SampleRequest, list[Completion]]]:
        done = []
        for row in rows:
            request = row.request
            request.completions[row.number] = self._completion(row)
            if len(request.completions) == len(request.params.seeds):
                done.append((request, [text for _, text in sorted(request.completions.items())]))
        return done

    def _completion(self, row: _Row) -> Completion:
        request = row.request
        text = self._text(row.tokens)
        stopped = _cut(text, request.params.stop)
        ended = stopped is not None or row.tokens[-1] in self._eos
        return Completion(
            text=text if stopped is None else stopped,
            finish="stop" if ended else "length",
            prompt_tokens=len(request.ids),
            cached_tokens=len(request.ids) if row.number else 0,
            generated_tokens=len(row.tokens),
        )

    def _text(self, tokens: list[int]) -> str:
        text: str = self._loaded.tokenizer.decode(
            tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text


def _initial_state(row: _Row) -> tuple[int, int, int, int, float, float]:
    request = row.request
    params = request.params
    seed = params.seeds[row.number] % 2**64
    last = len(request.ids) - 1
    return seed, 0, request.ids[last], last, params.temperature, params.top_p


def _cut(text: str, stop: Sequence[str]) -> str | None:
    """The text before the first stop string; None if there is none."""
    starts = [start for start in map(text.find, stop) if start >= 0]
    return text[: min(starts)] if starts else None
