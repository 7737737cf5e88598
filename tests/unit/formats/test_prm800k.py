"""Three rows by hand in the published format: phase 1, phase 2, a broken problem."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from sormctl.cli import app
from sormctl.errors import RecordError
from sormctl.formats.base import Importing, Neutral
from sormctl.formats.prm800k import read
from sormctl.records import Solution, parse_record, to_json
from sormctl.tasks.registry import get_task
from tests.golden.compare import FILES

FILE = FILES / "formats" / "prm800k.rows.jsonl"
FIRST, SECOND, BROKEN = map(json.loads, FILE.read_text().splitlines())


def solutions(row: dict[str, Any], neutral: Neutral = Neutral.correct) -> list[Solution]:
    return list(read(row, Importing(get_task("math"), neutral=neutral)))


def bare(made: list[Solution]) -> list[Solution]:
    """Without ids, which depend on all of the row."""
    return [replace(solution, solution_id="") for solution in made]


def ratings(solution: Solution) -> list[int | None]:
    return list(solution.extra["ratings"])


def test_the_path_that_was_followed() -> None:
    """The second step is a person's, who found the candidate wrong; the answer is announced."""
    followed = solutions(FIRST)[0]
    assert followed.steps == (
        "Multiplication comes first.",
        r"$3\cdot 4=12$.",
        "So it is $2+12=14$. #### 14",
    )
    assert (ratings(followed), followed.labels) == ([0, 1, 1], (1, 1, 1))
    assert (followed.predicted, followed.correct) == ("14", True)
    assert followed.task == "math"
    assert followed.source == {"kind": "prm800k", "finish": "solution"}


def test_other_candidates_end_their_solutions() -> None:
    """Each is one target; the candidate that was flagged and has no rating is none."""
    _, *others = solutions(FIRST)
    assert [(x.steps[-1], ratings(x), x.labels) for x in others] == [
        (r"$2+3=5$, so it is $5\cdot 4$.", [-1], (0,)),
        (r"$3\cdot 4=11$.", [None, -1], (None, 0)),
    ]
    assert not any(x.correct for x in others)
    assert len({x.solution_id for x in solutions(FIRST)}) == 3


def test_a_solution_that_ends_with_its_first_error() -> None:
    followed, other = solutions(SECOND)
    assert (followed.steps, ratings(followed)) == (("I subtract.", "$20-8=13$."), [1, -1])
    assert (other.steps, ratings(other)) == (("I subtract.", "$20-8=12$."), [None, 1])
    assert (followed.labels, other.labels) == ((1, 0), (None, 1))
    assert followed.predicted is None  # the last number of an unfinished solution is no answer


@pytest.mark.parametrize(("neutral", "label"), [*zip(Neutral, (1, 0, None), strict=True)])
def test_a_neutral_step_has_the_label_that_is_asked_for(
    neutral: Neutral, label: int | None
) -> None:
    assert solutions(FIRST, neutral)[0].labels == (label, 1, 1)
    assert ratings(solutions(FIRST, neutral)[0]) == [0, 1, 1]


def test_a_display_keeps_its_lines() -> None:
    text = "We have\n\\[\n\\begin{aligned}\nx &= 1 \\\\\ny &= 2\n\\end{aligned}\n\\]"
    step = {"completions": [{"text": f"{text}\n", "rating": 1}], "chosen_completion": 0}
    (only,) = solutions({**FIRST, "label": {"steps": [step]}})
    assert only.steps == (text,)


def test_a_broken_problem_has_no_solutions() -> None:
    assert solutions(BROKEN) == []


def test_records_read_back() -> None:
    for row in (FIRST, SECOND):
        for made in solutions(row):
            assert parse_record(json.loads(json.dumps(to_json(made))), Solution) == made


@pytest.mark.parametrize("without", [{"ground_truth_answer": None}, {}], ids=["null", "absent"])
def test_a_problem_without_a_reference_answer_is_imported(without: dict[str, Any]) -> None:
    """The screening questions of the published files have none; their steps are rated."""
    row = {**FIRST, "question": {"problem": FIRST["question"]["problem"], **without}}
    made = solutions(row)
    assert [ratings(x) for x in made] == [ratings(x) for x in solutions(FIRST)]
    assert made[0].predicted == "14"
    assert {(x.answer, x.correct) for x in made} == {(None, None)}


def test_whole_numbers_may_be_written_as_floats() -> None:
    """A file that went through pandas has them."""

    def floats(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: floats(item) for name, item in value.items()}
        if isinstance(value, list):
            return [floats(item) for item in value]
        return float(value) if type(value) is int else value

    for row in (FIRST, SECOND):
        assert bare(solutions(floats(row))) == bare(solutions(row))
        assert all(type(x) is not float for made in solutions(floats(row)) for x in ratings(made))


STEP = {"completions": [{"text": "a", "rating": 1}], "chosen_completion": 0}


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (7, "`label.steps` must hold objects"),
        ({**STEP, "chosen_completion": 0.5}, "`chosen_completion` is 0.5, but there are 1"),
        ({**STEP, "chosen_completion": 1}, "`chosen_completion` is 1, but there are 1"),
        ({**STEP, "chosen_completion": "a"}, "`chosen_completion` is 'a', but there are 1"),
        ({**STEP, "completions": [7]}, "`completions` must hold objects"),
        ({**STEP, "completions": [{"rating": 1}]}, "no `text`"),
        ({**STEP, "completions": [{"text": "a", "rating": 2}]}, "`rating` must be -1, 0, 1"),
    ],
)
def test_a_step_of_another_format_is_told(step: object, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        solutions({**FIRST, "label": {"steps": [step]}})


def test_steps_that_were_never_shown_end_the_solution() -> None:
    """It happens in the published files."""
    nothing = {"completions": None, "human_completion": None, "chosen_completion": None}
    (only,) = solutions({**FIRST, "label": {"steps": [STEP, nothing]}})
    assert only.steps == ("a",)
    assert solutions({**FIRST, "label": {"steps": [nothing]}}) == []


def sormctl(*arguments: str | Path, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["import", "prm800k", *map(str, arguments)], input=stdin)


def test_the_command_says_what_it_left_out() -> None:
    result = sormctl(FILE, "--neutral", "null")
    assert result.exit_code == 0
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [record["labels"] for record in records] == [
        [None, 1, 1],
        [0],
        [None, 0],
        [1, 0],
        [None, 1],
    ]
    assert "import: left out: 1 rows without a rated step, or of a" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "message"),
    [
        (("--task", "nope"), "", 2, "no task `nope`; known: chain"),
        ((), "{", 65, "<stdin>:1: not JSON"),
        ((), '{"question": {}}', 65, "<stdin>:1: no `label`"),
        ((), '{"question": {}, "label": {}}', 65, "<stdin>:1: no `problem`"),
    ],
)
def test_bad_input_is_one_line(
    arguments: tuple[str, ...], stdin: str, code: int, message: str
) -> None:
    result = sormctl(*arguments, stdin=stdin)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (code, "", 1)
    assert message in result.stderr


def test_solutions_of_a_long_row_are_not_all_in_memory() -> None:
    """Each has the steps before it: together they are as many as the square of the row."""
    completions = [{"text": "step", "rating": 1}, {"text": "other", "rating": -1}]
    step = {"completions": completions, "chosen_completion": 0}
    row = {**FIRST, "label": {**FIRST["label"], "steps": [step] * 300}}
    tracemalloc.start()
    try:
        count = sum(1 for _ in read(row, Importing(get_task("math"))))
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert count == 301
