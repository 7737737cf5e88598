"""Engine `openai`: servers of the OpenAI completions API that somebody already runs."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, Self

from msgspec import Struct
from msgspec.structs import replace

from sormctl.engines.arguments import PositiveInt, read_options
from sormctl.engines.base import Completion, Sampling, answer_limit, together
from sormctl.engines.encoding import load_tokenizer, prompt_ids
from sormctl.engines.openai.http import Http, completions, connections, settings
from sormctl.engines.openai.pool import Pool, Sleep
from sormctl.engines.openai.server import Server, is_url, redacted
from sormctl.engines.running import Running
from sormctl.errors import EngineError, ModelError, UsageError
from sormctl.models import NO_TOKENIZER, resolve_model
from sormctl.prompts import Prompt
from sormctl.records import Json


class OpenaiOptions(Struct, frozen=True):
    """Engine arguments.

    Each `base_url` ends in `/v1`; `tokenizer` None is the model's, `none` sends prompts as text;
    `timeout` of one request and `patience` without any server are in seconds; `concurrency` is the
    most requests that one server gets at once.
    """

    base_url: tuple[str, ...] = ()
    served_model: str | None = None
    tokenizer: str | None = None
    timeout: PositiveInt = 600
    patience: PositiveInt = 120
    concurrency: PositiveInt = 256


class OpenaiEngine:
    """The engine over the servers; `async with` asks what they serve."""

    def __init__(
        self,
        model: str,
        options: OpenaiOptions,
        *,
        verbose: bool = False,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._model = model
        self._options = options
        self._each = options.concurrency  # requests that a server gets at once
        self._verbose = verbose
        self._sleep = sleep
        self._tokenizer: Any = None
        self._http: Http | None = None
        self._pool: Pool | None = None

    async def __aenter__(self) -> Self:
        options = self._options
        if options.tokenizer != NO_TOKENIZER:
            self._tokenizer = load_tokenizer(resolve_model(options.tokenizer or self._model))
        self._http = Http(os.environ.get("OPENAI_API_KEY", "").strip(), options.timeout)
        number = len(options.base_url)
        self._each = max(1, connections(options.concurrency * number) // number)
        servers = [Server(url, redacted(url), self._each) for url in options.base_url]
        self._pool = Pool(
            servers, self._probe, options.patience, sleep=self._sleep, tell=self._tell
        )
        try:
            await self._pool.open()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()
        if self._http is not None:
            await self._http.close()

    @property
    def capacity(self) -> int:
        """The requests that all servers get at once."""
        return self._each * len(self._options.base_url)

    async def sample(self, prompt: Prompt, params: Sampling) -> list[Completion]:
        written = self._written(prompt)
        found = await together(self._complete(written, params, run) for run in self._runs(params))
        return [completion for run in found for completion in run]

    async def score(self, prompt: Prompt, steps: Sequence[str]) -> list[float]:
        """Never: the completions API has no reward models."""
        raise ModelError("engine openai does not score; run the reward model with --engine hf")

    def _written(self, prompt: Prompt) -> list[int] | str:
        """The prompt as token ids, so that steps keep their tokens; without a tokenizer, text."""
        if self._tokenizer is not None:
            return prompt_ids(self._tokenizer, prompt)
        if prompt.messages:
            raise ModelError("tokenizer=none writes no chat prompt; use --prompt plain")
        return prompt.text + "".join(prompt.written)

    def _runs(self, params: Sampling) -> list[range]:
        """Seeds that go into one request; servers other than vLLM disagree on what these mean."""
        if self._pool is not None and all(server.is_vllm for server in self._pool.servers):
            return params.runs()
        return [range(seed, seed + 1) for seed in params.seeds]

    async def _complete(
        self, written: list[int] | str, params: Sampling, seeds: range
    ) -> list[Completion]:
        pool, http = self._pool, self._http
        if pool is None or http is None:
            raise EngineError("the engine is not open; use it as a context manager")

        async def send(server: Server) -> list[Completion]:
            reads = None if isinstance(written, str) else server.room  # of text we know no length
            limit = answer_limit(len(written), reads, server.model, params.max_tokens)
            asked = {"model": server.model, "prompt": written, **settings(params, seeds, limit)}
            return completions(await http.complete(server.url, asked), asked)

        return await pool.run(send)

    def _tell(self, line: str) -> None:
        if self._verbose:
            sys.stderr.write(f"engine openai: {line}\n")

    async def _probe(self, server: Server) -> None:
        """Whether the server answers, and what it calls the model."""
        assert self._http is not None
        listed = await self._http.models(server.url)
        server.is_vllm = any(item.get("owned_by") == "vllm" for item in listed)
        server.model = self._options.served_model or self._chosen(server, listed)
        room = next((item.get("max_model_len") for item in listed if item["id"] == server.model), 0)
        server.room = room if isinstance(room, int) and room > 0 else None

    def _chosen(self, server: Server, listed: Sequence[Json]) -> str:
        for item in listed:  # `root` is what the server loaded under that name
            if self._model in (item["id"], item.get("root")):
                return str(item["id"])
        if not listed:
            return self._model
        if len(listed) == 1:
            return str(listed[0]["id"])
        served = ", ".join(str(item["id"]) for item in listed)
        raise UsageError(
            f"{server.name}: does not serve {self._model}; "
            f"give --engine-arg served_model= one of {served}"
        )


def create(model: str, running: Running) -> OpenaiEngine:
    """The engine for a model; UsageError for a bad argument, without a server or without httpx."""
    if find_spec("httpx") is None:
        raise UsageError("engine openai needs httpx; pip install 'sormctl[openai]'")
    options = read_options(OpenaiOptions, running)
    given = options.base_url or os.environ.get("OPENAI_BASE_URL", "").split(",")
    urls = tuple(url.strip().rstrip("/") for url in given if url.strip())
    if not urls:
        raise UsageError("engine openai needs --base-url http://host:8000/v1 (or OPENAI_BASE_URL)")
    for url in urls:
        if not is_url(url):
            raise UsageError(f"--base-url {redacted(url)}: must look like http://host:8000/v1")
    return OpenaiEngine(model, replace(options, base_url=urls), verbose=running.verbose)
