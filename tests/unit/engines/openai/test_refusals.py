"""What servers say when they refuse, and what is made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sormctl.engines.openai.refusals import (
    is_too_long,
    refusal,
)
from sormctl.errors import TooLongError

_WORDINGS = Path(__file__).with_name("wordings.txt").read_text().split("\n\n")
TOO_LONG, NOT_TOO_LONG = (
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
        assert type(refusal(status, body, "host", "")) is TooLongError


@pytest.mark.parametrize(("status", "says"), NOT_TOO_LONG, ids=lambda value: str(value)[:40])
def test_what_is_not_too_long(status: int, says: str) -> None:
    assert not is_too_long(status, says)
    error = refusal(status, {"error": {"message": says}}, "host", "")
    assert not isinstance(error, TooLongError)


def test_an_error_may_stand_in_a_list() -> None:
    error = refusal(400, [{"error": {"code": 400, "message": "Unknown name"}}], "host", "")
    assert str(error) == "host: Unknown name (400)"
