"""Formats are found by entry point, those of other packages too."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from sormctl.cli import app
from sormctl.formats.registry import format_names
from sormctl.rows import hub
from sormctl.rows.base import PlacedRow
from tests.golden.compare import FILES

ROWS = FILES / "formats"
MODULE = """
from sormctl.formats.base import DataFormat
from sormctl.formats.solutions import asked, labelled

def read(row, how):
    problem = asked(how, row["q"])
    yield labelled(problem, [row["s"]], [1], kind="t", row=row, solution_id=problem.problem_id)

FORMAT = DataFormat("thirdformat", read, lambda solution, how: {"q": solution.question})
"""


def run(*argv: str, data: bytes = b"") -> Result:
    return CliRunner().invoke(app, argv, data)


def test_a_format_of_another_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "thirdformat.py").write_text(MODULE)
    metadata = tmp_path / "thirdformat-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: thirdformat\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[sormctl.formats]\nthirdformat = thirdformat:FORMAT\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert "thirdformat" in format_names()
    made = run("import", "thirdformat", data=b'{"q": "3 + 4?", "s": "#### 7"}').stdout
    assert orjson.loads(made)["labels"] == [1]
    assert run("export", "thirdformat", data=made.encode()).stdout == '{"q":"3 + 4?"}\n'


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("import", "nope"), "no format `nope`"),
        (("import", "messages"), "messages can be written only, by `sormctl export messages`"),
        (("export", "prmbench"), "prmbench can be read only, by `sormctl import prmbench`"),
        (("export", "stepwise", "--prompt", "auto"), "--prompt is not for format stepwise; drop"),
        (("export", "messages", "--prompt", "plain"), "--prompt: rows of this format are chats"),
        (("export", "messages", "--prompt", "auto"), "there is no model to go by"),
        (("import", "rlhflow", "--neutral", "null"), "--neutral is not for format rlhflow"),
    ],
)
def test_what_cannot_be_asked_for(argv: tuple[str, ...], message: str) -> None:
    problem = {"task": "exact", "problem_id": "p", "question": "q", "answer": "7"}
    solution = {**problem, "solution_id": "s", "steps": ["7"], "predicted": "7", "correct": True}
    result = run(*argv, data=orjson.dumps(solution))
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert message in result.stderr


@pytest.mark.parametrize(
    ("taken_for", "name"),
    [
        ("prm800k", "math-shepherd"),
        ("math-shepherd", "prm800k"),
        ("math-shepherd", "stepwise"),
        ("processbench", "rlhflow"),
        ("completions", "prm800k"),
        ("stepwise", "processbench"),
        ("processbench", "prmbench"),
        ("rlhflow", "completions"),
    ],
)
def test_a_format_that_is_taken_for_another(taken_for: str, name: str) -> None:
    rows = ROWS / f"{name}.rows.jsonl"
    result = run("import", taken_for, str(rows))
    assert (result.exit_code, result.stderr.count("\n")) == (65, 1)
    assert f"{rows}:1: " in result.stderr
    assert f"`sormctl import {name}`" in result.stderr.partition("; read by ")[2]


def test_a_later_row_that_does_not_fit_is_a_fault_of_the_file() -> None:
    stepwise = b'{"prompt": "q", "completions": ["a"], "labels": [true]}\n'
    told = run("import", "stepwise", data=stepwise + b'{"input": "q"}\n').stderr
    assert "<stdin>:2: no steps; " in told and "read by" not in told


def test_rows_that_cannot_be_read_are_left_out_on_request() -> None:
    good = b'{"prompt": "q", "completions": ["a"], "labels": [true]}\n'
    bad = b'{"prompt": "q", "completions": ["a", "b"], "labels": [true]}\n'
    refused = run("import", "stepwise", data=good + bad)
    assert refused.exit_code == 65 and "--skip-unreadable leaves such rows out" in refused.stderr
    result = run("import", "stepwise", "--skip-unreadable", data=good + bad + good)
    assert (result.exit_code, result.stdout.count("\n")) == (0, 2)
    assert "left out: 1 of 3 rows, which cannot be read" in result.stderr


def test_rows_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"prompt": "q", "completions": ["a"], "labels": [True]}
    asked: list[object] = []

    def hub_rows(*argv: object) -> list[PlacedRow]:
        asked.extend(argv)
        return [PlacedRow(row, "trl-lib/x test: row 0")]

    monkeypatch.setattr(hub, "hub_rows", hub_rows)
    result = run("import", "stepwise", "hf:trl-lib/x:y", "--split", "test")
    assert orjson.loads(result.stdout)["steps"] == ["a"]
    assert asked == ["trl-lib/x", "y", "test"]
