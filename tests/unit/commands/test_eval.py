"""`sormctl eval` and its second output."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from sormctl.cli import app
from sormctl.records import Problem, Solution, encode, to_json
from sormctl.reranking import AGGREGATIONS
from sormctl.tasks.chain.problems import problem
from tests.terminal import terminal
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
        ((solution(),), ("--gate", "nope"), "no row (--gate) `nope`; known: accuracy"),
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
    told = result.stderr.splitlines()[-1]
    assert "problems.jsonl:3: " in told
    assert told.endswith("problems.jsonl:1 has another problem of the id a; give each its own")


@pytest.mark.parametrize("option", ["student", "orm", "sorm", "global", "local"])
def test_models_are_for_a_benchmark(option: str) -> None:
    """They would be left aside in silence where solutions are read."""
    result = CliRunner().invoke(app, ["eval", f"--{option}", "m"], encode(solution()))
    assert result.exit_code == 2
    assert f"--{option} goes with --bench; to read solutions, give" in result.stderr


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
        assert json.loads(read.result())["outcomes"] == {"accuracy": 1.0, "sample": 1.0}
    assert pipe.is_fifo()


DRAFT, GLOBAL = {"kind": "draft", "model": "s"}, {"kind": "global", "model": "r"}


def lines_of(*solutions: Solution) -> str:
    return "\n".join(json.dumps(to_json(each)) for each in solutions)


def refined_run(count: int = 4) -> list[Solution]:
    """Wrong drafts with right refinements, which the ORM prefers."""
    made = []
    for i in range(count):
        about = Problem(task="numeric", problem_id=f"p{i}", question="?", answer="6")
        made.append(wrong(f"d{i}", problem=about, source=DRAFT, scores={"orm": (0.5, 0.1)}))
        made.append(solution(f"g{i}", problem=about, source=GLOBAL, scores={"orm": (0.5, 0.9)}))
    return made


def test_the_first_line_says_what_is_gained() -> None:
    result = CliRunner().invoke(app, ["eval", "-q"], lines_of(*refined_run()))
    assert result.exit_code == 0, result.stderr
    assert result.stderr.startswith(
        "refined 100.0 %, draft 0.0 %: +100.0 (51.0 to 100.0), 2.0 times the tokens\n"
    )


@pytest.mark.parametrize("form", ["table", "md", "csv", "json"])
def test_the_result_in_every_form(form: str, tmp_path: Path) -> None:
    typed = ["eval", "-q", "--format", form]
    result = CliRunner().invoke(app, typed, lines_of(*refined_run()))
    assert (result.exit_code, result.stderr) == (0, "")
    written = tmp_path / "result"
    kept = CliRunner().invoke(app, [*typed, "-o", str(written)], lines_of(*refined_run()))
    assert (kept.stdout, written.read_text()) == ("", result.stdout)
    first, *others = result.stdout.splitlines()
    if form in ("table", "md"):
        assert first.startswith("refined 100.0 %, draft 0.0 %: +100.0")
    if form == "md":
        assert "| draft + global by orm | 100.0 | 51.0 to 100.0 | 4 | 20 |" in others
    if form == "csv":
        (row,) = (row for row in csv.DictReader([first, *others]) if row["name"] == "global")
        assert (row["section"], row["value"], row["tokens"]) == ("accuracy", "1.0", "10.0")
    if form == "json":
        assert (others, json.loads(first)["unknown"]) == ([], 0)


def test_all_lines_where_they_are_wanted() -> None:
    typed = ["eval", "-q", *(f"--agg={name}" for name in AGGREGATIONS)]
    short, whole = (
        CliRunner().invoke(app, [*typed, *more], lines_of(*refined_run()))
        for more in ((), ("--all",))
    )
    assert "--all shows them" in short.stderr
    assert len(whole.stderr) > len(short.stderr)
    assert short.stdout == whole.stdout


def test_outcomes_go_to_standard_output_where_nothing_else_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = lines_of(*refined_run())
    for output in ([], ["-o", "-"]):
        both = CliRunner().invoke(app, ["eval", "-q", "--outcomes", "-", *output], given)
        assert (both.exit_code, "wanted for two outputs" in both.stderr) == (2, True)
    alone = CliRunner().invoke(app, ["eval", "-q", "--outcomes", "-", "-o", "rows.json"], given)
    assert alone.exit_code == 0, alone.stderr
    asked = {each.problem_id for each in refined_run()}
    assert {json.loads(line)["problem_id"] for line in alone.stdout.splitlines()} == asked
    assert {path.name for path in tmp_path.iterdir()} == {"rows.json", "rows.json.manifest.json"}


@pytest.mark.parametrize("form", [(), ("--format", "csv")])
def test_on_a_terminal_the_result_is_shown_once(
    form: tuple[str, ...], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(lines_of(*refined_run()))
    argv = [sys.executable, "-m", "sormctl", "eval", *form, str(path)]
    with terminal() as shown:
        subprocess.run(argv, stdout=shown.file, stderr=subprocess.PIPE, check=True)
    assert ("accuracy,global,1.0" in shown.drawn) == bool(form)
    assert bool(shown.drawn) == bool(form)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--min-accuracy", "0.9"], 0, ""),  # the reranked answer, not the draft
        (["--min-accuracy", "0.9", "--gate", "draft"], 1, "draft is 0.0000, below"),
        (["--gate", "draft"], 2, "--gate goes with --min-accuracy"),
        (
            ["--bench", "processbench", "--min-accuracy", "0.9"],
            2,
            "--min-accuracy is not for",
        ),
        (["--min-accuracy", "0.9", "--gate", "maj@3"], 2, "no row (--gate) `maj@3`; known: draft"),
    ],
)
def test_the_gate_asks_what_is_given(arguments: list[str], code: int, told: str) -> None:
    result = CliRunner().invoke(app, ["eval", "-q", *arguments], lines_of(*refined_run()))
    assert (result.exit_code, told in result.stderr) == (code, True)


def test_every_run_has_the_row_that_is_gated() -> None:
    one, other = (
        [
            replace(each, solution_id=f"{model}-{each.solution_id}", source=made)
            for each in refined_run()
            for made in [{**each.source, "model": model}]
        ]
        for model in "AB"
    )
    drafts = [each for each in one if each.source["kind"] == "draft"]
    given = lines_of(*drafts, *other)
    gate = ["eval", "-q", "--by", "model", "--min-accuracy", "0.9"]
    named = CliRunner().invoke(app, [*gate, "--gate", "draft"], given)
    assert named.exit_code == 2
    assert "no row of A (--gate) `draft`; known: accuracy" in named.stderr
    by_itself = CliRunner().invoke(app, gate, given)
    assert by_itself.exit_code == 1
    assert "accuracy of A is 0.0000, below --min-accuracy 0.9" in by_itself.stderr


@pytest.mark.parametrize("scored_first", [True, False])
def test_a_solution_that_comes_twice_has_what_either_line_says(scored_first: bool) -> None:
    plain = solution("a", source=DRAFT)
    lines = [replace(plain, scores={"orm": (0.5, 0.9)}, labels=(1, 1)), plain]
    given = lines_of(*(lines if scored_first else lines[::-1]))
    result = CliRunner().invoke(app, ["eval", "-q"], given)
    names = {row["name"] for row in json.loads(result.stdout)["rows"]}
    assert any("orm" in name for name in names)
    assert "1 solution is not counted again" in result.stderr


def test_where_several_answers_could_be_given_the_gate_asks_which() -> None:
    unscored = [replace(each, scores={}) for each in refined_run()]
    result = CliRunner().invoke(app, ["eval", "-q", "--min-accuracy", "0"], lines_of(*unscored))
    assert result.exit_code == 2
    assert "--min-accuracy? give --gate draft or --gate global\n" in result.stderr


def test_two_models_are_no_one_run() -> None:
    made = [solution("a", source={**DRAFT, "model": name}) for name in ("one", "other")]
    made[1] = replace(made[1], solution_id="b", problem_id="p2")
    result = CliRunner().invoke(app, ["eval", "-q"], lines_of(*made))
    assert result.exit_code == 65
    assert "<stdin>:2: a draft by model other" in result.stderr
    assert "after one by model one" in result.stderr
    for by in ("model", "source", "source.model"):
        result = CliRunner().invoke(app, ["eval", "-q", "--by", by], lines_of(*made))
        assert result.exit_code == 0, result.stderr
        rows = json.loads(result.stdout)["rows"]
        assert [row["by"].split(",")[0] for row in rows] == ["one", "other"]
        assert "── one" in result.stderr
    result = CliRunner().invoke(app, ["eval", "-q", "--by", "nothing"], lines_of(*made))
    assert (result.exit_code, "no field (--by) `nothing`" in result.stderr) == (65, True)


def test_a_bench_keeps_its_stages_and_goes_on(tmp_path: Path) -> None:
    typed = ["eval", "-q", "--bench", "chain", "-n", "6", "--student", "embedded:student"]
    typed += ["--max-tokens", "40", "--samples", "2"]
    kept, again = tmp_path / "kept", tmp_path / "again"
    result = CliRunner().invoke(app, [*typed, "-o", str(kept)])
    assert (result.exit_code, result.stdout) == (0, ""), result.stderr
    table = (kept / "table.txt").read_text()
    assert "pass@2" in table and table in result.stderr
    taken = CliRunner().invoke(app, [*typed, "-o", str(kept)])
    assert (taken.exit_code, "give --resume to go on" in taken.stderr) == (2, True)
    shown = CliRunner().invoke(app, ["eval", "-q", str(kept)])
    assert table in shown.stderr

    again.mkdir()  # a run that was killed while it wrote samples
    for path in kept.iterdir():
        if not path.name.startswith(("solutions", "rows", "table")):
            shutil.copy(path, again)
    for end, count in (("", 5), (".journal", 2)):
        path = again / f"samples.jsonl{end}"
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:count]))
    result = CliRunner().invoke(app, [*typed, "-o", str(again), "--resume"])
    assert result.exit_code == 0, result.stderr
    for name in ("samples.jsonl", "solutions.jsonl", "rows.json", "table.txt"):
        assert (again / name).read_bytes() == (kept / name).read_bytes()
    without = CliRunner().invoke(app, [*typed, "--resume"])
    assert (without.exit_code, "-o DIR" in without.stderr) == (2, True)


def test_a_bench_takes_nothing_of_other_problems_for_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, kept = tmp_path / "rows.csv", tmp_path / "kept"
    rows.write_text("question,answer\nWhat is 2 + 3?,5\nWhat is 3 + 4?,7\n")
    typed = ["eval", "-q", "--bench", str(rows), "--answer", "numeric", "--max-tokens", "8"]
    typed += ["--student", "embedded:student", "--samples", "1", "-o", str(kept)]
    assert CliRunner().invoke(app, typed).exit_code == 0
    before = {path: path.read_bytes() for path in kept.iterdir()}
    other = CliRunner().invoke(app, [*typed, "-n", "1", "--resume"])
    assert (other.exit_code, "limit is 1, but" in other.stderr) == (2, True)
    assert {path: path.read_bytes() for path in kept.iterdir()} == before

    rows.write_text(rows.read_text().replace("3 + 4?,7", "3 + 5?,8"))
    changed = CliRunner().invoke(app, [*typed, "--resume"])
    assert changed.exit_code == 2
    assert "rows-1 is not what it was when it was finished; give --overwrite" in changed.stderr

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:  # no stage behind the drafts is reached
        patch.setattr("sormctl.test_time.pipe_records", killed)
        patch.setattr("sormctl.test_time.TestTime._sample", killed)
        CliRunner().invoke(app, [*typed, "--overwrite"])
    assert not (kept / "solutions.jsonl").exists()
    assert CliRunner().invoke(app, [*typed, "--resume"]).exit_code == 0
    assert "3 + 4" not in (kept / "solutions.jsonl").read_text()


def test_a_stream_is_no_folder_to_keep_stages_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    typed = ["eval", "-q", "--bench", "chain", "-n", "1", "--student", "embedded:student"]
    for output in ("-", "/dev/null"):
        result = CliRunner().invoke(app, [*typed, "--best-of", "0", "-o", output])
        assert result.exit_code == 0, result.stderr
        assert bool(result.stdout) == (output == "-")
    assert not list(tmp_path.iterdir())


def test_processbench_reads_scored_solutions() -> None:
    known = [
        solution("gsm8k-0", labels=(1, 1), scores={"a": (0.9, 0.9), "b": (0.2, 0.9)}),
        wrong("gsm8k-1", labels=(0, None), scores={"a": (0.4, 0.9), "b": (0.9, 0.9)}),
    ]
    given = b"".join(map(encode, known))
    result = CliRunner().invoke(app, ["eval", "-q", "--bench", "processbench"], given)
    assert result.exit_code == 0, result.stderr
    rows = json.loads(result.stdout)["rows"]
    assert next(row["value"] for row in rows if row.get("model") == "a") == 1
    assert "a - b" in result.stderr and "gsm8k" in result.stderr
    asked = ["eval", "--bench", "processbench", "--format", "md"]
    markdown = CliRunner().invoke(app, asked, given)
    assert markdown.stdout.startswith("| model | split | T | error | correct | F1 | 95 % | n |")


def test_processbench_says_how_rows_become_solutions() -> None:
    row = b'{"id": "gsm8k-0", "problem": "?", "steps": ["1"], "label": 0}\n'
    result = CliRunner().invoke(app, ["eval", "--bench", "processbench"], row)
    assert result.exit_code == 65
    assert "sormctl import processbench FILE | sormctl score --rm MODEL | " in result.stderr
    asked = ["eval", "--bench", "processbench", "--student", "embedded:student"]
    result = CliRunner().invoke(app, asked, row)
    assert result.exit_code == 2
    assert "give it no --student" in result.stderr
