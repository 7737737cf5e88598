"""A key and headers let us in, and nobody else sees them."""

from __future__ import annotations

import pytest

from sormctl.engines.base import Sampling
from sormctl.engines.openai.credentials import Credentials
from sormctl.engines.running import Running
from sormctl.errors import EngineError, UsageError
from tests.unit.engines.openai.server import Reply, ok, refusal, serving
from tests.unit.engines.openai.test_engine import KEY, PROMPT, engine_of

TOKEN = "team-0123456789abcdef"


def test_headers_are_read_as_typed() -> None:
    found = Credentials("k", ["X-Team: a, b:c", "api-key:k2"])
    assert found.headers == {"authorization": "Bearer k", "x-team": "a, b:c", "api-key": "k2"}
    assert found.has_key
    assert Credentials("k", ["Authorization: Basic dTpw"]).headers == {
        "authorization": "Basic dTpw"
    }
    assert not Credentials("", ["X-Team: a"]).has_key


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        (["SECRET"], "must be header=NAME:VALUE"),
        ([":SECRET"], "must be header=NAME:VALUE"),
        (["SECRET:"], "must be header=NAME:VALUE"),
        (["X Team:SECRET"], "must be header=NAME:VALUE"),
        (["X-Team:SECRET\nX: y"], "header=X-Team: its value has letters beyond ASCII"),
        (["X-Team:SECRETÄ"], "header=X-Team: its value has letters beyond ASCII"),
        (["Host:SECRET"], "header=Host: is set by sormctl itself"),
        (["X-Team:SECRET", "x-team:SECRET"], "each NAME may be given once"),
    ],
)
def test_what_is_no_header_is_not_quoted(headers: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        Credentials("", headers)
    assert "SECRET" not in str(caught.value)


def test_what_is_secret_is_hidden_whole() -> None:
    found = Credentials("abc", ["Authorization: Bearer abcdef", "X-Team: abcdxyz", "X-Prio: 1"])
    assert found.hidden("1 key abcdef, abcdxyz, Bearer abcdef, abc") == "1 key ***, ***, ***, ***"
    assert Credentials().hidden("abc") == "abc"


@pytest.mark.parametrize(
    "reply",
    [
        refusal(400, f"who is {TOKEN}?"),
        refusal(403, f"who is {TOKEN}?"),
        (200, f"<html>{TOKEN}</html>".encode(), {}),
        (307, {}, {"Location": f"http://b/{TOKEN}"}),
        ok(TOKEN, finish=TOKEN),
    ],
    ids=str,
)
async def test_a_header_goes_to_the_server_and_is_not_shown(
    reply: Reply, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(*[reply] * 9) as script:
        async with engine_of(script, header=(f"X-Team: {TOKEN}",), patience=0) as engine:
            try:
                said = str(await engine.sample(PROMPT, Sampling()))
            except EngineError as error:
                said = str(error)
    assert "***" in said
    assert TOKEN not in said + capsys.readouterr().err
    assert script.headers[0]["X-Team"] == TOKEN
    assert script.headers[-1]["X-Team"] == TOKEN
    assert script.keys[0] == f"Bearer {KEY}"


@pytest.mark.parametrize("typed", [f"header=X-Team:{TOKEN}", f"header:{TOKEN}", f"header {TOKEN}"])
def test_no_manifest_holds_a_header(typed: str) -> None:
    assert Running("openai", [typed, "api=chat"]).identity()["engine_arg"] == ["api=chat"]


async def test_a_server_that_wants_a_header_says_so() -> None:
    with serving(refusal(403, "missing header X-Team")) as script:
        async with engine_of(script) as engine:
            with pytest.raises(
                EngineError, match=r"missing header X-Team \(403\); set .* header=NAME"
            ):
                await engine.sample(PROMPT, Sampling())
