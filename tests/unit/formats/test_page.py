"""The page on formats: each of its examples is a row, a command and what the command writes."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

from sormctl.cli import app
from sormctl.formats.registry import format_names

PAGE = Path(__file__).parents[3] / "docs" / "formats.md"
EXAMPLE = re.compile(
    r"^```json\n(?P<rows>[^`]*)^```\n+```sh\n(?P<command>[^\n]*)\n```\n+```json\n(?P<made>[^`]*)^```",
    re.MULTILINE,
)


class Example(NamedTuple):
    rows: str
    command: str
    made: str


def examples(text: str) -> list[Example]:
    return [Example(*found.groups()) for found in EXAMPLE.finditer(text)]


def objects(text: str) -> list[Any]:
    """The JSON objects of a block, each over as many lines as it has."""
    found, position, decoder = [], 0, json.JSONDecoder()
    while rest := text[position:].lstrip():
        position = len(text) - len(rest)
        value, length = decoder.raw_decode(rest)
        found.append(value)
        position += length
    return found


@pytest.mark.parametrize("example", examples(PAGE.read_text("utf-8")), ids=lambda e: e.command)
def test_examples(example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    program, *argv = shlex.split(example.command)
    assert program == "sormctl"
    Path(argv[-1]).write_text("".join(f"{json.dumps(row)}\n" for row in objects(example.rows)))
    result = CliRunner().invoke(app, argv)
    assert result.exit_code == 0, result.stderr
    made = [json.loads(line) for line in result.stdout.splitlines()]
    assert made == objects(example.made)


def test_each_format_has_an_example() -> None:
    commands = {tuple(shlex.split(e.command)[1:3]) for e in examples(PAGE.read_text("utf-8"))}
    assert {name for _, name in commands} == set(format_names())
