"""`sormctl show`: records one by one, and the solutions of a problem together."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sormctl.cli import app
from sormctl.records import to_json
from sormctl.report.together import problem_lines
from tests.terminal import terminal
from tests.unit.commands.test_light import PROBLEM
from tests.unit.report.runs_shown import whole_run
from tests.unit.training.runs import write_jsonl


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("show") / "scored.jsonl"
    write_jsonl(path, [to_json(each) for group in whole_run() for each in group])
    return path


def show(*arguments: object, **options: Any) -> Result:
    return CliRunner().invoke(app, ["show", *map(str, arguments)], **options)


def headings(result: Result) -> list[str]:
    return re.findall(r"── (\S+) · numeric", result.stdout)


@pytest.mark.parametrize(
    ("arguments", "problems"),
    [
        (("--together",), ["p-fixed", "p-broken", "p-wrong", "p-attack"]),
        (("--filter", "broken"), ["p-broken"]),
        (("--filter", "wrong"), ["p-broken", "p-wrong", "p-attack"]),
        (("--filter", "wrong", "-n", "1"), ["p-broken"]),
        (("--filter", "wrong", "--filter", "no-answer"), ["p-attack"]),
        (("--problem", "p-wrong", "--problem", "p-fixed"), ["p-fixed", "p-wrong"]),
        (("--problem", "p-wrong", "--filter", "fixed"), []),
    ],
)
def test_problems_are_picked(run: Path, arguments: tuple[str, ...], problems: list[str]) -> None:
    assert headings(show(run, *arguments)) == problems


def test_a_folder_of_a_run_stands_for_its_solutions(run: Path, tmp_path: Path) -> None:
    refused = show(tmp_path)
    assert (refused.exit_code, "without solutions.jsonl" in refused.stderr) == (2, True)
    (tmp_path / "solutions.jsonl").write_bytes(run.read_bytes())
    for options in ((), ("--together",), ("--problem", "p-wrong")):
        assert show(tmp_path, *options).stdout == show(run, *options).stdout != ""


def test_a_problem_is_picked_of_any_records(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "p.jsonl", [PROBLEM, {**PROBLEM, "problem_id": "p2"}])
    assert headings(show(tmp_path / "p.jsonl", "--problem", "p2")) == ["p2"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--filter", "nonsense"), "no filter (--filter) `nonsense`; known: fixed, broken,"),
        (("--problem", "p-none"), "no problem p-none in the input"),
    ],
)
def test_what_is_not_there_is_named(run: Path, arguments: tuple[str, ...], told: str) -> None:
    result = show(run, *arguments)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert told in result.stderr


def test_nothing_to_show_is_said(run: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    assert show(tmp_path / "empty.jsonl").stderr == "show: the input has no records\n"
    none = show(run, "--filter", "fixed", "--filter", "cut-off")
    assert (none.exit_code, none.stderr) == (0, "show: no problem passes --filter\n")


def test_the_draft_stands_beside_its_refinements() -> None:
    lines = ["".join(text for text, _ in spans) for spans in problem_lines(whole_run()[0], 132)]
    assert "fixed, models-disagree, labels-disagree" in lines[0]
    (titles,) = (each for each in lines if "draft" in each and "── " not in each)
    assert re.fullmatch(r" +draft +global · the answer given +local", titles)
    assert any("2 + 2 = 5" in each and "2 + 2 = 4" in each for each in lines)
    assert any("[BAD] before step 1" in each for each in lines)
    assert lines[-1].strip() == "samples: 6 (2), 7 (1)"
    assert max(map(len, lines)) <= 132


@pytest.mark.parametrize("width", [20, 60, 100, 132, 200])
def test_lines_fit_the_terminal(width: int) -> None:
    for group in whole_run():
        for spans in problem_lines(group, width):
            assert len("".join(text for text, _ in spans)) <= max(width, 40)


def test_what_is_kept_is_faint() -> None:
    found = {
        (text, colour)
        for spans in problem_lines(whole_run()[0], None)
        for text, colour in spans
        if text.startswith("2 + 2 = 5")
    }
    assert ("2 + 2 = 5", "bright_black") in found  # as the local refiner has left it
    assert ("2 + 2 = 5   ← first error by label", "red") in found


@pytest.mark.parametrize(
    ("choice", "environment", "is_terminal", "is_coloured"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"TERM": "dumb"}, True, False),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {}, True, False),
    ],
)
def test_colours(
    run: Path, choice: str, environment: dict[str, str], is_terminal: bool, is_coloured: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for name, value in {"TERM": "xterm", **environment}.items():
        monkeypatch.setenv(name, value)
    if "NO_COLOR" not in environment:
        monkeypatch.delenv("NO_COLOR", raising=False)
    with terminal() as shown, monkeypatch.context() as patched:
        if is_terminal:
            patched.setattr(sys, "stdout", shown.file)
            with pytest.raises(SystemExit):
                app(["show", str(run), "--filter", "broken", "--color", choice])
    text = shown.drawn if is_terminal else show(run, "--filter", "broken", "--color", choice).stdout
    assert ("\x1b[32m" in text) == is_coloured
    assert "p-broken" in text


def test_nothing_of_a_model_steers_the_terminal(run: Path) -> None:
    for options in ((), ("--together",), ("--problem", "p-attack")):
        text = show(run, *options, "--color", "always").stdout
        left = re.sub(r"\x1b\[(\d+)?m", "", text)
        assert not {c for c in left if not c.isprintable()} - {"\n"}
        assert "\ufffd[31mred\ufffd" in left
