"""What data, models and servers say reaches a terminal cut, in one line, and commands nothing."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from sormctl.cli import app
from sormctl.errors import SHOWN, one_line, printable
from tests.contract.commands import CORRECT, WRONG

EVIL = "\x1b]0;owned\x07\x1b[31m\nsecond line \u202e\x9b2J"
CASES = [
    (("grade",), {"task": EVIL, "text": "4"}),
    (("rerank", "--scores", "no"), {"solution_id": EVIL}),
    (("eval",), {"scores": {EVIL: [0.5, 0.5]}}),
    (("show",), {"question": EVIL, "solution_id": EVIL}),
    (("score", "--rm", EVIL), {}),
    (("compare", EVIL, EVIL), {}),
]


@pytest.mark.parametrize(("argv", "fields"), CASES, ids=lambda value: str(value)[:20])
def test_no_control_character_reaches_the_terminal(
    argv: tuple[str, ...], fields: dict[str, object]
) -> None:
    lines = [orjson.dumps({**record, **fields}) for record in (CORRECT, {**WRONG, **fields})]
    result = CliRunner().invoke(app, argv, b"\n".join(lines))
    shown = result.stderr if argv[0] != "show" else result.output
    assert shown
    assert all(c.isprintable() for line in shown.splitlines() for c in line)
    if result.exit_code:
        assert shown.count("\n") == 1


def test_a_message_has_a_length() -> None:
    record = {**CORRECT, "task": "x" * 10**6, "text": "4"}
    result = CliRunner().invoke(app, ["grade"], orjson.dumps(record))
    assert result.exit_code == 65
    assert len(result.stderr) < SHOWN + 50


@given(st.text())
def test_what_can_be_shown_is_shown_as_it_is(text: str) -> None:
    assert len(printable(text)) == len(text)
    assert printable(text).isprintable()
    assert len(one_line(text * 3)) <= SHOWN
    if text.isprintable() and len(text) <= SHOWN:
        assert one_line(text) == text
