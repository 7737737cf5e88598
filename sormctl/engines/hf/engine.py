"""Engine `hf`: any transformers causal language model or reward model, on a CPU or a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Self

import torch
from msgspec import Meta, Struct

from sormctl.adapters.adapter import Adapter
from sormctl.engines.arguments import PositiveInt, read_options
from sormctl.engines.base import Completion, Sampling
from sormctl.engines.hf.batch import SampleBatch, SampleRequest
from sormctl.engines.hf.load import LoadedModel, load
from sormctl.engines.hf.probe import probe
from sormctl.engines.hf.score import ScoreBatch, ScoreRequest
from sormctl.engines.hf.worker import Worker
from sormctl.engines.memory import available_memory, keep_freed_memory
from sormctl.engines.running import Running
from sormctl.errors import ModelError
from sormctl.models import resolve_model
from sormctl.prompts import Prompt

# rows of a batch by number of parameters: on a CPU more rows stop paying once the arithmetic of a
# step outweighs its overhead
_CPU_ROWS = ((10_000_000, 256), (1_000_000_000, 128))
_CPU_ROWS_LARGE = 64
_GPU_ROWS = 256
_CPU_MEMORY_SHARE = 0.25
_GPU_MEMORY_SHARE = 0.6
_SCORE_TOKENS = 65536  # of a batch to score


_Dtype = Annotated[
    Literal["auto", "float32", "bfloat16", "float16"],
    Meta(description="one of auto, float32, bfloat16, float16"),
]


class HfOptions(Struct, frozen=True):
    """Engine arguments; None chooses by device and model.

    `device` auto, cpu, cuda, cuda:1 …; `dtype` auto, float32, bfloat16, float16; `batch_size` rows
    that are decoded or scored together; `max_length` tokens of prompt and completion.
    """

    device: str = "auto"
    dtype: _Dtype = "auto"
    batch_size: PositiveInt | None = None
    max_length: PositiveInt | None = None


class HfEngine:
    """The engine over one model, loaded by `async with`."""

    def __init__(self, model: str, options: HfOptions, adapter: Adapter | None = None) -> None:
        self._model = model
        self._adapter = adapter
        self._options = options
        self._worker = Worker()
        self._rows = 0  # this and the next are known once it is loaded
        self._batch: SampleBatch | ScoreBatch | None = None

    async def __aenter__(self) -> Self:
        if not torch.cuda.is_available():
            keep_freed_memory()  # before the thread starts: it would get a heap of its own
        await self._worker.start(self._load)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._worker.stop()

    @property
    def capacity(self) -> int:
        """The rows of a batch."""
        return self._rows

    @property
    def in_progress(self) -> int:
        """The tokens of completions whose request is not answered yet."""
        return self._batch.in_progress if isinstance(self._batch, SampleBatch) else 0

    async def sample(self, prompt: Prompt, params: Sampling) -> list[Completion]:
        if isinstance(self._batch, ScoreBatch):
            raise ModelError(f"{self._model}: a reward model; it scores, it does not generate")
        if not params.seeds:
            return []
        return await self._worker.run(SampleRequest(prompt, params))

    async def score(self, prompt: Prompt, steps: Sequence[str]) -> list[float]:
        if isinstance(self._batch, SampleBatch):
            raise ModelError(f"{self._model}: a language model; only a reward model scores steps")
        if not steps:
            return []
        return await self._worker.run(ScoreRequest(prompt, tuple(steps)))

    def _load(self) -> SampleBatch | ScoreBatch:
        options = self._options
        loaded = load(self._model, options.device, options.dtype, options.max_length, self._adapter)
        self._rows = rows = options.batch_size or _default_rows(loaded)
        if loaded.reading is not None:
            self._batch = ScoreBatch(loaded, loaded.reading, rows, _SCORE_TOKENS)
        else:
            self._batch = SampleBatch(loaded, rows, _cache_budget(loaded))
        return self._batch


def create(model: str, running: Running, adapter: Adapter | None = None) -> HfEngine:
    """The engine for a model as the user names it; UsageError for an argument it does not have."""
    return HfEngine(resolve_model(model), read_options(HfOptions, running), adapter)


def _default_rows(loaded: LoadedModel) -> int:
    if loaded.device.type != "cpu":
        return _GPU_ROWS
    if loaded.reading is not None:  # the same bytes whatever else waits; a batch would gain nothing
        return 1
    size = loaded.model.num_parameters()
    return next((rows for limit, rows in _CPU_ROWS if size < limit), _CPU_ROWS_LARGE)


def _cache_budget(loaded: LoadedModel) -> int:
    """How many positions of keys and values fit into the memory that the cache may take.

    ModelError for a model that the engine does not compute.
    """
    position = probe(loaded)
    if loaded.device.type == "cuda":
        memory = torch.cuda.mem_get_info(loaded.device)[0] * _GPU_MEMORY_SHARE
    else:
        memory = available_memory() * _CPU_MEMORY_SHARE
    return int(memory // position)
