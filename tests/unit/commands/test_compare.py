"""`sormctl compare`: two runs on the same problems, and the exit code that a script goes by."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from sormctl.cli import app
from sormctl.evaluation.comparing import Run, compare_runs
from sormctl.records import Problem, Solution, to_json
from tests.unit.examples import solution, wrong
from tests.unit.training.runs import write_jsonl

DRAFT, SAMPLE = {"kind": "draft"}, {"kind": "sample", "temperature": 0.7}


def problem(i: int, question: str = "?") -> Problem:
    return Problem(task="numeric", problem_id=f"p{i}", question=question, answer="6")


def answers(right: Sequence[bool], **fields: Any) -> list[Solution]:
    """One draft of each problem."""
    return [
        (solution if is_right else wrong)(f"s{i}", problem=problem(i), source=DRAFT, **fields)
        for i, is_right in enumerate(right)
    ]


NEW = answers([i < 15 for i in range(20)])


def compare(folder: Path, *arguments: str) -> Result:
    names = [str(folder / name) if name.endswith("jsonl") else name for name in arguments]
    return CliRunner().invoke(app, ["compare", *names])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of twenty problems the old run has 5 right, the new one 15, all of the old among them."""
    for name, count in (("old", 5), ("new", 15)):
        found = answers([i < count for i in range(20)])
        write_jsonl(tmp_path / f"{name}.jsonl", [to_json(each) for each in found])
    return tmp_path


def test_a_better_run_ends_with_0_and_a_worse_one_with_1(folder: Path) -> None:
    result = compare(folder, "old.jsonl", "new.jsonl", "--format", "json")
    assert result.exit_code == 0
    row = json.loads(result.stdout)
    assert (row["row"], row["n"], row["old"], row["new"]) == ("accuracy", 20, 0.25, 0.75)
    assert (row["won"], row["lost"], row["p"]) == (10, 0, pytest.approx(2 / 2**10))
    assert (row["difference"], row["low"]) == (0.5, pytest.approx(0.275, abs=0.01))
    assert result.stderr == "compare: accuracy: +50.0 (27.5 to 72.5) on 20 problems: better\n"
    back = compare(folder, "new.jsonl", "old.jsonl")
    assert back.exit_code == 1
    assert "accuracy: -50.0 (-72.5 to -27.5) on 20 problems: not shown to be better" in back.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("old.jsonl", "new.jsonl", "--min-gain", "20"), 0),
        (("old.jsonl", "new.jsonl", "--min-gain", "30"), 1),
        (("old.jsonl", "old.jsonl"), 1),
        (("old.jsonl", "old.jsonl", "--no-worse-than", "20"), 0),
        (("old.jsonl", "old.jsonl", "--no-worse-than", "1"), 1),  # 20 problems cannot tell
        (("old.jsonl", "new.jsonl", "--row", "maj@3"), 2),
        (("old.jsonl", "nowhere.jsonl"), 2),
        (("old.jsonl,old.jsonl", "new.jsonl"), 2),
        (("old.jsonl", "new.jsonl", "--agg", "sum"), 2),
    ],
)
def test_exit_codes(folder: Path, arguments: tuple[str, ...], code: int) -> None:
    names = (",".join(str(folder / part) for part in x.split(",")) if "jsonl" in x else x
             for x in arguments)  # fmt: skip
    result = CliRunner().invoke(app, ["compare", *names])
    assert result.exit_code == code, result.stderr
    assert result.stderr.count("\n") == 1


def test_a_folder_of_a_bench_is_its_solutions(folder: Path) -> None:
    for name in ("old", "new"):
        (folder / name).mkdir()
        (folder / f"{name}.jsonl").rename(folder / name / "solutions.jsonl")
    result = compare(folder, str(folder / "old"), str(folder / "new"))
    assert result.exit_code == 0, result.stderr


def test_what_is_given_decides_whatever_it_is_called(folder: Path) -> None:
    """The old pipeline gives its draft, the new one what the ORM chooses."""
    made = []
    for i in range(20):
        draft = wrong("d", problem=problem(i), source=DRAFT, scores={"orm": (0.5, 0.1)})
        refined = solution(
            "g", problem=problem(i), source={"kind": "global"}, scores={"orm": (0.5, 0.9)}
        )
        made += [draft, refined]
    write_jsonl(folder / "refined.jsonl", [to_json(each) for each in made])
    result = compare(folder, "old.jsonl", "refined.jsonl")
    assert result.exit_code == 0, result.stderr
    assert "accuracy → draft + global by orm: +75.0" in result.stderr
    assert "10 → 20" in result.stdout  # tokens


def test_where_nothing_tells_which_row_decides_it_is_asked_for(folder: Path) -> None:
    group = [
        solution("d", problem=problem(0), source=DRAFT),
        solution("s", problem=problem(0), source=SAMPLE),
    ]
    write_jsonl(folder / "both.jsonl", [to_json(each) for each in group])
    result = compare(folder, "both.jsonl", "both.jsonl")
    assert result.exit_code == 2
    assert "which answer decides? give --row draft or --row sample\n" in result.stderr
    result = compare(folder, "old.jsonl", "both.jsonl")
    assert "give --row draft or --row sample, and --old-row accuracy\n" in result.stderr
    assert compare(folder, "both.jsonl", "both.jsonl", "--row", "draft").exit_code == 1


def test_drafts_are_compared_with_those_of_a_run_that_was_stopped(folder: Path) -> None:
    """Only the first problem has samples yet."""
    drafts = answers([False, True])
    sample = solution("t", problem=problem(0), source=SAMPLE)
    write_jsonl(folder / "drafts.jsonl", map(to_json, drafts))
    write_jsonl(folder / "part.jsonl", map(to_json, [drafts[0], sample, drafts[1]]))
    for order in (("drafts.jsonl", "part.jsonl"), ("part.jsonl", "drafts.jsonl")):
        found = compare(folder, *order, "--row", "draft", "--format", "json")
        lines = [json.loads(line) for line in found.stdout.splitlines()]
        assert [(line["row"], line["n"], line["old"], line["new"]) for line in lines] == [
            ("draft", 2, 0.5, 0.5)
        ]


def test_seeds_are_taken_together(folder: Path) -> None:
    for seed in (1, 2):
        for name, count in (("old", 5), ("new", 15 - seed)):
            found = answers([i < count for i in range(20)])
            write_jsonl(folder / f"{name}{seed}.jsonl", [to_json(each) for each in found])
    sides = (",".join(str(folder / f"{name}{seed}.jsonl") for seed in (1, 2))
             for name in ("old", "new"))  # fmt: skip
    result = CliRunner().invoke(app, ["compare", *sides, "--format", "json"])
    assert result.exit_code == 0, result.stderr
    row = json.loads(result.stdout)
    assert row["by_seed"] == [pytest.approx(0.45), pytest.approx(0.4)]
    assert (row["difference"], row["n"]) == (pytest.approx(0.425), 20)
    assert (row["won"], row["lost"]) == (9, 0)


def test_other_problems_are_refused(folder: Path) -> None:
    others = [solution("s", problem=problem(0, question="Another?"), source=DRAFT)]
    write_jsonl(folder / "others.jsonl", [to_json(each) for each in others])
    result = compare(folder, "old.jsonl", "others.jsonl")
    assert result.exit_code == 65
    assert "problem p0 has another question or answer" in result.stderr
    far = [solution("s", problem=problem(99), source=DRAFT)]
    write_jsonl(folder / "far.jsonl", [to_json(each) for each in far])
    result = compare(folder, "old.jsonl", "far.jsonl")
    assert (result.exit_code, "their ids differ" in result.stderr) == (65, True)


def test_tables_for_people_and_programs(folder: Path) -> None:
    shown = compare(folder, "old.jsonl", "new.jsonl").stdout.splitlines()
    assert " ".join(shown[0].split()) == "row old new difference n won lost p tokens"
    assert shown[1].startswith("accuracy  25.0%  75.0%  +50.0 (27.5 to 72.5)  20   10     0  0.002")
    table = compare(folder, "old.jsonl", "new.jsonl", "--format", "csv").stdout
    (row,) = csv.DictReader(io.StringIO(table))
    assert (row["row"], float(row["difference"])) == ("accuracy", 0.5)
    marked = compare(folder, "old.jsonl", "new.jsonl", "--format", "md").stdout.splitlines()
    assert len(marked) == 3
    assert all(line.startswith("| ") and line.endswith(" |") for line in marked)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_turned_round_a_comparison_changes_its_sign(pairs: list[tuple[bool, bool]]) -> None:
    runs = [Run(([each] for each in answers(right)), ["final"]) for right in zip(*pairs)]  # noqa: B905
    (there,), (back,) = compare_runs(runs[:1], runs[1:]), compare_runs(runs[1:], runs[:1])
    assert there.difference == -back.difference
    assert (there.won, there.lost, there.p) == (back.lost, back.won, back.p)
    assert there.difference * len(pairs) == pytest.approx(there.won - there.lost)


def test_a_solution_that_comes_twice_counts_once(folder: Path) -> None:
    twice = answers([i < 5 for i in range(20)]) * 2
    write_jsonl(folder / "twice.jsonl", [to_json(each) for each in twice])
    result = compare(folder, "twice.jsonl", "new.jsonl")
    assert result.stdout.splitlines()[1].startswith("accuracy  25.0%  75.0%")


def test_what_is_not_graded_is_said(folder: Path) -> None:
    known = [replace(each, correct=None if i > 14 else True) for i, each in enumerate(NEW)]
    write_jsonl(folder / "half.jsonl", [to_json(each) for each in known])
    result = compare(folder, "old.jsonl", "half.jsonl")
    assert "5 solutions are left out: whether the answer is correct is unknown" in result.stderr
    assert "on 15 problems: better" in result.stderr


@pytest.mark.parametrize(
    "arguments", [("--old-row", "draft"), ("--min-gain", "1", "--no-worse-than", "1")]
)
def test_options_that_do_not_fit_are_refused(folder: Path, arguments: tuple[str, ...]) -> None:
    assert compare(folder, "old.jsonl", "new.jsonl", *arguments).exit_code == 2


def test_a_run_that_is_not_finished_is_no_better_one(folder: Path) -> None:
    """Its first problems may be the easy ones."""
    path = folder / "new.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:12]))
    result = compare(folder, "old.jsonl", "new.jsonl")
    assert result.exit_code == 65
    assert "8 problems are in one run only; --common leaves them out" in result.stderr
    assert compare(folder, "old.jsonl", "new.jsonl", "--common").exit_code == 0
    path.write_text("")
    result = compare(folder, "old.jsonl", "new.jsonl")
    assert (result.exit_code, "the new run has no solution" in result.stderr) == (65, True)


def test_four_wins_are_luck(folder: Path) -> None:
    """The interval of a mean knows little of so few: 4 to 0 has p = 0.12."""
    for name, count in (("old", 5), ("new", 9)):
        found = answers([i < count for i in range(150)])
        write_jsonl(folder / f"{name}.jsonl", [to_json(each) for each in found])
    result = compare(folder, "old.jsonl", "new.jsonl")
    assert (result.exit_code, "not shown to be better" in result.stderr) == (1, True)
