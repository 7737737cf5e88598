"""What the page holds of a run."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sormctl.errors import UsageError
from sormctl.records import Solution, to_json
from sormctl.report.page.found import find_files
from sormctl.report.page.shown_problem import TICKS, problem_shown, ticks
from sormctl.report.page.shown_run import read_run, run_shown
from sormctl.tasks.chain.problems import generate
from tests.unit.report.runs_shown import made, refined, whole_run
from tests.unit.report.test_filters import GIVEN
from tests.unit.training.runs import write_jsonl


@given(st.floats(0, 1), st.integers(0, TICKS))
def test_a_threshold_falls_on_the_same_side_of_a_score_and_of_its_ticks(
    score: float, threshold: int
) -> None:
    assert (score >= threshold / TICKS) == (ticks(score) >= threshold)


@given(st.integers(0, TICKS))
def test_a_score_on_a_tick_is_that_tick(tick: int) -> None:
    assert ticks(tick / TICKS) == tick


def test_a_problem_shows_its_answer_and_its_votes() -> None:
    shown = problem_shown(refined("p", "7", "6", "7", best="global"), GIVEN, max_samples=2)
    assert [each["kind"] for each in shown["solutions"]] == [
        "draft", "global", "local", "sample", "sample",
    ]  # fmt: skip
    assert (shown["given_id"], shown["left_out"]) == ("p-global-0", 1)
    candidates, samples = shown["votes"]
    assert candidates["of"] == "draft + global + local"
    assert samples["models"] == ["orm", "skywork"]
    assert [(b["answer"], b["votes"], b["weights"]) for b in samples["answers"]] == [
        ("6", 2, [1.0, 1.0]),  # two weigh twice their score; the third is too long for skywork
        ("7", 1, [0.5, 0.0]),
    ]
    assert [b["wins"] for b in candidates["answers"]] == [[""], ["orm"]]  # 7 twice, 6 by weight


def test_what_several_files_know_of_a_solution_is_put_together(tmp_path: Path) -> None:
    draft = refined("p", "7", "6", "7", best="draft")[0]
    plain = replace(draft, scores={}, labels=None, rollouts=None)
    scored = replace(plain, scores={"prm": (0.1, 0.2)})
    empty = replace(plain, labels=(None,) * len(draft.steps))
    write(tmp_path / "files.jsonl", [plain, scored, empty, draft])
    ((whole,),) = read_run(find_files([str(tmp_path / "files.jsonl")])).groups
    assert whole.scores.keys() == {"prm", "orm", "sorm"}
    assert (whole.labels, whole.rollouts) == (draft.labels, draft.rollouts)


def test_a_folder_counts_the_problems_that_were_drafted(tmp_path: Path) -> None:
    run, other = whole_run(), refined("p-train", "6", "6", "6", best="draft")
    write(tmp_path / "drafts.jsonl", [each for group in run for each in group[:1]])
    write(tmp_path / "rest.jsonl", [each for group in run for each in group[1:]])
    write(tmp_path / "samples.jsonl", other[3:])
    write_jsonl(tmp_path / "metrics.jsonl", [{"step": 1, "loss": 0.5}])
    write_jsonl(tmp_path / "problems.jsonl", [{"task": "numeric"}])
    found = find_files([str(tmp_path)])
    assert [Path(name).name for name in found.solutions] == [
        "drafts.jsonl", "rest.jsonl", "samples.jsonl",
    ]  # fmt: skip
    shown = run_shown(read_run(found), max_samples=8)
    assert [problem["id"] for problem in shown["problems"]] == [
        group[0].problem_id for group in run
    ]
    assert shown["curves"] == [{"name": tmp_path.name, "points": [{"step": 1, "loss": 0.5}]}]
    assert shown["given"] == str(GIVEN)
    json.dumps(shown)


def test_where_nothing_was_drafted_all_problems_count(tmp_path: Path) -> None:
    for group in whole_run()[:2]:
        write(tmp_path / f"{group[0].problem_id}.jsonl", group[3:])
    os.mkfifo(tmp_path / "pipe.jsonl")  # nobody writes to it
    run = read_run(find_files([str(tmp_path)]))
    assert [group[0].problem_id for group in run.groups] == ["p-broken", "p-fixed"]


def test_a_folder_shows_what_eval_has_read(tmp_path: Path) -> None:
    write(tmp_path / "scored.jsonl", [each for group in whole_run() for each in group])
    write(tmp_path / "samples.jsonl", refined("p-train", "6", "6", "6", best="draft")[3:])
    made = {"command": "eval", "started": "2026", "records_out": 1, "generated_tokens": 0}
    made |= {"version": "0.1.0", "arguments": {}, "seconds": 1.0}
    made["parents"] = [{"name": "elsewhere/scored.jsonl"}]
    (tmp_path / "results.json.manifest.json").write_text(json.dumps(made))
    found = find_files([str(tmp_path)])
    assert found.solutions == [str(tmp_path / "scored.jsonl")]
    assert not found.only_drafted


def test_where_there_are_no_solutions_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no solutions"):
        find_files([str(tmp_path)])
    with pytest.raises(UsageError, match=r"none\.jsonl"):
        find_files([str(tmp_path / "none.jsonl")])


def test_an_oracle_needs_no_labels(tmp_path: Path) -> None:
    problem = next(iter(generate("test", 0)))
    steps = problem.reference or ()
    right = made(problem, "draft", steps, problem.answer, scores={"sorm": (0.9,) * len(steps)})
    wrong = made(problem, "global", ("1 + 1 = 3", "#### 3"), "3", scores={"sorm": (0.4, 0.6)})
    write(tmp_path / "s.jsonl", [right, wrong])
    run = read_run(find_files([str(tmp_path)]))
    tally = run.tallies["sorm", "oracle"]
    assert [*tally.labels] == [1] * len(steps) + [0, 0]
    (shown,) = run_shown(run, max_samples=0)["problems"]
    assert [each["exact"] for each in shown["solutions"]] == [[1] * len(steps), [0, 0]]


def write(path: Path, solutions: list[Solution]) -> None:
    write_jsonl(path, [to_json(each) for each in solutions])
