"""What a refusal means for the requests that still come, and for the other servers."""

from __future__ import annotations

from typing import Any

import pytest

from sormctl.engines.base import Completion, Sampling
from sormctl.engines.openai.faults import Fault
from sormctl.engines.openai.outlook import outlook
from sormctl.engines.openai.refusals import RefusedError
from sormctl.engines.openai.server import Server
from sormctl.errors import DeadEngineError, EngineError, TooLongError
from tests.unit.engines.openai.server import Reply, ok, refusal, serving
from tests.unit.engines.openai.test_engine import KEY, PROMPT, engine_of

MANY = Sampling(seeds=tuple(range(9)))
BLOCKED: Reply = (403, b"<html>Attention Required! | Cloudflare</html>", {})
LOST: Reply = (404, b"default backend - 404", {})
LONG = refusal(400, "This model's maximum context length is 8 tokens")
FILTERED = refusal(400, "rejected by the content filter")


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.mark.parametrize(
    ("status", "has_answered", "kind"),
    [
        (400, False, RefusedError),
        (401, False, DeadEngineError),
        (401, True, DeadEngineError),
        (402, True, DeadEngineError),
        (403, False, DeadEngineError),
        (403, True, RefusedError),
        (404, False, DeadEngineError),
        (404, True, Fault),
        (405, True, Fault),
        (407, False, DeadEngineError),
    ],
)
def test_what_a_refusal_comes_to(status: int, has_answered: bool, kind: type[Exception]) -> None:
    server = Server("http://a/v1", "a", 1)
    server.has_answered = has_answered
    error = RefusedError("no", status=status, says="no")
    assert type(outlook(error, server)) is kind


@pytest.mark.parametrize(
    ("url", "is_listed", "advice"),
    [
        ("http://a/v1", True, "no; if it takes chats alone, give --engine-arg api=chat"),
        ("http://a/v1", False, "no; is --base-url right? Most end in /v1"),
        ("http://a", False, "no; is --base-url right? Most end in /v1"),
        (
            "http://a",
            True,
            "no; is --base-url right? Most end in /v1; "
            "if it takes chats alone, give --engine-arg api=chat",
        ),
    ],
)
def test_where_else_it_may_be(url: str, is_listed: bool, advice: str) -> None:
    server = Server(url, "a", 1)
    server.is_listed = is_listed
    assert str(outlook(RefusedError("no", status=404, says="no"), server)) == advice


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (refusal(401, "Incorrect key"), r"Incorrect key \(401\); the key is refused: set OPENAI_"),
        (
            refusal(400, "API key not valid."),
            r"not valid. \(400\); the key is refused: set OPENAI_",
        ),
        (refusal(403, "missing header X-Team-Token"), r"missing header X-Team-Token \(403\)"),
        (refusal(407, "who are you"), r"who are you \(407\)"),
        ((308, b"", {"Location": "/v2/chat/completions"}), r"moved to http://\S+/v2; give that"),
        ((308, b"", {"Location": "http://b/v1"}), r"moved to http://b/v1; give that as --base-url"),
    ],
)
async def test_what_concerns_every_record_says_why(reply: Reply, says: str) -> None:
    with serving(rule=lambda path, body: reply) as script:
        async with engine_of(script) as engine:
            for _ in range(2):
                with pytest.raises(DeadEngineError, match=says) as caught:
                    await engine.sample(PROMPT, Sampling())
                assert str(caught.value).startswith(f"{script.url}/completions: ")
    assert KEY not in str(caught.value)
    assert len(script.asked) == 1


async def test_a_key_that_the_list_of_models_wants_says_so() -> None:
    says = r"models: wrong key \(401\); the key is refused"
    with (
        serving(listed=refusal(401, "wrong key")) as script,
        pytest.raises(DeadEngineError, match=says),
    ):
        async with engine_of(script):
            pass


@pytest.mark.parametrize(
    "bad", [refusal(401), refusal(402), refusal(404, "The model `m` does not exist")]
)
async def test_one_bad_server_of_several_leaves_its_requests_to_others(
    bad: Reply, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(rule=lambda path, body: bad) as broken, serving() as living:
        async with engine_of(broken, living) as engine:
            assert len(await engine.sample(PROMPT, MANY)) == 9
            assert len(await engine.sample(PROMPT, MANY)) == 9
    told = capsys.readouterr().err
    assert told.count(f"engine openai: left out: {broken.url}/completions") == 1
    assert len(living.asked) == 18


async def test_the_last_bad_server_is_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    poor = refusal(402, "no money")
    with serving(rule=lambda path, body: poor) as first, serving(listed=refusal(401)) as second:
        async with engine_of(first, second) as engine:
            with pytest.raises(DeadEngineError, match=f"{first.url}/completions: no money"):
                await engine.sample(PROMPT, MANY)
    assert capsys.readouterr().err.count("left out") == 1


async def test_what_was_there_before_may_come_back() -> None:
    with serving(ok(), LOST) as script:
        async with engine_of(script) as engine:
            for _ in range(2):
                assert len(await engine.sample(PROMPT, Sampling())) == 1
    assert len(script.asked) == 3


async def test_a_firewall_that_blocks_one_record_is_that_ones_failure() -> None:
    with serving(ok(), BLOCKED) as script:
        async with engine_of(script) as engine:
            await engine.sample(PROMPT, Sampling())
            with pytest.raises(EngineError, match="Cloudflare") as caught:
                await engine.sample(PROMPT, Sampling())
            assert not isinstance(caught.value, DeadEngineError)
            assert len(await engine.sample(PROMPT, Sampling())) == 1


@pytest.mark.parametrize(("first", "lines"), [(ok(), 0), (LONG, 1), (FILTERED, 1)])
async def test_a_server_that_takes_nothing_is_told_of(
    first: Reply, lines: int, capsys: pytest.CaptureFixture[str]
) -> None:
    async def ended(engine: Any) -> list[Completion]:
        try:
            found: list[Completion] = await engine.sample(PROMPT, Sampling())
        except TooLongError:
            return []
        return found

    with serving(first, LONG, FILTERED) as script:
        async with engine_of(script) as engine:
            for _ in range(3):
                await ended(engine)
    line = f"{script.url} has answered nothing and refused 3 records; the last: "
    assert capsys.readouterr().err.count(line) == lines
