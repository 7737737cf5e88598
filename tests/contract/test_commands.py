"""What every stream command does with good and bad input, through the real application."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

from sormctl.cli import COMMANDS, app
from tests.contract.commands import CORRECT, IMPORTS, PROBLEM, PURE, WITH_A_MODEL, Command
from tests.contract.shell import ROOT, SORMCTL, start

ALL = (*PURE, *WITH_A_MODEL)
EVERY = (*ALL, *IMPORTS)
HEAVY = ("torch", "transformers", "accelerate", "vllm", "datasets", "numpy", "rich")


NO_MODELS = {"student": "no/such/model", "rm": "no/such/model"}


def invoke(
    command: Command, lines: Sequence[bytes], models: dict[str, str] = NO_MODELS, *more: str
) -> Result:
    argv = [argument.format(**models) for argument in command.argv]
    return CliRunner().invoke(app, [*argv, *more], b"".join(line + b"\n" for line in lines))


def encoded(records: Sequence[dict[str, Any]], **extra: Any) -> list[bytes]:
    return [orjson.dumps({**record, **extra}) for record in records]


@pytest.mark.parametrize("command", EVERY, ids=str)
def test_empty_input_makes_empty_output(command: Command) -> None:
    """Even where the model does not exist: nothing is loaded for nothing."""
    result = invoke(command, [])
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"{command.argv[0]}: the input has no records\n"


@pytest.mark.parametrize("command", ALL, ids=str)
def test_a_solution_of_no_steps_is_one(command: Command, models: dict[str, str]) -> None:
    """A model that ends at once has made it, and so has one that had no room."""
    empty = {**CORRECT, "solution_id": "s0", "steps": [], "predicted": None, "correct": False}
    empty |= {"labels": [], "scores": {"orm": []}, "text": ""}
    if command.argv[0] == "sample":
        empty = PROBLEM
    result = invoke(command, encoded((empty, *command.records)), models)
    assert result.exit_code == 0, result.stderr
    assert result.stdout


PAIR = {**PROBLEM, "draft": ["#### 5"], "target": ["#### 4"]}
del PAIR["answer"]


WHAT_TO_DO = {  # with a record of another kind
    "problem": (PROBLEM, "`sormctl sample`"),
    "pair": (PAIR, "`sormctl train-refiner`"),
    "of another tool": ({"q": "?"}, "`sormctl import FORMAT`"),
}
SOLUTION = {key: CORRECT[key] for key in CORRECT if key not in ("labels", "scores")}
OTHERS = [
    *(
        (c, *case)
        for c in ALL
        if c.argv[0] not in ("sample", "grade")
        for case in WHAT_TO_DO.items()
    ),
    *((c, "solution", (SOLUTION, "`sormctl label-steps`")) for c in ALL if c.required == "labels"),
    (WITH_A_MODEL[0], "solution", (SOLUTION, "`sormctl refine`")),
    (WITH_A_MODEL[0], "pair", WHAT_TO_DO["pair"]),
    (WITH_A_MODEL[0], "of another tool", ({"q": "?"}, "`sormctl problems FILE --answer KIND`")),
    (PURE[0], "problem", WHAT_TO_DO["problem"]),
    (PURE[0], "of another tool", ({"q": "?"}, "give --task NAME, or --answer KIND")),
]


@pytest.mark.parametrize(("command", "kind", "case"), OTHERS, ids=str)
def test_a_record_of_another_kind_is_told_what_to_do(
    command: Command, kind: str, case: tuple[dict[str, Any], str]
) -> None:
    record, what_to_do = case
    result = invoke(command, encoded([record]))
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (65, "", 1)
    assert result.stderr.startswith(f"sormctl {command.argv[0]}: <stdin>:1: ")
    assert what_to_do in result.stderr


@pytest.mark.parametrize("command", WITH_A_MODEL, ids=str)
def test_two_records_of_one_id_are_told(
    command: Command, models: dict[str, str], tmp_path: Path
) -> None:
    first, other = tmp_path / "first.jsonl", tmp_path / "other.jsonl"
    record = command.records[0]
    changed = (
        {**record, "answer": "5"} if record is PROBLEM else {**record, "steps": ["#### 4", ""]}
    )
    first.write_bytes(b"".join(line + b"\n" for line in encoded([record, record])))
    other.write_bytes(encoded([changed])[0])
    result = invoke(command, [], models, str(first), str(other))
    assert result.exit_code == 65
    kind, name = ("problem", "p1") if record is PROBLEM else ("solution", "s1")
    assert f"other.jsonl:1: {first}:1 has another {kind} of the id {name}; give" in result.stderr


@pytest.mark.parametrize("command", ALL, ids=str)
@pytest.mark.parametrize("line", [b'{"task": "x"', b"[1, 2]", b'{"question": "\xff"}', b"null"])
def test_a_bad_line_is_named(command: Command, line: bytes) -> None:
    result = invoke(command, [line])
    assert (result.exit_code, result.stdout) == (65, "")
    assert re.fullmatch(
        rf"sormctl {command.argv[0]}: <stdin>:1: not [^\n]+; [^\n]+\n", result.stderr
    )


@pytest.mark.parametrize("command", (*PURE, *IMPORTS), ids=str)
def test_a_bad_line_after_a_good_one(command: Command) -> None:
    result = invoke(command, [*encoded(command.records[:1]), b"{"])
    assert result.exit_code == 65
    assert f"sormctl {command.argv[0]}: <stdin>:2: not JSON" in result.stderr


@pytest.mark.parametrize("command", EVERY, ids=str)
def test_a_missing_field_is_named(command: Command) -> None:
    first = {name: value for name, value in command.records[0].items() if name != command.required}
    result = invoke(command, encoded([first]))
    assert (result.exit_code, result.stdout) == (65, "")
    expected = rf"sormctl {command.argv[0]}: <stdin>:1: [^\n]*`{command.required}`?[^\n]*\n"
    assert re.fullmatch(expected, result.stderr)


@pytest.mark.parametrize("command", ALL, ids=str)
def test_a_wrong_type_is_named(command: Command) -> None:
    result = invoke(command, encoded(command.records[:1], problem_id=[7]))
    message = "<stdin>:1: `problem_id` must be a string, not a list\n"
    assert (result.exit_code, result.stderr) == (65, f"sormctl {command.argv[0]}: {message}")


@pytest.mark.parametrize("command", WITH_A_MODEL, ids=str)
def test_an_unknown_task_is_named(command: Command) -> None:
    result = invoke(command, encoded(command.records[:1], task="nope"))
    message = f"sormctl {command.argv[0]}: <stdin>:1: no task `nope`; known: chain, chain-hard"
    assert result.exit_code == 65
    assert result.stderr.startswith(message)


@pytest.mark.parametrize("command", EVERY, ids=str)
def test_unknown_fields_pass_through(command: Command, request: pytest.FixtureRequest) -> None:
    models = request.getfixturevalue("models") if command.needs_model else NO_MODELS
    mine = {"mine": {"deep": [1, None, "ü"]}}
    result = invoke(command, encoded(command.records, **mine), models)
    assert result.exit_code == 0, result.stderr
    made = [orjson.loads(line) for line in result.stdout.splitlines()]
    assert made
    assert all(record.get("mine") == mine["mine"] for record in made) or not command.passes


@pytest.mark.parametrize("command", EVERY, ids=str)
def test_a_file_has_a_manifest_and_is_not_lost(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    assert invoke(command, [], NO_MODELS, "-o", str(path)).exit_code == 0
    manifest = orjson.loads((tmp_path / "out.jsonl.manifest.json").read_bytes())
    assert (manifest["command"], manifest["status"]) == (command.argv[0], "done")
    path.write_bytes(b"precious")
    again = invoke(command, [], NO_MODELS, "-o", str(path))
    assert again.exit_code == 2
    assert "exists; give --" in again.stderr and "--overwrite" in again.stderr
    assert path.read_bytes() == b"precious"


@pytest.mark.parametrize("command", WITH_A_MODEL, ids=str)
def test_a_folder_that_is_no_model(command: Command) -> None:
    result = invoke(command, encoded(command.records))
    assert (result.exit_code, result.stdout) == (2, "")
    assert re.fullmatch(
        rf"sormctl {command.argv[0]}: no model `no/such/model`[^\n]*\n", result.stderr
    )


@pytest.mark.parametrize("command", (*PURE, *IMPORTS), ids=str)
def test_a_reader_that_goes_away(command: Command) -> None:
    """`sormctl COMMAND | head -1`, with more output than a pipe holds."""
    copies = [
        {**record, "problem_id": f"p{i}", "question": "x" * 500}
        for i in range(600)
        for record in command.records
    ]
    data = b"".join(line + b"\n" for line in encoded(copies))
    with start([*SORMCTL, *command.argv, "-q"], stdin=subprocess.PIPE) as process:
        assert process.stdout and process.stdin and process.stderr
        process.stdout.close()
        try:
            process.stdin.write(data)
            process.stdin.close()
        except BrokenPipeError:
            pass
        assert process.wait() == 141
        assert process.stderr.read() == b""


# ── the command line itself ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", COMMANDS)
def test_help_ends_with_an_example(name: str) -> None:
    result = CliRunner().invoke(app, [name, "--help"])
    assert result.exit_code == 0
    assert re.search(rf"\n  Example:\n    .*sormctl {name}\b.*\n\n", result.stdout)


def test_help_imports_nothing_heavy() -> None:
    program = f"""
import sys
from sormctl.cli import COMMANDS, app
for argv in (["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)):
    try:
        app(argv)
    except SystemExit as stop:
        assert stop.code == 0, argv
print("HEAVY", sorted(set({HEAVY!r}) & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "HEAVY []", done.stderr


def test_version() -> None:
    from sormctl import __version__

    assert CliRunner().invoke(app, ["--version"]).stdout == f"sormctl {__version__}\n"


def test_no_command_shows_all_of_them() -> None:
    result = CliRunner().invoke(app, [])
    assert result.exit_code == 2 and result.stderr.startswith("Usage: sormctl [OPTIONS] COMMAND")


def test_a_file_that_is_not_there() -> None:
    result = CliRunner().invoke(app, ["filter", "no.jsonl"])
    message = "sormctl filter: no file `no.jsonl`\n"
    assert (result.exit_code, result.stderr) == (2, message)


LONG = "x" * 5000


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["sample", "--model", LONG], "cannot open xxx"),
        (["problems", "chain", "-n", "1", "-o", LONG], "cannot open xxx"),
        (["problems", LONG, "--answer", "exact"], "cannot open xxx"),
        (["eval", "--outcomes", LONG], "cannot open xxx"),
    ],
    ids=["model", "output", "problems", "outcomes"],
)
def test_what_the_system_refuses_is_one_line(argv: list[str], message: str) -> None:
    result = CliRunner().invoke(app, argv, encoded([PROBLEM])[0])
    assert result.exit_code == 1, result.stderr
    assert message in result.stderr
    assert len(result.stderr) < 400


def test_links_in_a_circle_are_an_output_like_any_other(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to("loop")
    result = CliRunner().invoke(app, ["problems", "chain", "-n", "1", "-o", str(loop)])
    assert result.exit_code == 0, result.stderr
    assert loop.read_text().count("\n") == 1


@pytest.mark.parametrize("command", ALL, ids=str)
def test_files_follow_the_umask(command: Command, models: dict[str, str], tmp_path: Path) -> None:
    before = os.umask(0o026)
    try:
        result = invoke(
            command, encoded(command.records), models, "-o", str(tmp_path / "out.jsonl")
        )
    finally:
        os.umask(before)
    assert result.exit_code == 0
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.rglob("*")}
    assert modes and set(modes.values()) == {"0o640"}
