"""What a server answers has bounds of time and size, whatever the server means by it."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import chain, repeat

import pytest

from sormctl.engines.base import Sampling
from sormctl.engines.openai import http
from sormctl.engines.openai.engine import OpenaiEngine, OpenaiOptions, create
from sormctl.engines.openai.server import is_url, redacted
from sormctl.engines.running import Running
from sormctl.errors import EngineError, SormctlError, UsageError
from sormctl.prompts import Prompt
from tests.unit.engines.openai.server import Reply, ok, refusal, serving

PROMPT, GREEDY = Prompt("1 + 1?"), Sampling()
KEY = "sk-proj-0123456789abcdef"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
PACKED = gzip.compress(bytes(10**7))
MIB = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"


def endless() -> Iterator[bytes]:
    return chain([CHUNKED], repeat(MIB))


def dripping() -> Iterator[bytes]:
    return chain([b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n{"], repeat(b" "))


def continuing() -> Iterator[bytes]:
    return repeat(b"HTTP/1.1 100 Continue\r\n\r\n")


def packed() -> Iterator[bytes]:
    head = f"Content-Encoding: gzip\r\nContent-Length: {len(PACKED)}\r\n\r\n"
    return iter([b"HTTP/1.1 200 OK\r\n", head.encode(), PACKED])


@asynccontextmanager
async def sending(parts: Callable[[], Iterator[bytes]]) -> AsyncIterator[str]:
    """A server that sends these parts to whoever asks, a moment apart; its URL."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for part in parts():
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.001)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


def engine_at(url: str) -> OpenaiEngine:
    options = OpenaiOptions((url,), tokenizer="none", patience=1)
    return OpenaiEngine("m", options, sleep=lambda seconds: asyncio.sleep(0))


@pytest.mark.parametrize(
    ("parts", "seconds", "message"),
    [
        (dripping, 0.2, "no answer in time"),
        (continuing, 0.2, "no answer in time"),
        (endless, 60, "an answer of more than 3 MiB"),
        (packed, 60, "an answer of more than 3 MiB"),
    ],
)
async def test_an_answer_has_an_end(
    parts: Callable[[], Iterator[bytes]],
    seconds: float,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "_LONGEST", 3 << 20)
    monkeypatch.setattr(http, "_CONNECT_SECONDS", seconds)
    async with sending(parts) as url:
        with pytest.raises(SormctlError, match=message):
            await engine_at(url).__aenter__()


async def test_of_an_error_the_beginning_is_read() -> None:
    with serving(refusal(400, "no" * 10**7)) as script:
        async with engine_at(script.url) as engine:
            with pytest.raises(EngineError, match="nono") as caught:
                await engine.sample(PROMPT, GREEDY)
    assert len(str(caught.value)) < 500


MOVED: Reply = (307, {}, {"Location": f"http://b/{KEY}"})


@pytest.mark.parametrize("reply", [refusal(400, KEY), MOVED, ok(KEY, finish=KEY)], ids=str)
async def test_a_key_that_a_server_quotes_is_not_shown(
    reply: Reply, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(reply) as script:
        async with engine_at(script.url) as engine:
            try:
                said = str(await engine.sample(PROMPT, GREEDY))
            except EngineError as error:
                said = str(error)
    assert KEY not in said
    assert "***" in said


async def test_nor_where_it_names_its_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with (
        serving(models=[{"id": KEY}, {"id": "b"}]) as script,
        pytest.raises(UsageError, match=r"one of \*\*\*, b"),
    ):
        await engine_at(script.url).__aenter__()


async def test_a_word_for_a_key_stays_in_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that want no key get one that is none."""
    monkeypatch.setenv("OPENAI_API_KEY", "EMPTY")
    with serving(ok("The set is EMPTY.\n#### 0")) as script:
        async with engine_at(script.url) as engine:
            (found,) = await engine.sample(PROMPT, GREEDY)
    assert found.text == "The set is EMPTY.\n#### 0"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://me:KEY@host:8000/v1", "http://host:8000/v1"),
        ("me:KEY@host/v1", "host/v1"),
        ("http://host/v1?api_key=KEY", "http://host/v1"),
        ("http://a://me:KEY@b", "http://a://b"),
        ("http://me:KEY@a/v1/completions", "http://a/v1/completions"),
    ],
)
def test_credentials_in_a_url_are_not_shown(url: str, shown: str) -> None:
    assert redacted(url) == shown
    if not is_url(url):
        with pytest.raises(UsageError, match="must look like") as caught:
            create("m", Running(engine="openai", base_url=[url]))
        assert "KEY" not in str(caught.value)


@pytest.mark.parametrize("path", ["completions", "chat/completions", "models", "responses"])
def test_what_lies_below_a_base_url_is_none(path: str) -> None:
    with pytest.raises(UsageError, match="must look like"):
        create("m", Running(engine="openai", base_url=[f"http://a/v1/{path}/"]))


@pytest.mark.parametrize("given", [["http://a/v1,http://b/v1/"], ["http://a/v1", "http://b/v1"]])
def test_several_servers_may_be_listed_wherever_they_are_named(
    given: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", ",".join(given))
    for running in (
        Running(engine="openai", base_url=given),
        Running(engine="openai", engine_arg=[f"base_url={','.join(given)}"]),
        Running(engine="openai"),
    ):
        assert create("m", running)._options.base_url == ("http://a/v1", "http://b/v1")


def test_where_a_server_is_does_not_determine_the_records() -> None:
    """And its credentials stand in no manifest."""
    running = Running("openai", ["base_url=http://me:KEY@host/v1", "api=chat"], ["http://me:KEY@b"])
    assert running.identity() == {"engine": "openai", "engine_arg": ["api=chat"]}


@pytest.mark.parametrize(
    "given",
    ["batch_size=4", "concurrency=8", "timeout=9", "patience=9", "wait=9", "cpus=2", "replicas=2"],
)
def test_nor_does_how_fast_an_engine_is(given: str) -> None:
    assert Running("hf", [given]).identity() == Running("hf").identity()
    assert Running("hf", [given, "dtype=float32"]).identity()["engine_arg"] == ["dtype=float32"]
