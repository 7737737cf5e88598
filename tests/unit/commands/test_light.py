"""problems, grade, filter, show and doctor, as they are typed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sormctl.cli import app

PROBLEM = {"task": "numeric", "problem_id": "p", "question": "2 + 2 + 2?", "answer": "6"}
RIGHT = {**PROBLEM, "text": "2 + 2 = 4\n4 + 2 = 6\n#### 6"}
WRONG = {**PROBLEM, "text": "2 + 2 = 5\n#### 7"}


def sormctl(*arguments: str | Path, stdin: str = "", code: int = 0) -> Result:
    result = CliRunner().invoke(
        app, list(map(str, arguments)), input=stdin, env={"SORMCTL_DATA": ""}
    )
    assert result.exit_code == code, result.output
    return result


def lines(*records: dict[str, Any]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def records(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def graded(*completions: dict[str, Any]) -> str:
    return sormctl("grade", "-q", stdin=lines(*completions)).stdout


def one_line(result: Result) -> str:
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
    return result.stderr


def test_problems_of_a_generated_benchmark() -> None:
    first, second = (records(sormctl("problems", "chain", "-n", "3", "-q")) for _ in range(2))
    assert first == second
    assert [p["task"] for p in first] == ["chain"] * 3
    assert first != records(sormctl("problems", "chain", "-n", "3", "--seed", "1", "-q"))


def test_problems_of_a_users_file_need_no_code(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(
        lines({"question": "Who?", "target": "Ann."}, {"input": "Who else?", "answer": "Bob"})
    )
    out = tmp_path / "out.jsonl"
    sormctl("problems", path, "--answer", "exact", "-o", out)
    found = [json.loads(line) for line in out.read_text().splitlines()]
    assert found == [
        {"task": "exact", "problem_id": "mine-0", "question": "Who?", "answer": "Ann"},
        {"task": "exact", "problem_id": "mine-1", "question": "Who else?", "answer": "Bob"},
    ]
    assert json.loads(Path(f"{out}.manifest.json").read_text())["arguments"]["answer"] == "exact"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nope"], 2, "no task and no file `nope`"),
        (["gsm8k", "--split", "dev", "--data-dir", "."], 2, "no split of gsm8k `dev`"),
        (["chain", "--split", "dev"], 2, "no split of chain `dev`"),
    ],
)
def test_problems_that_are_not_there(arguments: list[str], code: int, message: str) -> None:
    assert message in one_line(sormctl("problems", *arguments, code=code))


def test_a_bad_row_of_a_users_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(lines({"question": "?", "answer": "1"}, {"question": "?", "answer": "one"}))
    result = sormctl("problems", path, "--answer", "numeric", "-q", code=65)
    assert "mine.jsonl:2: `answer` is `one`" in result.stderr


def test_grade_makes_solutions_of_completions() -> None:
    right, wrong = records(sormctl("grade", "-q", stdin=lines({**RIGHT, "foo": 1}, WRONG)))
    assert (right["steps"], right["correct"]) == (["2 + 2 = 4", "4 + 2 = 6", "#### 6"], True)
    assert (wrong["predicted"], wrong["correct"]) == ("7", False)
    assert right["foo"] == 1


def test_grade_is_a_fixed_point() -> None:
    once = graded(RIGHT, RIGHT, WRONG)
    assert sormctl("grade", "-q", stdin=once).stdout == once


def test_grade_can_be_told_the_task() -> None:
    record = {name: value for name, value in RIGHT.items() if name != "task"}
    for option, name in (("--task", "gsm8k"), ("--answer", "exact")):
        (solution,) = records(sormctl("grade", "-q", option, name, stdin=lines(record)))
        assert (solution["task"], solution["correct"]) == (name, True)
    assert "<stdin>:1: no `task`" in sormctl("grade", "-q", stdin=lines(record), code=65).stderr
    assert "not both" in sormctl("grade", "--task", "a", "--answer", "b", code=2).stderr
    assert "no task `nope`" in sormctl("grade", "--task", "nope", code=2).stderr
    assert "no kind of answers" in sormctl("grade", "--answer", "nope", code=2).stderr


def test_a_round_of_expert_iteration_is_the_union_of_distinct_correct_solutions(
    tmp_path: Path,
) -> None:
    first, second = tmp_path / "round1.jsonl", tmp_path / "round2.jsonl"
    first.write_text(graded(RIGHT, WRONG, RIGHT))
    second.write_text(
        graded({**RIGHT, "text": "6\n#### 6"}, {**RIGHT, "text": RIGHT["text"] + " "})
    )
    kept = records(sormctl("filter", "--correct", "--unique", "-q", first, second))
    assert [solution["steps"][0] for solution in kept] == ["2 + 2 = 4", "6"]


def test_filter_by_outcome_number_and_length() -> None:
    solutions = graded(RIGHT, WRONG, RIGHT)

    def count(*options: str) -> int:
        return len(records(sormctl("filter", "-q", *options, stdin=solutions)))

    assert count() == 3
    assert count("--incorrect") == 1
    assert count("--max-per-problem", "2") == 2
    assert count("--min-steps", "3") == 2
    assert count("--max-steps", "2") == 1


def test_filter_labels_drops_what_the_scores_deny() -> None:
    (wrong,) = (json.loads(line) for line in graded(WRONG).splitlines())
    judged = {**wrong, "labels": [1, 0], "scores": {"sorm": [0.4, 0.2]}, "mine": 7}
    result = sormctl("filter-labels", "--by", "sorm", stdin=lines(judged))
    assert records(result) == [{**judged, "labels": [None, 0]}]
    assert "filter-labels: 1 of 2 labels dropped\n" in result.stderr
    lower = sormctl(
        "filter-labels", "-q", "--by", "sorm", "--threshold", "0.3", stdin=lines(judged)
    )
    assert records(lower) == [judged]
    message = sormctl("filter-labels", "--by", "orm", stdin=lines(judged), code=65).stderr
    assert "<stdin>:1: no field `scores.orm`; did you mean `scores.sorm`? run" in message


def test_show_marks_labels_scores_and_the_first_error() -> None:
    (wrong,) = (json.loads(line) for line in graded(WRONG).splitlines())
    labelled = {**wrong, "labels": [1, 0], "scores": {"sorm": [0.91, 0.2]}}
    text = sormctl("show", stdin=lines(labelled)).stdout
    assert "   1 +  0.91  2 + 2 = 5\n" in text
    assert "   2 -  0.20  #### 7   ← first error by label\n" in text
    assert "wrong: 7 (answer 6)" in text
    assert "scores: sorm" in text


def test_show_takes_any_record_and_the_first_so_many() -> None:
    pair = {
        **{name: PROBLEM[name] for name in ("task", "problem_id", "question")},
        "draft": ["a", "b"],
        "first_error": 1,
        "target": ["c"],
    }
    problem = {**PROBLEM, "reference": ["2 + 2 = 4"]}
    text = sormctl("show", stdin=lines(problem, pair) + graded(RIGHT)).stdout
    for part in ("answer 6", "1  2 + 2 = 4", "local pair", "2  b   ← first error", "correct: 6"):
        assert part in text
    assert "pair" not in sormctl("show", "-n", "1", stdin=lines(problem, pair)).stdout
    assert (
        "<stdin>:1: no `problem_id`" in sormctl("show", stdin=lines({"task": "t"}), code=65).stderr
    )


def test_show_passes_no_control_characters_on() -> None:
    text = sormctl("show", stdin=graded({**WRONG, "text": "a \x1b[31mred\x07\tb [BAD] c"})).stdout
    assert "\x1b" not in text and "\x07" not in text
    assert "[31mred" in text and "[BAD] c" in text


def test_without_labels_the_first_low_score_is_the_first_error() -> None:
    (right,) = (json.loads(line) for line in graded(RIGHT).splitlines())
    text = sormctl("show", stdin=lines({**right, "scores": {"orm": [0.9, 0.4, 0.3]}})).stdout
    assert "0.40  4 + 2 = 6   ← first error by orm" in text
    assert text.count("first error") == 1


def test_doctor_tells_the_same_to_people_and_programs(tmp_path: Path) -> None:
    (tmp_path / "gsm8k").mkdir()
    (tmp_path / "gsm8k/test.jsonl").touch()
    found = json.loads(sormctl("doctor", "--json", "--data-dir", tmp_path).stdout)
    assert found["tasks"]["gsm8k"] == str(tmp_path / "gsm8k/train.jsonl")
    (tmp_path / "gsm8k/train.jsonl").touch()
    found = json.loads(sormctl("doctor", "--json", "--data-dir", tmp_path).stdout)
    assert found["cores"]["usable"] >= 1
    assert found["packages"]["torch"]
    assert found["engines"]["hf"] == []
    assert found["tasks"]["gsm8k"] is None
    assert found["data"]["files"] == ["gsm8k/test.jsonl", "gsm8k/train.jsonl"]
    text = sormctl("doctor", "--data-dir", tmp_path).stdout
    assert f"data       {tmp_path}: gsm8k/test.jsonl" in text
    assert found["packages"]["torch"] in text
    assert "from the hub" in sormctl("doctor").stdout


@pytest.mark.parametrize("missing", ["datasets", ""])
@pytest.mark.parametrize("data_dir", ["", "."])
@pytest.mark.parametrize("task", ["chain", "gsm8k"])
def test_doctor_says_what_problems_needs(
    missing: str, data_dir: str, task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it says `ready`, `problems` works; the hub cannot be asked in a test."""
    monkeypatch.chdir(tmp_path)
    if missing:
        monkeypatch.setitem(sys.modules, missing, None)
    where = ["--data-dir", data_dir] if data_dir else []
    monkeypatch.setattr("sormctl.problems.find_spec", lambda name: None if name == missing else 1)
    need = json.loads(sormctl("doctor", "--json", *where).stdout)["tasks"][task]
    if need:
        assert f"task       {task:13}needs {need}\n" in sormctl("doctor", *where).stdout
        sormctl("problems", task, *where, code=2)
    elif task == "chain":
        sormctl("problems", task, "-n", "1", *where)
    else:
        assert not data_dir and not missing


def test_doctor_loads_torch_only_when_asked() -> None:
    code = (
        "import sys; from sormctl.doctor import machine; machine(None, ['hf']); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    found = json.loads(sormctl("doctor", "--json", "--deep").stdout)
    assert found["torch"]["threads"] >= 1
