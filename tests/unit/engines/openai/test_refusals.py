"""What servers say when they refuse, and what is made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sormctl.engines.openai.credentials import Credentials
from sormctl.engines.openai.faults import Fault
from sormctl.engines.openai.refusals import (
    FilteredError,
    RefusedError,
    error_in,
    is_too_long,
    refusal,
)
from sormctl.errors import TooLongError

_WORDINGS = Path(__file__).with_name("wordings.txt").read_text().split("\n\n")
TOO_LONG, NOT_TOO_LONG, FILTERED, PASSING, FOR_ALL = (
    [(int(line[:3]), line[4:]) for line in part.splitlines() if not line.startswith("#")]
    for part in _WORDINGS
)


@pytest.mark.parametrize(("status", "says"), TOO_LONG, ids=lambda value: str(value)[:40])
def test_too_long_in_all_its_wordings(status: int, says: str) -> None:
    assert is_too_long(status, says)
    bodies: list[Any] = [
        {"error": {"message": says, "code": status}},
        {"error": says, "error_type": "validation"},
        {"object": "error", "message": says},
        {"detail": says},
        says,
    ]
    for body in bodies:
        assert type(refusal(status, body, "host", Credentials())) is TooLongError


@pytest.mark.parametrize(("status", "says"), NOT_TOO_LONG, ids=lambda value: str(value)[:40])
def test_what_is_not_too_long(status: int, says: str) -> None:
    assert not is_too_long(status, says)
    error = refusal(status, {"error": {"message": says}}, "host", Credentials())
    assert not isinstance(error, TooLongError)


def test_an_error_may_stand_in_a_list() -> None:
    error = refusal(
        400, [{"error": {"code": 400, "message": "Unknown name"}}], "host", Credentials()
    )
    assert str(error) == "host: Unknown name (400)"


@pytest.mark.parametrize(("status", "says"), FILTERED, ids=lambda value: str(value)[:40])
def test_what_the_content_filter_refuses(status: int, says: str) -> None:
    assert (
        type(refusal(status, {"error": {"message": says}}, "host", Credentials())) is FilteredError
    )


@pytest.mark.parametrize(("status", "says"), PASSING, ids=lambda value: str(value)[:40])
def test_what_may_pass(status: int, says: str) -> None:
    error = refusal(status, {"error": {"message": says}}, "host", Credentials())
    assert isinstance(error, Fault)
    assert error.is_overload is (status in (429, 503) or "requests" in says or "xceeded" in says)


@pytest.mark.parametrize(("status", "says"), FOR_ALL, ids=lambda value: str(value)[:40])
def test_what_every_other_request_would_meet(status: int, says: str) -> None:
    error = refusal(status, {"error": {"message": says}}, "host", Credentials())
    assert type(error) is RefusedError
    assert error.is_for_all


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (400, "No models are currently loaded."),
        (404, "model 'x' not found; llama3 is loaded"),
        (403, "Your account is temporarily suspended"),
    ],
)
def test_no_waiting_helps(status: int, says: str) -> None:
    error = refusal(status, {"error": {"message": says}}, "host", Credentials())
    assert isinstance(error, RefusedError)


@pytest.mark.parametrize("code", ["insufficient_quota", "insufficient_user_quota"])
@pytest.mark.parametrize("status", [400, 403, 429])
def test_no_money_is_no_quota_that_is_renewed(status: int, code: str) -> None:
    body = {"error": {"message": "You exceeded your quota", "code": code}}
    error = refusal(status, body, "host", Credentials())
    assert isinstance(error, RefusedError)
    assert error.status == 402


@pytest.mark.parametrize("key", ["x", "t", "context", "EMPTY"])
def test_a_key_that_is_a_word_hides_no_meaning(key: str) -> None:
    body = {"error": {"message": "This model's maximum context length is 512 tokens. EMPTY"}}
    error = refusal(400, body, "host", Credentials(key))
    assert isinstance(error, TooLongError)
    assert key not in str(error)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"code": 429, "msg": "busy"}, 429),
        ({"status": "503", "message": "no room"}, 503),
        ({"choices": None, "code": 400}, 400),
        ({"choices": [{"text": "2"}], "error": {"message": "upstream", "code": 502}}, 502),
        ({"choices": [{"text": "2"}], "error": "upstream"}, 500),
        ({"choices": [{"text": "2"}], "code": 429}, None),
        ({"choices": [{"text": "2"}], "object": "error"}, None),
        ({"choices": [{"text": "2"}], "error": 1}, None),
        ({"choices": [{"text": "2"}], "error": {"code": 0, "message": ""}}, None),
        ({"choices": [{"text": "2"}], "error": "none"}, None),
        ({"data": [], "code": 200}, None),
        ({"code": 0, "data": []}, None),
        ({"status": "ok"}, None),
    ],
)
def test_the_status_of_an_error_in_an_answer(answer: dict[str, Any], status: int | None) -> None:
    found = error_in(answer)
    assert (found and found[0]) == status
