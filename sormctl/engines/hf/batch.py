"""Continuous batching: many completions of many prompts, one token each per step.

A prompt is prefilled once for all its completions. A completion that ends leaves its slot to one
that waits; with none waiting, the last ones move into the gaps and the batch shrinks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from sormctl.engines.base import (
    REPETITION,
    Completion,
    Sampling,
    answer_limit,
    repeats_itself,
)
from sormctl.engines.decoding import before_stop, decode, kept_ids
from sormctl.engines.encoding import prompt_ids
from sormctl.engines.hf.decode import Decoder, SlotStart
from sormctl.engines.hf.load import LoadedModel
from sormctl.engines.hf.prefill import Prefilled, Prompts
from sormctl.engines.hf.worker import Request
from sormctl.prompts import Prompt

# Gaps are filled or closed once 1 / this of the batch is empty: a prefill costs as much as a step,
# and closing a gap copies a whole sequence.
_GAPS = 16
_KEPT = 256  # positions of earlier prompts that are kept, per slot
_LOOKS = 8  # tokens from one look for repetition to the next
_MARGIN = 8  # tokens beyond a stop string's bytes, for decoders that treat a text's start apart


@dataclass(eq=False, slots=True)
class SampleRequest(Request[list[Completion]]):
    """Completions of one prompt that somebody waits for."""

    prompt: Prompt
    params: Sampling
    ids: list[int] = field(default_factory=list)
    kept: frozenset[int] = frozenset()  # special tokens that its texts keep
    limit: int = 0
    prefilled: Prefilled | None = None
    completions: dict[int, Completion] = field(default_factory=dict)
    num_tokens: int = 0  # that were generated for it

    @property
    def final_length(self) -> int:
        """The most tokens that prompt and completion can have."""
        return len(self.ids) + self.limit


@dataclass(eq=False, slots=True)
class _Row:
    request: SampleRequest
    number: int
    tokens: list[int] = field(default_factory=list)
    logprob: float | None = None

    @property
    def is_full(self) -> bool:
        """Whether it may have no more tokens."""
        return len(self.tokens) >= self.request.limit

    def repeats_itself(self) -> bool:
        """Whether it has said the same too often in a row; it is looked at now and then."""
        most = self.request.params.max_repeats
        looks = most > 0 and len(self.tokens) % _LOOKS == 0
        return looks and repeats_itself(self.tokens, most)

    def start(self) -> SlotStart:
        request, params = self.request, self.request.params
        assert request.prefilled is not None
        return SlotStart(request.prefilled, request.ids, params.seeds[self.number], params)


class SampleBatch:
    """The completions in progress on one model. Not thread-safe, but for `in_progress`.

    These are the tokens of requests that are not complete.
    """

    def __init__(self, loaded: LoadedModel, size: int, budget: int) -> None:
        self._loaded = loaded
        self._eos = loaded.eos_ids
        self.in_progress = 0
        self._size = size
        self._waiting: deque[_Row] = deque()
        self._slots: list[_Row | None] = []
        self._decoder = Decoder(loaded, size, budget)
        self._prompts = Prompts(loaded.model, min(size * _KEPT, budget // 4))

    @property
    def busy(self) -> bool:
        """Whether there is anything to do."""
        return bool(self._waiting or any(self._slots))

    def add(self, request: SampleRequest) -> None:
        """Queue the completions of a request; TooLongError if its prompt is too long.

        ModelError for a token that the model cannot read.
        """
        loaded, wanted = self._loaded, request.params.max_tokens
        request.ids = prompt_ids(loaded.tokenizer, request.prompt)
        loaded.check_embedded(request.ids)
        request.kept = kept_ids(loaded.tokenizer, request.prompt.think) - self._eos
        request.limit = answer_limit(len(request.ids), loaded.max_length, loaded.name, wanted)
        self._waiting.extend(_Row(request, i) for i in range(len(request.params.seeds)))

    def drop(self, request: SampleRequest) -> None:
        """Forget a request that nobody waits for any more."""
        self.in_progress -= request.num_tokens
        self._waiting = deque(row for row in self._waiting if row.request is not request)
        self._end([i for i, row in enumerate(self._slots) if row and row.request is request])

    @torch.inference_mode()
    def step(self) -> list[tuple[SampleRequest, list[Completion]]]:
        """One token for every completion in progress; returns the requests this completed."""
        # 1. Completions that wait take the slots of those that ended, or the batch shrinks.
        self._fill_gaps()
        if not self._slots:
            return []
        # 2. One pass of the model: a token for every slot, empty ones included.
        ended = self._append(self._decoder.step(len(self._slots)))
        # 3. Who ended leaves the slot; a request is done with the last of its completions.
        rows = []
        for i in ended:
            if row := self._slots[i]:
                row.logprob = self._decoder.logprob(i)
                rows.append(row)
        self._end(ended)
        return self._complete(rows)

    # ── slots ────────────────────────────────────────────────────────────────────────────────────

    def _fill_gaps(self) -> None:
        gaps = [i for i, row in enumerate(self._slots) if row is None]
        free = self._size - len(self._slots) + len(gaps)
        if self._waiting and (free * _GAPS >= self._size or len(gaps) == len(self._slots)):
            self._admit(gaps)
        elif len(gaps) * _GAPS >= len(self._slots):
            self._close(gaps)

    def _admit(self, gaps: list[int]) -> None:
        """Start rows that wait, in the gaps and after the last slot."""
        # 1. As many as there is memory for. Storage is as long as the longest row wherever that is,
        #    so each row counts with the most that any of them may come to.
        live = [row.request.final_length for row in self._slots if row]
        rows = self._next_rows(len(live), max(live, default=0))
        # 2. A slot for each: the gaps first, so that the slots in use stay the first ones.
        places = dict(zip([*gaps, *range(len(self._slots), self._size)], rows, strict=False))
        self._slots += [None] * (max(places, default=-1) + 1 - len(self._slots))
        for slot, row in places.items():
            self._slots[slot] = row
        # 3. Prompts that are new are prefilled, once for all their completions.
        new = list(dict.fromkeys(row.request for row in rows if row.request.prefilled is None))
        found = self._prompts.prefill([request.ids for request in new])
        for request, prefilled in zip(new, found, strict=True):
            request.prefilled = prefilled
        # 4. Their keys are copied into the slots, and decoding starts on the prompts' last tokens.
        starts = {slot: row.start() for slot, row in places.items()}
        self._decoder.start(starts, len(self._slots))
        for row in rows:
            if row.number == len(row.request.params.seeds) - 1:
                row.request.prefilled = None  # the last of its rows has its copy

    def _next_rows(self, live: int, longest: int) -> list[_Row]:
        """Waiting rows that there is room for, in order of arrival."""
        rows: list[_Row] = []
        while self._waiting:
            longest = max(longest, self._waiting[0].request.final_length)
            if live + len(rows) >= self._decoder.capacity(longest):
                break
            rows.append(self._waiting.popleft())
        return rows

    def _close(self, gaps: list[int]) -> None:
        """Move the last rows into the gaps."""
        # below `left` are as many gaps as there are rows from there on
        left = len(self._slots) - len(gaps)
        targets = [i for i in gaps if i < left]
        sources = [i for i in range(left, len(self._slots)) if self._slots[i]]
        if sources:
            self._decoder.move(sources, targets)
        for source, target in zip(sources, targets, strict=True):
            self._slots[target] = self._slots[source]
        del self._slots[left:]

    def _end(self, slots: Sequence[int]) -> None:
        for i in slots:
            self._slots[i] = None
        self._decoder.end(slots)

    # ── tokens and text ──────────────────────────────────────────────────────────────────────────

    def _append(self, tokens: list[int]) -> list[int]:
        """Give each row its token; returns the slots of the rows that this ended."""
        ended = []
        for i, (row, token) in enumerate(zip(self._slots, tokens, strict=True)):
            if row is None:
                continue
            row.tokens.append(token)
            row.request.num_tokens += 1
            self.in_progress += 1
            if token in self._eos or row.is_full or self._stopped(row) or row.repeats_itself():
                ended.append(i)
        return ended

    def _stopped(self, row: _Row) -> bool:
        """Whether a stop string appeared with the last token."""
        stop = row.request.params.stop
        if not stop:
            return False
        # no token that has text is shorter than a byte, so these hold every stop string
        window = max(len(text.encode()) for text in stop) + _MARGIN
        if before_stop(self._text(row, row.tokens[-window:]), stop) is None:
            return False
        return before_stop(self._text(row, row.tokens), stop) is not None

    def _complete(self, rows: list[_Row]) -> list[tuple[SampleRequest, list[Completion]]]:
        done = []
        for row in rows:
            request = row.request
            request.completions[row.number] = self._completion(row)
            if len(request.completions) == len(request.params.seeds):
                self.in_progress -= request.num_tokens
                done.append((request, [item for _, item in sorted(request.completions.items())]))
        return done

    def _completion(self, row: _Row) -> Completion:
        request = row.request
        text = self._text(row, row.tokens)
        stopped = before_stop(text, request.params.stop)
        ended = stopped is not None or row.tokens[-1] in self._eos
        return Completion(
            text=text if stopped is None else stopped,
            finish="stop" if ended else "length" if row.is_full else REPETITION,
            prompt_tokens=len(request.ids),
            cached_tokens=len(request.ids) if row.number else 0,
            generated_tokens=len(row.tokens),
            logprob=row.logprob,
        )

    def _text(self, row: _Row, tokens: list[int]) -> str:
        return decode(self._loaded.tokenizer, tokens, row.request.kept)
