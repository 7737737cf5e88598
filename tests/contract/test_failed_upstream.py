"""A command that fails says so in its stream, and nobody makes a result of what came before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from sormctl.cli import COMMANDS, WRITERS, app
from sormctl.lines import failure_line
from tests.contract.commands import CORRECT, IMPORTS, PROBLEM, PURE, WITH_A_MODEL, WRONG, Command
from tests.contract.shell import ROOT, SORMCTL, run

LINES = b"".join(orjson.dumps(record) + b"\n" for record in (CORRECT, WRONG))
PROGRAM = f"{sys.executable} -m sormctl"
FAILED = failure_line("label-steps", "no space")
READERS = (
    *PURE,
    *IMPORTS,
    *WITH_A_MODEL,
    Command(("eval",), (CORRECT,), "correct"),
    Command(("eval", "--min-accuracy", "0.1"), (CORRECT,), "correct"),
    Command(("show",), (CORRECT,), "task"),
)


@pytest.mark.parametrize("command", READERS, ids=str)
def test_every_reader_refuses_what_a_failed_writer_left(command: Command, tmp_path: Path) -> None:
    argv = [word.format(student="no/such/model", rm="no/such/model") for word in command.argv]
    written = [] if command.argv[0] == "show" else ["-o", str(tmp_path / "out")]
    records = b"".join(orjson.dumps(record) + b"\n" for record in command.records)
    for before in (b"", records if not command.needs_model else b""):
        result = CliRunner().invoke(app, [*argv, *written], before + FAILED)
        assert result.exit_code == 65, result.stderr
        assert "the stream ends here: `sormctl label-steps` failed" in result.stderr
        manifest = tmp_path / "out.manifest.json"
        assert not manifest.exists() or orjson.loads(manifest.read_bytes())["status"] != "done"


@pytest.mark.parametrize("command", ["train-student", "train-rm", "train-refiner"])
def test_nothing_is_trained_on_it(command: str, tmp_path: Path) -> None:
    argv = [command, "--model", "embedded:student", "-o", str(tmp_path / "model")]
    result = CliRunner().invoke(app, argv, LINES + FAILED)
    assert result.exit_code == 65, result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("argv", "data", "code"),
    [
        (("filter",), LINES + b'{"broken\n', 65),
        (("filter", "--no-such-option"), LINES, 2),
        (("filter", "no-such-file"), b"", 2),
        (("label-steps", "--by", "rollouts"), LINES, 2),
        (("sample", "--model", "no/such/model"), orjson.dumps(PROBLEM), 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_who_fails_says_so_at_the_end_of_the_pipe(
    argv: tuple[str, ...], data: bytes, code: int, tmp_path: Path
) -> None:
    done = run([*SORMCTL, *argv], data)
    assert done.returncode == code
    last = orjson.loads(done.stdout.splitlines()[-1])
    assert last["sormctl_failed"] == argv[0]
    assert last["error"] and last["error"].splitlines()[0] in done.stderr.decode()
    quiet = run([*SORMCTL, *argv, "-o", str(tmp_path / "out")], data)
    assert (quiet.returncode, quiet.stdout) == (code, b"")


BAD = b'{"broken\n'


@pytest.mark.parametrize("typed", ["", "-o -", "--output=-", "-qo /dev/stdout", "-c x -o -"])
def test_standard_output_by_any_name_says_who_failed(typed: str) -> None:
    done = run([*SORMCTL, "filter", *typed.split()], BAD)
    assert orjson.loads(done.stdout.splitlines()[-1])["sormctl_failed"] == "filter"


@pytest.mark.parametrize("typed", ["-qo out", "--no-such-option -o out", "--output out", ""])
def test_a_file_by_any_name_leaves_standard_output_alone(typed: str, tmp_path: Path) -> None:
    environment = {"PYTHONPATH": str(ROOT), **({} if typed else {"SORMCTL_FILTER_OUTPUT": "out"})}
    done = run(
        [*SORMCTL, "filter", *typed.split()], BAD, cwd=tmp_path, env={**os.environ, **environment}
    )
    assert (done.stdout, done.returncode != 0) == (b"", True)


def test_a_configured_file_leaves_standard_output_alone(tmp_path: Path) -> None:
    (tmp_path / "sormctl.toml").write_text('output = "out"\n')
    done = run([*SORMCTL, "filter"], BAD, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert (done.returncode, done.stdout) == (65, b"")


def test_a_pipe_that_is_closed_is_told_nothing() -> None:
    done = run([*SORMCTL, "filter"], LINES)
    assert (done.returncode, done.stdout.count(b"\n")) == (0, 2)
    shown = f"for i in 1 2 3; do cat; done | {PROGRAM} filter | head -n 1"
    line = subprocess.run(["bash", "-c", shown], input=LINES, capture_output=True, cwd=ROOT)
    assert b"sormctl_failed" not in line.stdout


def test_a_shell_without_pipefail_publishes_no_model(tmp_path: Path) -> None:
    (tmp_path / "samples.jsonl").write_bytes(LINES)
    typed = (
        f"(head -1000 samples.jsonl; echo '{{broken') | {PROGRAM} label-steps --by outcome"
        f" | {PROGRAM} train-rm --model embedded:student -o orm"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        ["bash", "-c", typed], cwd=tmp_path, env=environment, capture_output=True, check=False
    )
    assert done.returncode == 65
    assert not (tmp_path / "orm").exists()


def test_writers_are_known() -> None:
    assert {*COMMANDS} > WRITERS > {"sample", "label-steps", "problems", "filter"}
