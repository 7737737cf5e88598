"""`sormctl eval` and its second output."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from sormctl.cli import app
from sormctl.records import Solution, encode, to_json
from sormctl.tasks.chain.problems import problem
from tests.unit.examples import PROBLEM, solution, wrong


def test_outcomes_come_problem_by_problem(tmp_path: Path) -> None:
    source = {"kind": "sample", "temperature": 0.7}
    group = [solution("a", source=source), wrong("b", source=source)]
    lines = "\n".join(json.dumps(to_json(each)) for each in group)
    path = tmp_path / "outcomes.jsonl"
    result = CliRunner().invoke(app, ["eval", "-q", "--outcomes", str(path)], lines)
    assert result.exit_code == 0, result.stderr
    (found,) = map(json.loads, path.read_text().splitlines())
    assert (found["task"], found["problem_id"]) == (PROBLEM.task, PROBLEM.problem_id)
    assert found["outcomes"]["sample"] == 0.5
    again = CliRunner().invoke(app, ["eval", "-q", "--outcomes", str(path)], lines)
    assert again.exit_code == 2
    assert "exists; give --overwrite" in again.stderr


def test_rows_say_what_they_are() -> None:
    """A model whose name looks like a row's is still itself."""
    group = [replace(solution("a"), scores={"orm by me": (0.9, 0.9)}), wrong("b")]
    group[1] = replace(group[1], scores={"orm by me": (0.1, 0.1)})
    lines = "\n".join(json.dumps(to_json(each)) for each in group)
    result = CliRunner().invoke(app, ["eval", "-q"], lines)
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["unknown"] == 0
    (row,) = (row for row in found["rows"] if row["name"] == "rerank@2 by orm by me")
    assert row["about"] == {
        "section": "accuracy",
        "chooser": "score",
        "kinds": ["sample"],
        "n": 2,
        "model": "orm by me",
        "aggregation": "final",
    }


@pytest.mark.parametrize(
    ("solutions", "arguments", "message"),
    [
        ((), (), "nothing to gate: no solutions"),
        ((replace(solution(), correct=None),), (), "unknown of each solution whether it is corr"),
        ((replace(solution(), correct=None),), ("--gate", "draft"), "unknown of each solution"),
        ((solution(),), ("--gate", "nope"), "--gate nope: no such row"),
    ],
)
def test_a_gate_that_has_nothing_to_look_at_says_why(
    solutions: tuple[Solution, ...], arguments: tuple[str, ...], message: str
) -> None:
    given = b"".join(map(encode, solutions))
    result = CliRunner().invoke(app, ["eval", "-q", "--min-accuracy", "0.5", *arguments], given)
    assert result.exit_code == 2
    assert message in result.stderr.splitlines()[-1]


def test_a_benchmark_with_two_problems_of_one_id_is_refused_before_it_is_drafted(
    tmp_path: Path,
) -> None:
    path = tmp_path / "mine.jsonl"
    row = '{"id": "a", "question": "%s", "answer": "1"}'
    path.write_text("".join(row % text + "\n" for text in ("1?", "1?", "2-1?")))
    bench = ("--bench", str(path), "--answer", "numeric", "--student", "embedded:student")
    result = CliRunner().invoke(app, ["eval", *bench])
    assert result.exit_code == 65
    assert result.stderr.endswith("two problems have the id a; give each its own\n")


@pytest.mark.parametrize("slot", ["student", "orm", "sorm", "global", "local"])
def test_models_are_for_a_benchmark(slot: str) -> None:
    """They would be left aside in silence where solutions are read."""
    result = CliRunner().invoke(app, ["eval", f"--{slot}", "m"], encode(solution()))
    assert result.exit_code == 2
    assert f"--{slot} goes with --bench; to read solutions, give" in result.stderr


def test_one_file_is_not_two_outputs(tmp_path: Path) -> None:
    path = str(tmp_path / "out.jsonl")
    line = json.dumps(to_json(solution()))
    result = CliRunner().invoke(app, ["eval", "-q", "-o", path, "--outcomes", path], line)
    assert result.exit_code == 2
    assert "is wanted for two outputs; give another file" in result.stderr


def test_outcomes_do_not_replace_the_input(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text(line := json.dumps(to_json(solution())))
    result = CliRunner().invoke(
        app, ["eval", "-q", "--overwrite", "--outcomes", str(path), str(path)]
    )
    assert result.exit_code == 2
    assert "is input and output; give another" in result.stderr
    assert path.read_text() == line


def test_the_oracle_sees_what_it_needs(tmp_path: Path) -> None:
    asked = problem("test", 0, 0)
    right = asked.solved(
        solution_id="a", steps=asked.reference or (), predicted=asked.answer, correct=True
    )
    labelled = to_json(replace(right, labels=(1,) * len(right.steps)))
    result = CliRunner().invoke(app, ["eval", "-q"], json.dumps(labelled))
    assert result.exit_code == 0, result.stderr
    (agreement,) = (row for row in json.loads(result.stdout)["rows"] if "oracle" in row["name"])
    assert (agreement["value"], agreement["n"]) == (1.0, len(right.steps))


def test_outcomes_go_into_a_pipe_and_leave_it_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as threads:
        read = threads.submit(pipe.read_text)
        line = json.dumps(to_json(solution()))
        result = CliRunner().invoke(app, ["eval", "-q", "--outcomes", str(pipe)], line)
        assert result.exit_code == 0, result.stderr
        assert json.loads(read.result())["outcomes"] == {"accuracy": 1.0}
    assert pipe.is_fifo()
