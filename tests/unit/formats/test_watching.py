"""What an import tells at its end: verdicts of others, and thoughts that nobody has begun."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

from sormctl.cli import app
from sormctl.records import Json

QUESTION = {"question": "3 + 4?", "answer": "7"}
ENDED, CUT, PLAIN = "Add.</think>\n#### 7", "3 + 4 = 7", "#### 7"


def imported(rows: Sequence[Json], *argv: str) -> tuple[list[bool], str]:
    lines = b"".join(orjson.dumps({**QUESTION, **row}) + b"\n" for row in rows)
    argv = ("import", "completions", "--answer", "numeric", *argv)
    result: Result = CliRunner().invoke(app, argv, lines)
    assert result.exit_code == 0, result.stderr
    return [orjson.loads(line)["correct"] for line in result.stdout.splitlines()], result.stderr


def test_thoughts_that_the_prompt_may_have_begun_are_told() -> None:
    correct, told = imported([{"text": ENDED}, {"text": ENDED}, {"text": CUT}])
    assert correct == [True, True, True]
    assert "2 texts end a thought that they have not begun, and 1 have no </think>: " in told
    assert told.count("--thought-begun") == 1


def test_a_text_that_does_not_end_its_thought_was_cut_off_in_it() -> None:
    rows = [{"text": ENDED}, {"text": CUT}, {"text": PLAIN, "finish_reason": "length"}]
    apart = {"messages": [{"role": "assistant", "content": PLAIN, "reasoning_content": "Add."}]}
    said = {"text": PLAIN, "finish_reason": "stop"}  # it ends by announcing an answer
    correct, told = imported([*rows, apart, said], "--thought-begun")
    assert correct == [True, False, False, True, True]
    assert "--thought-begun" not in told


def test_nothing_is_told_of_thoughts_that_begin() -> None:
    for texts in (
        [f"<think>{ENDED}", PLAIN],
        [f"<Think>{ENDED}", PLAIN],
        [ENDED, ENDED],
        [PLAIN, CUT],
    ):
        assert "--thought-begun" not in imported([{"text": text} for text in texts])[1]


def test_other_tags_are_told_by_their_names() -> None:
    rows = [{"text": "Add.[/T]#### 7"}, {"text": PLAIN}]
    assert "1 have no [/T]: " in imported(rows, "--think", "[T],[/T]")[1]


def test_whether_the_rows_agree_with_our_grading() -> None:
    right, wrong = ({"text": text, "correct": True} for text in (PLAIN, "#### 8"))
    rows: list[Json] = [right, wrong, {"text": PLAIN}]
    assert imported(rows)[1].count("\n") == 3  # with the one on solutions of one step
    assert (
        "correct: 1 of 2 verdicts of the file agree with ours (row_correct keeps theirs)"
        in imported(rows)[1]
    )


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"text": PLAIN, "is_correct": 1}, "is_correct: 1 of 1 verdicts"),
        ({"text": PLAIN, "is_correct": "False"}, "is_correct: 0 of 1 verdicts"),
        ({"text": PLAIN, "is_correct": "1.0"}, "is_correct: 1 of 1 verdicts"),
        ({"text": PLAIN, "is_correct": "wrong"}, "is_correct: 0 of 1 verdicts"),
        ({"code": [PLAIN, "8"], "gt": "7", "score": [True, True]}, "score: 1 of 2 verdicts"),
        ({"text": PLAIN, "result": False}, "result: 0 of 1 verdicts"),
        ({"text": PLAIN, "symbolic_correct": True}, "symbolic_correct: 1 of 1 verdicts"),
    ],
)
def test_verdicts_by_their_names(fields: dict[str, Any], told: str) -> None:
    assert told in imported([fields])[1]


@pytest.mark.parametrize(
    "fields",
    [
        {"text": PLAIN, "is_correct": None},
        {"text": PLAIN, "score": 1},
        {"text": PLAIN, "score": 0.5},
        {"text": PLAIN, "result": "7"},
        {"outputs": [PLAIN, "8"], "correct": True},
        {"text": PLAIN, "correct": "perhaps"},
    ],
)
def test_what_is_no_verdict_on_a_solution(fields: dict[str, Any]) -> None:
    assert "agree" not in imported([fields])[1]


def test_the_option_that_is_right_is_no_verdict() -> None:
    row = {"question": "Which?", "choices": ["a", "b"], "correct": 1, "text": "\\boxed{B}"}
    result = CliRunner().invoke(
        app, ["import", "completions", "--answer", "choice"], orjson.dumps(row)
    )
    assert orjson.loads(result.stdout)["correct"] is True and "agree" not in result.stderr


def test_many_solutions_of_one_step_are_told() -> None:
    two = {"text": "3 + 4 = 7\n#### 7"}
    assert "have no second step" not in imported([two] * 4 + [{"text": PLAIN}])[1]
    told = imported([two, {"text": PLAIN}])[1]
    assert "1 of 2 solutions (50.0%) have no second step" in told


def test_tags_that_may_be_those_of_a_thought_are_told() -> None:
    rows = [{"text": "<thinking>\n3 + 4 = 8\n</thinking>\n#### 7"}] * 3
    assert "3 of 3 solutions (100.0%) begin in <thinking>…</thinking>" in imported(rows)[1]
    assert "begin in" not in imported(rows, "--think", "<thinking>,</thinking>")[1]
