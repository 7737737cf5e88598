"""Starting vLLM: its arguments, and its chatter kept off standard output."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from typing import Annotated, Any

from msgspec import Meta, Struct

from sormctl.adapters.adapter import Adapter
from sormctl.engines.arguments import PositiveInt
from sormctl.engines.processes import Log, chatter_to
from sormctl.engines.reading import token_id
from sormctl.errors import UsageError
from sormctl.missing import no_such

_CPU_CACHE_SHARE = 0.1  # of the memory
_CPU_BATCH_TOKENS = 4096
_OURS = ("model", "runner", "tensor_parallel_size")


class VllmOptions(Struct, frozen=True):
    """Engine arguments: GPUs that share one copy of the model, and what vLLM itself is told."""

    tensor_parallel: PositiveInt | None = None
    others: Annotated[dict[str, str], Meta(description="vLLM's own")] = {}


def pooling_settings(model: str, adapter: Adapter | None, tokenizer: Any) -> dict[str, Any]:
    """What vLLM must be told to read a reward model as its adapter says.

    It gives the logits of all tokens, for where steps end is known here. A language model becomes a
    classifier whose two rows are those of the tokens that are read.
    """
    if adapter is None or adapter.head.kind in ("classes", "sequence"):
        return {}
    settings: dict[str, Any] = {"pooler_config": {"tok_pooling_type": "ALL"}}
    if adapter.head.kind == "layers":
        return settings
    ids = [token_id(tokenizer, text, model) for text in (adapter.head.bad, adapter.head.good)]
    made = {"method": "no_post_processing", "num_labels": len(ids)}
    rows = {"classifier_from_token": tokenizer.convert_ids_to_tokens(ids)}
    return settings | {"convert": "classify", "hf_overrides": {**made, **rows}}


def engine_settings(
    model: str, config: Any, options: VllmOptions, pooling: Mapping[str, Any]
) -> dict[str, Any]:
    """Arguments of AsyncEngineArgs for a model, the user's own last; UsageError for a bad one."""
    import torch

    parallel = options.tensor_parallel or 1
    on_gpu = torch.cuda.is_available()
    length = getattr(config.get_text_config(), "max_position_embeddings", None)
    settings: dict[str, Any] = {"enable_prefix_caching": True, "disable_log_stats": True}
    settings["load_format"] = "safetensors"  # left alone, vLLM reads pickles where there are none
    # engine hf runs a checkpoint in its own type; vLLM's `auto` would make bfloat16 of float32
    dtype = str(getattr(config, "dtype", None) or "float32").removeprefix("torch.")
    settings["dtype"] = "float32" if dtype == "float16" and not on_gpu else dtype
    if on_gpu:
        settings["data_parallel_size"] = max(1, torch.cuda.device_count() // parallel)
    else:
        settings |= {"enforce_eager": True, "block_size": 32, "enable_chunked_prefill": False}
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        settings["kv_cache_memory_bytes"] = int(memory * _CPU_CACHE_SHARE)
    settings |= pooling
    with chatter_to(os.open(os.devnull, os.O_WRONLY)):
        settings |= _converted(options.others)
    if not on_gpu:  # a prompt in two parts kills a seeded request on a CPU
        whole = settings.get("max_model_len") or length or _CPU_BATCH_TOKENS
        settings.setdefault("max_num_batched_tokens", max(_CPU_BATCH_TOKENS, whole))
    return settings | {"model": model, "tensor_parallel_size": parallel}


def quiet_start(settings: Mapping[str, Any], log: Log) -> Any:
    """A running AsyncLLM. Its processes inherit the log as standard output and error."""
    with chatter_to(log.open()):
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.usage.usage_lib import UsageContext
        from vllm.v1.engine.async_llm import AsyncLLM

        # batches as large as those of vLLM's own offline class; an AsyncLLM's are 128 requests
        context = UsageContext.LLM_CLASS
        engine = AsyncLLM.from_engine_args(AsyncEngineArgs(**settings), usage_context=context)
    if not log.verbose:  # what fails in this process is raised as well, and told in one line
        logging.getLogger("vllm").setLevel(logging.CRITICAL)
    return engine


def _converted(arguments: Mapping[str, str]) -> dict[str, Any]:
    from vllm.engine.arg_utils import AsyncEngineArgs

    known = {item.name: item.type for item in fields(AsyncEngineArgs) if item.name not in _OURS}
    found = {}
    for name, text in arguments.items():
        if name not in known:
            remedy = "see vLLM's engine arguments"
            raise UsageError(no_such("argument of engine vllm", name, known, remedy))
        try:
            found[name] = _value(_kinds(known[name]), text)
        except ValueError as error:
            raise UsageError(f"{name}={text}: not a value that vLLM takes for it") from error
    return found


def _kinds(declared: Any) -> set[str]:
    """Names of the types in a declaration, which may be a string that cannot be evaluated."""
    text = declared.__name__ if isinstance(declared, type) else str(declared)
    return set(re.findall(r"\w+", re.sub(r"'[^']*'", "", text)))


def _value(kinds: set[str], text: str) -> Any:
    """`text` as a value of one of the types; ValueError if it is none."""
    if "bool" in kinds and text.lower() in ("true", "false"):
        return text.lower() == "true"
    for name, kind in (("int", int), ("float", float)):
        if name in kinds:
            with suppress(ValueError):
                return kind(text)
    if kinds & {"bool", "int", "float"} and "str" not in kinds:
        raise ValueError(text)
    return json.loads(text) if text.startswith(("{", "[")) else text
