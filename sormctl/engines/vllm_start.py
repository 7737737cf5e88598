"""Starting vLLM: its arguments, and its chatter kept off standard output."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import fields
from difflib import get_close_matches
from multiprocessing import active_children
from multiprocessing.util import register_after_fork
from typing import Any

from sormctl.engines.registry import positive
from sormctl.errors import UsageError

_CPU_CACHE_SHARE = 0.1  # of the memory
_CPU_BATCH_TOKENS = 4096
_LOOK_SECONDS = 0.1
_OURS = ("model", "runner", "tensor_parallel_size")


class Log:
    """Where vLLM's processes write: standard error if `verbose`, else a temporary file."""

    def __init__(self, verbose: bool) -> None:
        self.verbose = verbose
        os.environ.setdefault("VLLM_LOGGING_LEVEL", "INFO" if verbose else "ERROR")
        self._file = None if verbose else tempfile.TemporaryFile()  # noqa: SIM115 (see close)

    def open(self) -> int:
        """A file descriptor to write to; the caller closes it."""
        return os.dup(self._file.fileno() if self._file else 2)

    def last_error(self) -> str:
        """The last line that names an error; empty if there is none."""
        if self._file is None:
            return ""
        size = os.fstat(self._file.fileno()).st_size
        text = os.pread(self._file.fileno(), size, 0)  # leaves the place where others write
        lines = text.decode(errors="replace").splitlines()
        return next(
            (line.split("] ")[-1].strip() for line in reversed(lines) if "Error:" in line), ""
        )

    def close(self) -> None:
        """Forget the file; it has no name, so nothing stays however this ends."""
        if self._file is not None:
            self._file.close()


def engine_settings(model: str, config: Any, arguments: Mapping[str, str]) -> dict[str, Any]:
    """Arguments of AsyncEngineArgs for a model, the user's own last; UsageError for a bad one."""
    import torch

    parallel = positive(arguments, "tensor_parallel") or 1
    on_gpu = torch.cuda.is_available()
    length = getattr(config.get_text_config(), "max_position_embeddings", None)
    settings: dict[str, Any] = {"enable_prefix_caching": True, "disable_log_stats": True}
    # engine hf runs a checkpoint in its own type; vLLM's `auto` would make bfloat16 of float32
    dtype = str(getattr(config, "dtype", None) or "float32").removeprefix("torch.")
    settings["dtype"] = "float32" if dtype == "float16" and not on_gpu else dtype
    if on_gpu:
        settings["data_parallel_size"] = max(1, torch.cuda.device_count() // parallel)
    else:
        settings |= {"enforce_eager": True, "block_size": 32, "enable_chunked_prefill": False}
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        settings["kv_cache_memory_bytes"] = int(memory * _CPU_CACHE_SHARE)
    with chatter_to(os.open(os.devnull, os.O_WRONLY)):
        settings |= _converted(arguments)
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


@contextmanager
def chatter_to(target: int) -> Iterator[None]:
    """Point descriptors 1 and 2 at `target`, which is closed, for us and for new processes."""
    os.environ["VLLM_LOGGING_STREAM"] = "ext://sys.stderr"
    os.environ["VLLM_NO_USAGE_STATS"] = "1"
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    saved = os.dup(1), os.dup(2)
    _flush_streams()
    try:
        os.dup2(target, 1)
        os.dup2(target, 2)
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        _flush_streams()
        for number, kept in enumerate(saved, start=1):
            os.dup2(kept, number)
            os.close(kept)
        os.close(target)


def _flush_streams() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # it is where the command was started with the stream closed
            with suppress(ValueError):  # somebody closed it meanwhile
                stream.flush()


def _converted(arguments: Mapping[str, str]) -> dict[str, Any]:
    from vllm.engine.arg_utils import AsyncEngineArgs

    known = {item.name: item.type for item in fields(AsyncEngineArgs) if item.name not in _OURS}
    found = {}
    for name, text in arguments.items():
        if name == "tensor_parallel":
            continue
        if name not in known:
            near = ", ".join(get_close_matches(name, known)) or "see vLLM's engine arguments"
            raise UsageError(f"engine vllm has no argument `{name}`; near it: {near}")
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


class Watchdog:
    """Kills processes if this one ends without a chance to; they would stay."""

    def __init__(self, pids: Iterable[int] = ()) -> None:
        # the pipe ends when this process does, however it does; an empty line says that all is well
        script = 'while read -r pid; do [ "$pid" ] || exit; set -- "$@" "$pid"; done; kill -9 "$@"'
        self._process = subprocess.Popen(
            ["sh", "-c", script],
            stdin=subprocess.PIPE,
            bufsize=0,  # a buffer has a lock, which a child made by fork may find taken for ever
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        register_after_fork(self, Watchdog._leave)
        self._watch(pids)

    @contextmanager
    def over_children(self) -> Iterator[None]:
        """Watches over the processes that start in the block, as soon as they do."""
        done = threading.Event()

        def look() -> None:
            known = frozenset[int]()
            is_last = False
            while not is_last:
                is_last = done.wait(_LOOK_SECONDS)
                found = frozenset(child.pid for child in active_children() if child.pid)
                self._watch(found - known)
                known |= found

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def stop(self) -> None:
        """The processes have ended by themselves."""
        self._process.communicate(b"\n")

    def _watch(self, pids: Iterable[int]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"".join(b"%d\n" % pid for pid in pids))

    def _leave(self) -> None:
        """In a child made by fork: as long as it had the pipe, that would not end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
