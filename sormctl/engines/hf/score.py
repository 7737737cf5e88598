"""Scoring solutions with a reward model: one forward pass judges every step of a solution."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

import torch

from sormctl.engines.base import check_readable
from sormctl.engines.hf.heads import HeadReading
from sormctl.engines.hf.load import LoadedModel
from sormctl.engines.hf.worker import Request
from sormctl.engines.reading import encode_solution, scores_of_logits
from sormctl.prompts import Prompt


@dataclass(eq=False, slots=True)
class ScoreRequest(Request[list[float]]):
    """Scores of one solution that somebody waits for."""

    prompt: Prompt
    steps: Sequence[str]
    ids: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)


class ScoreBatch:
    """The solutions that wait for a reward model. Not thread-safe."""

    def __init__(self, loaded: LoadedModel, reading: HeadReading, rows: int, tokens: int) -> None:
        self._loaded = loaded
        self._reading = reading
        self._rows = rows
        self._tokens = tokens
        self._waiting: list[ScoreRequest] = []
        self._sorted: deque[ScoreRequest] = deque()

    @property
    def busy(self) -> bool:
        """Whether there is anything to do."""
        return bool(self._waiting or self._sorted)

    def add(self, request: ScoreRequest) -> None:
        """Queue a solution; TooLongError if it is too long."""
        loaded, adapter = self._loaded, self._reading.adapter
        pad = getattr(loaded.config, "pad_token_id", None)
        request.ids, request.positions = encode_solution(
            loaded.tokenizer, adapter, request.prompt, request.steps, pad
        )
        loaded.check_embedded(request.ids)
        check_readable(len(request.ids), loaded.max_length, loaded.name)
        self._waiting.append(request)

    def drop(self, request: ScoreRequest) -> None:
        """Forget a request that nobody waits for any more."""
        self._waiting = [item for item in self._waiting if item is not request]
        self._sorted = deque(item for item in self._sorted if item is not request)

    @torch.inference_mode()
    def step(self) -> list[tuple[ScoreRequest, list[float]]]:
        """Score some solutions of similar length."""
        if not self._sorted:  # everything that waits is sorted at once, so nothing waits forever
            self._sorted.extend(sorted(self._waiting, key=lambda request: -len(request.ids)))
            self._waiting.clear()
        batch = self._next_batch()
        return list(zip(batch, self._scores(batch), strict=True)) if batch else []

    def _next_batch(self) -> list[ScoreRequest]:
        if not self._sorted:
            return []
        rows = max(1, min(self._rows, self._tokens // max(1, len(self._sorted[0].ids))))
        return [self._sorted.popleft() for _ in range(min(rows, len(self._sorted)))]

    def _scores(self, batch: list[ScoreRequest]) -> list[list[float]]:
        # 1. Solutions as rows, padded on the right, where no step looks; the longest comes first.
        longest = len(batch[0].ids)  # T
        device = self._loaded.device
        ids = torch.tensor([item.ids + [0] * (longest - len(item.ids)) for item in batch])  # (B, T)
        lengths = torch.tensor([len(item.ids) for item in batch])  # (B,)
        mask = torch.arange(longest) < lengths[:, None]  # (B, T)
        # 2. The places that are read, of all solutions in a row: N of them.
        counts = [len(item.positions) for item in batch]
        rows = torch.arange(len(batch)).repeat_interleave(torch.tensor(counts))  # (N,)
        columns = torch.tensor([place for item in batch for place in item.positions])  # (N,)
        # 3. One pass gives their logits: of 2 or 3 classes, or whatever the head makes.
        places = (part.to(device) for part in (ids, mask, rows, columns))
        logits = self._reading.read(*places)  # (N, C)
        scores = iter(scores_of_logits(self._reading.adapter.head, logits))
        return [list(islice(scores, count)) for count in counts]
