"""Engine `openai`: servers of the OpenAI API that somebody already runs."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Annotated, Any, Literal, Self

from msgspec import Meta, Struct
from msgspec.structs import replace

from sormctl.adapters.adapter import OWN, Adapter
from sormctl.engines.arguments import PositiveInt, read_options
from sormctl.engines.base import Completion, Sampling, answer_limit, check_readable, together
from sormctl.engines.encoding import load_tokenizer, prompt_ids, tokenizer_of_server
from sormctl.engines.openai.answers import completions
from sormctl.engines.openai.asking import prompt_of, settings
from sormctl.engines.openai.checking import Checker
from sormctl.engines.openai.choosing import Wanted, note_model
from sormctl.engines.openai.credentials import Credentials
from sormctl.engines.openai.dialect import CHAT, RUNS, continues
from sormctl.engines.openai.http import Http, connections
from sormctl.engines.openai.outlook import may_come_back, outlook
from sormctl.engines.openai.pool import Pool, Sleep
from sormctl.engines.openai.refusals import FilteredError, RefusedError
from sormctl.engines.openai.scores import reward_of, step_scores
from sormctl.engines.openai.server import Server, is_url, redacted
from sormctl.engines.openai.special import keeping, with_tags
from sormctl.engines.reading import encode_solution, for_vllm
from sormctl.engines.running import Running
from sormctl.errors import EngineError, ModelError, TooLongError, UsageError, tell_user
from sormctl.missing import install
from sormctl.models import NO_TOKENIZER, resolve_model
from sormctl.prompts import Prompt
from sormctl.records import Json

Api = Annotated[Literal["auto", "chat", "completions"], Meta(description="auto, chat, completions")]
# what a vLLM server is asked for, by the kind of head
POOLING: dict[str, Json] = {
    "classes": {"task": "token_classify"},
    "layers": {"task": "token_classify"},
    "sequence": {"task": "classify", "use_activation": False},
}
Prefill = Annotated[Literal["flags", "prefix", "last"], Meta(description="flags, prefix or last")]


class OpenaiOptions(Struct, frozen=True):
    """Engine arguments.

    Each `base_url` ends in `/v1`; `tokenizer` None is the model's, `none` sends prompts as text;
    `timeout` of one request and `patience` without any server are in seconds; `concurrency` is the
    most requests that one server gets at once. `api` auto sends completions, and messages where
    that cannot be; `prefill` is how a server is told to continue the last one. Each `header` is
    NAME:VALUE.
    """

    base_url: tuple[str, ...] = ()
    served_model: str | None = None
    api: Api = "auto"
    prefill: Prefill | None = None
    tokenizer: str | None = None
    timeout: PositiveInt = 600
    patience: PositiveInt = 120
    concurrency: PositiveInt = 256
    header: tuple[str, ...] = ()


class OpenaiEngine:
    """The engine over the servers; `async with` asks what they serve."""

    def __init__(
        self,
        model: str,
        options: OpenaiOptions,
        adapter: Adapter = OWN,
        *,
        verbose: bool = False,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._model = model
        self._options = options
        self._adapter = adapter
        self._each = options.concurrency  # requests that a server gets at once
        self._verbose = verbose
        self._sleep = sleep
        self._tokenizer: Any = None
        self._http: Http | None = None
        self._pool: Pool | None = None
        self._checker = Checker(model, None)

    async def __aenter__(self) -> Self:
        options = self._options
        if options.tokenizer != NO_TOKENIZER and options.api != "chat":  # the server has its own
            with tokenizer_of_server():
                self._tokenizer = load_tokenizer(resolve_model(options.tokenizer or self._model))
        self._checker = Checker(self._model, self._tokenizer)
        key = os.environ.get("OPENAI_API_KEY", "").strip()
        self._http = Http(Credentials(key, options.header), options.timeout, options.base_url)
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
            for server in pool.servers:
                self._checker.tell_of_refusals(server)
        if self._http is not None:
            await self._http.close()

    @property
    def capacity(self) -> int:
        """The requests that all servers get at once."""
        return self._each * len(self._options.base_url)

    async def sample(self, prompt: Prompt, params: Sampling) -> list[Completion]:
        """Completions of `prompt`, one for each of `params.seeds`, in their order."""
        found = await together(self._complete(prompt, params, run) for run in self._runs(params))
        return [completion for run in found for completion in run]

    async def score(self, prompt: Prompt, steps: Sequence[str]) -> list[float]:
        """What the adapter reads of `steps`, by a vLLM server's pooling API."""
        if not steps:
            return []
        if self._tokenizer is None:
            raise ModelError("to score needs the model's tokenizer; drop tokenizer=none, api=chat")
        adapter, pad = self._adapter, self._tokenizer.pad_token_id
        ids, positions = encode_solution(self._tokenizer, adapter, prompt, steps, pad)
        task = POOLING[adapter.head.kind]
        pool, http = self._opened()

        async def send(server: Server) -> list[float]:
            check_readable(len(ids), server.room, server.model)
            sent = {"model": server.model, "input": ids, **task}
            try:
                answer = await http.post(f"{server.root}/pooling", sent)
            except RefusedError as error:
                is_elsewhere = error.status in (404, 405, 501) and not server.has_answered
                if not is_elsewhere and "task" not in error.says:
                    raise outlook(error, server) from None
                raise ModelError(
                    f"{error}; {server.model} does not score there: that takes a vLLM server of "
                    "the reward model, or `sormctl score --engine hf`"
                ) from error
            self._checker.check_read(server, {"prompt": ids}, answer, has_steps=True)
            server.has_answered = True
            if adapter.judges_whole:
                return [reward_of(answer, server.name, server.model)]
            picked = adapter.head.kind == "layers"  # vLLM knows where such a model is read
            named = server.name, server.model
            return step_scores(answer, len(ids), positions, *named, may_be_picked=picked)

        return await pool.run(send)

    def _opened(self) -> tuple[Pool, Http]:
        if self._pool is None or self._http is None:
            raise EngineError("the engine is not open; use it as a context manager")
        return self._pool, self._http

    def _runs(self, params: Sampling) -> list[range]:
        """Seeds that go into one request; servers other than vLLM disagree on what these mean."""
        servers = self._pool.servers if self._pool is not None else ()
        if all(server.is_vllm and RUNS not in server.dialect.left_out for server in servers):
            return params.runs()
        return [range(seed, seed + 1) for seed in params.seeds]

    async def _complete(self, prompt: Prompt, params: Sampling, seeds: range) -> list[Completion]:
        pool, _ = self._opened()
        try:
            return await pool.run(lambda server: self._ask(server, prompt, params, seeds))
        except _OneByOneError:
            singles = (range(seed, seed + 1) for seed in seeds)
            found = await together(self._complete(prompt, params, one) for one in singles)
            return [completion for run in found for completion in run]

    async def _ask(
        self, server: Server, prompt: Prompt, params: Sampling, seeds: range
    ) -> list[Completion]:
        """A server's completions; what it refuses of the request is left out, now and later."""
        _, http = self._opened()
        dialect = server.dialect
        may_chat = bool(prompt.messages) and self._options.api == "auto"
        if may_chat and self._tokenizer is None:
            dialect.path = CHAT
        while True:
            if len(seeds) > 1 and RUNS in dialect.left_out:
                raise _OneByOneError
            limit = self._limit(server, prompt, params)
            asked = prompt_of(prompt, self._tokenizer, server, self._options.prefill)
            drawn = settings(params, seeds, limit, server)
            drawn |= keeping(self._tokenizer, prompt.think, server)
            sent = dialect.written({"model": server.model, **asked, **drawn})
            try:
                answer = await http.post(f"{server.url}/{dialect.path}", sent)
                news = dialect.learn_from_nothing(answer, sent)
                if news is None:
                    return self._read(server, prompt, params, limit, sent, answer)
            except FilteredError as error:  # one such record is no failure
                server.has_refused(str(error))
                return [Completion("", "content_filter", 0, 0, 0)] * len(seeds)
            except TooLongError as error:
                server.has_refused(str(error))
                raise
            except RefusedError as error:
                is_lost = may_come_back(error, server)
                news = None if is_lost else dialect.learn(error, sent, has_turns=may_chat)
                if news is None:
                    raise outlook(error, server, is_begun=continues(sent)) from None
            if news:
                tell_user(f"engine openai: {server.name} {news}")

    def _read(
        self,
        server: Server,
        prompt: Prompt,
        params: Sampling,
        limit: int,
        sent: Json,
        answer: Json,
    ) -> list[Completion]:
        """What a server has answered to what was `sent`, with all that is to be said of it."""
        checker = self._checker
        checker.check_choices(server, answer)
        has_steps = bool(prompt.steps) or prompt.thought is not None
        checker.check_read(server, sent, answer, has_steps=has_steps)
        checker.check_name(server, answer.get("model"))
        checker.check_usage(server, answer)
        known = {"tokenizer": self._tokenizer, "is_known": server.is_known, "echo": server.echo}
        try:
            found = completions(answer, sent, params, limit, prompt.think, **known)
        except EngineError as error:
            raise EngineError(f"{server.name}: {error}") from error
        checker.check_endings(server, answer)
        server.has_answered = True
        found = with_tags(found, self._tokenizer, prompt.think, server)
        return [_going_on(one) for one in found] if server.dialect.trims else found

    def _limit(self, server: Server, prompt: Prompt, params: Sampling) -> int:
        """The tokens that may be written; text and messages have no length that we know."""
        if self._tokenizer is None or server.dialect.is_chat:
            is_empty = not (prompt.messages or prompt.text or prompt.steps)
            return answer_limit(0 if is_empty else 1, None, server.model, params.max_tokens)
        length = len(prompt_ids(self._tokenizer, prompt))
        return answer_limit(length, server.room, server.model, params.max_tokens)

    def _tell(self, line: str) -> None:
        if self._verbose:
            tell_user(f"engine openai: {line}")

    async def _probe(self, server: Server) -> None:
        """Whether the server answers, and what it calls the model."""
        assert self._http is not None
        try:
            listed = await self._http.models(server.url)
        except RefusedError as error:
            raise outlook(error, server) from None
        server.is_listed = listed is not None
        if self._options.api == "chat":
            server.dialect.path = CHAT
        sends_ids = self._tokenizer is not None and not server.dialect.is_chat
        options = self._options
        wanted = Wanted(self._model, options.tokenizer, options.served_model)
        note_model(server, listed or [], wanted, self._checker, sends_ids=sends_ids)


def _going_on(completion: Completion) -> Completion:
    """The rest of a message that was sent without its last line end, which comes back first."""
    return dataclasses.replace(completion, text=completion.text.removeprefix("\n"))


class _OneByOneError(Exception):
    """A server takes no request for several completions."""


def create(model: str, running: Running, adapter: Adapter | None = None) -> OpenaiEngine:
    """The engine for a model; UsageError for a bad argument, without a server or without httpx."""
    adapter = for_vllm(adapter or OWN, "a vLLM server", POOLING)
    if find_spec("httpx") is None:
        raise UsageError(f"engine openai needs httpx; {install('openai')}")
    options = read_options(OpenaiOptions, running)
    given = ",".join(options.base_url) or os.environ.get("OPENAI_BASE_URL", "")
    urls = tuple(url.strip().rstrip("/") for url in given.split(",") if url.strip())
    if not urls:
        raise UsageError("engine openai needs --base-url http://host:8000/v1 (or OPENAI_BASE_URL)")
    for url in urls:
        if not is_url(url):
            raise UsageError(f"--base-url {redacted(url)}: must look like http://host:8000/v1")
    options = replace(options, base_url=urls)
    return OpenaiEngine(model, options, adapter, verbose=running.verbose)
