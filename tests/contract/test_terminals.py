"""What data, models and servers say reaches a terminal cut, in one line, and commands nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from sormctl.cli import app
from sormctl.errors import SHOWN, one_line, printable
from tests.contract.commands import CORRECT, PURE, WRONG

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


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in a record somebody may write what they like."""
    items = getattr(value, "items", list)
    for key, part in enumerate(value) if isinstance(value, list) else items():
        yield (*path, key)
        yield from places(part, (*path, key))


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A record with something else at a place; a key is followed by one that is evil."""
    if not path:
        return new
    key, *rest = path
    copy = value.copy()
    copy[key] = changed(value[key], tuple(rest), new)
    if isinstance(copy, dict):
        copy[EVIL] = value[key]
    return copy


SAMPLE = {**WRONG, "source": {"kind": "draft", "model": "m", "finish": "stop"}, "text": "4"}
READERS = [
    *(command.argv for command in PURE),
    *(("eval",), ("show",), ("export", "processbench"), ("import", "prm800k")),
    ("problems", "-", "--answer", "numeric"),
]


@pytest.mark.slow
@pytest.mark.parametrize("argv", dict.fromkeys(READERS), ids=" ".join)
def test_nothing_that_stands_in_a_record_commands_the_terminal(argv: tuple[str, ...]) -> None:
    """In any field, as its value, and as a key beside it."""
    for path in places(SAMPLE):
        for new in (EVIL * 100, [EVIL]):
            lines = [orjson.dumps(record) for record in (CORRECT, changed(SAMPLE, path, new))]
            result = CliRunner().invoke(app, argv, b"\n".join(lines))
            assert result.exit_code in (0, 65), (path, result.exception)
            shown = result.output if argv[0] == "show" else result.stderr
            assert all(c.isprintable() for line in shown.split("\n") for c in line), path
            if result.exit_code:
                assert result.stderr.count("\n") == 1 and len(result.stderr) < SHOWN + 50, path


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
