"""Rows in the shape in which each format was published, written by hand; what is made of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sormctl.cli import app
from sormctl.formats.registry import format_names, get_format
from tests.golden.compare import FILES, check

FOLDER = FILES / "formats"
FORMATS = [get_format(name) for name in format_names()]
READ = [found.name for found in FORMATS if found.read]
SCORED, PAIRS = FOLDER / "scored.jsonl", FOLDER / "pairs.jsonl"
EXPORTS = {  # name of the golden file -> what makes it
    "math-shepherd": ("math-shepherd", SCORED),
    "messages": ("messages", SCORED, PAIRS),
    "preference": ("preference", SCORED),
    "preference-plain": ("preference", "--prompt", "plain", "--scores", "sorm", SCORED),
    "processbench": ("processbench", "--scores", "sorm", SCORED),
    "rlhflow": ("rlhflow", SCORED),
    "stepwise": ("stepwise", SCORED),
    "stepwise-soft": ("stepwise", "--soft", SCORED),
    "stepwise-scores": ("stepwise", "--scores", "sorm", SCORED),
}


def output(command: str, arguments: Iterable[str | Path]) -> str:
    result = CliRunner().invoke(app, [command, *map(str, arguments)])
    assert result.exit_code == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("name", READ)
def test_imports(name: str) -> None:
    made = output("import", (name, FOLDER / f"{name}.rows.jsonl"))
    check(f"formats/{name}.solutions.jsonl", made)


@pytest.mark.parametrize("name", EXPORTS)
def test_exports(name: str) -> None:
    check(f"formats/{name}.exported.jsonl", output("export", EXPORTS[name]))


def test_every_format_is_shown() -> None:
    assert {argv[0] for argv in EXPORTS.values()} >= {
        found.name for found in FORMATS if found.write or found.write_problem
    }
