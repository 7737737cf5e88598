"""Engine `vllm`: vLLM's asynchronous engine in a process of its own, fed without barriers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import count
from typing import Any, Self

from sormctl.adapters.adapter import OWN, Adapter
from sormctl.engines.arguments import read_options
from sormctl.engines.base import Completion, Sampling, answer_limit, check_readable, together
from sormctl.engines.decoding import before_stop, decode, kept_ids
from sormctl.engines.encoding import (
    check_embedded,
    eos_ids,
    is_reward_model,
    load_tokenizer,
    prompt_ids,
)
from sormctl.engines.processes import Log, Watchdog
from sormctl.engines.reading import (
    check_labels,
    encode_solution,
    for_vllm,
    scores_of_logits,
)
from sormctl.engines.running import Running
from sormctl.engines.vllm.start import VllmOptions, engine_settings, pooling_settings, quiet_start
from sormctl.errors import DeadEngineError, EngineError, ModelError, UsageError, first_line
from sormctl.missing import install
from sormctl.models import resolve_model
from sormctl.prompts import Prompt


class VllmEngine:
    """The engine over one model, started by `async with`."""

    def __init__(
        self, model: str, options: VllmOptions, verbose: bool, adapter: Adapter | None = None
    ) -> None:
        self._model = model
        self._adapter = adapter
        self._options = options
        self._verbose = verbose
        self._numbers = count()
        self._log: Log | None = None
        self._watchdog: Watchdog | None = None
        self._engine: Any = None
        self._tokenizer: Any = None
        self._room = self._embeddings = 0
        self._pad: int | None = None
        self._eos: list[int] = []

    async def __aenter__(self) -> Self:
        from transformers import AutoConfig

        self._tokenizer = load_tokenizer(self._model)
        try:
            config = AutoConfig.from_pretrained(self._model, trust_remote_code=False)
        except Exception as error:  # transformers raises whatever its readers meet
            raise ModelError(f"{self._model}: cannot load it: {first_line(error)}") from error
        if self._adapter is None and is_reward_model(config):
            self._adapter = OWN
        if self._adapter is not None:
            check_labels(self._model, self._adapter, config.num_labels)
        self._pad = getattr(config.get_text_config(), "pad_token_id", None)
        self._embeddings = config.get_text_config().vocab_size
        sources = _generation(self._model), config.get_text_config(), self._tokenizer
        self._eos = sorted(eos_ids(*sources))
        self._log, self._watchdog = Log(self._verbose), Watchdog()
        try:
            pooling = pooling_settings(self._model, self._adapter, self._tokenizer)
            settings = engine_settings(self._model, config, self._options, pooling)
            with self._watchdog.over_children():  # large models load for minutes
                self._engine = quiet_start(settings, self._log)
        except UsageError:
            self._close()
            raise
        except Exception as error:  # whatever the engine's process meets
            line = self._reason(error)
            self._close()
            await asyncio.sleep(0)  # raises after Ctrl-C, which the engine's process gets, too
            raise EngineError(f"engine vllm does not start: {line}") from error
        self._room = self._engine.model_config.max_model_len
        return self

    async def __aexit__(self, *exc: object) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.shutdown()
            self._close()

    def _close(self) -> None:
        if self._watchdog is not None:
            self._watchdog.stop()
        if self._log is not None:
            self._log.close()

    def _reason(self, error: Exception) -> str:
        """Where it began, which the log has; else what reached us."""
        return (self._log.last_error() if self._log else "") or first_line(error)

    @property
    def capacity(self) -> int:
        """The requests that vLLM batches, over all copies of the model."""
        config = self._engine.vllm_config
        batched: int = config.scheduler_config.max_num_seqs
        return batched * int(config.parallel_config.data_parallel_size)

    async def sample(self, prompt: Prompt, params: Sampling) -> list[Completion]:
        if self._adapter is not None:
            raise ModelError(f"{self._model}: a reward model; it scores, it does not generate")
        ids = prompt_ids(self._tokenizer, prompt)
        check_embedded(self._tokenizer, ids, self._embeddings, self._model)
        limit = answer_limit(len(ids), self._room, self._model, params.max_tokens)
        kept = kept_ids(self._tokenizer, prompt.think)
        runs = params.runs()
        found = await together(self._complete(ids, params, run, limit, kept) for run in runs)
        return [completion for run in found for completion in run]

    async def score(self, prompt: Prompt, steps: Sequence[str]) -> list[float]:
        adapter = self._adapter
        if adapter is None:
            raise ModelError(f"{self._model}: a language model; only a reward model scores steps")
        if not steps:
            return []
        from vllm import PoolingParams

        ids, positions = encode_solution(self._tokenizer, adapter, prompt, steps, self._pad)
        check_embedded(self._tokenizer, ids, self._embeddings, self._model)
        check_readable(len(ids), self._room, self._model)
        task: Any = "classify" if adapter.judges_whole else "token_classify"
        output = await self._last("encode", ids, PoolingParams(task=task, use_activation=False))
        logits = output.outputs.data  # (T, C); of a whole, (C,)
        read = logits[None] if adapter.judges_whole else logits[positions]
        return scores_of_logits(adapter.head, read)

    async def _complete(
        self, ids: list[int], params: Sampling, seeds: range, limit: int, kept: frozenset[int]
    ) -> list[Completion]:
        """One request: vLLM seeds its n completions seed, seed + 1 …"""
        from vllm import SamplingParams
        from vllm.sampling_params import RepetitionDetectionParams, RequestOutputKind

        greedy, circles = params.is_greedy, params.repetition
        settings = SamplingParams(
            temperature=0.0 if greedy else params.temperature,
            top_p=1.0 if greedy else params.top_p,
            n=len(seeds),
            seed=None if greedy else seeds.start,
            max_tokens=limit,
            stop=list(params.stop),
            stop_token_ids=self._eos,
            repetition_detection=RepetitionDetectionParams(**circles) if circles else None,
            logprobs=0 if params.logprobs else None,  # those of the tokens drawn, and no others
            detokenize=bool(params.stop),  # else once, at the end: token by token costs more
            skip_special_tokens=not kept,
            output_kind=RequestOutputKind.FINAL_ONLY,
            skip_clone=True,  # these settings are of this request alone
        )
        output = await self._last("generate", ids, settings)
        return [
            Completion(
                text=self._text(written, params, kept),
                finish=str(written.finish_reason),
                prompt_tokens=len(ids),
                cached_tokens=output.num_cached_tokens or 0,
                generated_tokens=len(written.token_ids),
                logprob=written.cumulative_logprob,
            )
            for written in output.outputs
        ]

    def _text(self, written: Any, params: Sampling, kept: frozenset[int]) -> str:
        """Without the token, or the stop string, that ended it."""
        if params.stop and not kept:
            return str(written.text)
        ids, ended_by = list(written.token_ids), written.stop_reason
        by_token = written.finish_reason == "stop" and not isinstance(ended_by, str)
        text = decode(self._tokenizer, ids[:-1] if by_token else ids, kept)
        before = before_stop(text, params.stop)
        return text if before is None else before

    async def _last(self, call: str, ids: list[int], params: Any) -> Any:
        """The final output of a request; a caller that is cancelled aborts it in vLLM."""
        if self._engine is None:
            raise EngineError("the engine is not open; use it as a context manager")
        from vllm.inputs import tokens_input

        output = None
        request = getattr(self._engine, call)
        try:
            async for output in request(  # noqa: B007 - the last one counts
                tokens_input(ids), params, str(next(self._numbers))
            ):
                pass
        except Exception as error:  # the engine is dead, or refuses the request
            kind = DeadEngineError if self._engine.errored else EngineError
            raise kind(f"engine vllm failed: {self._reason(error)}") from error
        return output


def create(model: str, running: Running, adapter: Adapter | None = None) -> VllmEngine:
    """The engine for a model as the user names it; UsageError if vLLM is not installed."""
    if adapter is not None:
        for_vllm(adapter, "engine vllm")
    if find_spec("vllm") is None:
        raise UsageError(f"engine vllm is not installed; {install('vllm')}")
    options = read_options(VllmOptions, running)
    return VllmEngine(resolve_model(model), options, running.verbose, adapter)


def _generation(model: str) -> Any:
    from transformers import GenerationConfig

    try:
        return GenerationConfig.from_pretrained(model)
    except OSError:  # a model without generation settings
        return None
