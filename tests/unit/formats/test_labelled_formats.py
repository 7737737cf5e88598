"""Rows of step labels: relatives of one layout, and rows that do not fit."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from sormctl.errors import RecordError, UsageError
from sormctl.formats import math_shepherd, prmbench, rlhflow, stepwise
from sormctl.formats.base import DataFormat, Exporting, Importing, Neutral, heeded
from sormctl.formats.known_problems import KnownProblems
from sormctl.records import Json, Problem, Solution
from sormctl.tasks.registry import get_task

FORMATS = {m.FORMAT.name: m.FORMAT for m in (math_shepherd, prmbench, rlhflow, stepwise)}


def only(format: DataFormat, row: Json, **how: Any) -> Solution:
    assert format.read
    (solution,) = format.read(row, Importing(get_task("math"), **how))
    return solution


# ── stepwise ─────────────────────────────────────────────────────────────────────────────────────

ROW: Json = {"prompt": "q", "completions": ["a", "b"], "labels": [True, False]}


@pytest.mark.parametrize(
    ("row", "how"),
    [
        ({"question": "q", "steps": ["a", "b"], "scores": [0.75, 0.25]}, {}),
        ({"question": "q", "steps": ["a", "b"], "scores": [0.75, 0.25]}, {"threshold": 0.75}),
        (
            {"question": "q", "steps": [{"text": "a", "label": "+"}, {"text": "b", "label": "-"}]},
            {},
        ),
        ({"src": ["q"], "tgt": [], "responses": ["a", "b"], "labels": ["+", "-"]}, {}),
        ({"Prompt": "q", "completions": "['a', 'b']", "labels": "[1, 0]"}, {}),
        ({"Prompt": "q", "completions": ["a", "b"], "labels": ["True", "False"]}, {}),
        ({"Prompt": "q", "completions": ["a", "b"], "labels": ["1", "0"]}, {}),
        ({"prompt": "q", "completions": '["a", "b"]', "labels": "[true, false]"}, {}),
        (
            {"x": "q", "parts": ["a", "b"], "ok": [1, 0]},
            {"question": "x", "steps_field": "parts", "labels_field": "ok"},
        ),
        ({"prompt": [{"role": "user", "content": "q"}], **{k: ROW[k] for k in list(ROW)[1:]}}, {}),
    ],
)
def test_relatives_of_stepwise(row: Json, how: dict[str, Any]) -> None:
    made = only(stepwise.FORMAT, row, **how)
    assert (made.question, made.steps, made.labels) == ("q", ("a", "b"), (1, 0))


def test_of_a_solution_that_is_right_to_its_end_the_answer_need_not_be_announced() -> None:
    row = {"prompt": "2 + 3 * 4?", "completions": ["3 * 4 = 12", "2 + 12 = 14"], "answer": "14"}
    whole = only(stepwise.FORMAT, {**row, "labels": [True, True]})
    assert (whole.predicted, whole.correct) == ("14", True)
    until_an_error = only(stepwise.FORMAT, {**row, "labels": [True, False]})
    assert (until_an_error.predicted, until_an_error.correct) == (None, False)


@pytest.mark.parametrize(("neutral", "label"), [*zip(Neutral, (1, 0, None), strict=True)])
def test_ratings_of_stepwise(neutral: Neutral, label: int | None) -> None:
    row = {"prompt": "q", "steps": ["a", "b", "c"], "ratings": [0, -1.0, None]}
    made = only(stepwise.FORMAT, row, neutral=neutral)
    assert made.labels == (label, 0, None)
    assert made.extra == {"ratings": [0, -1, None]}


def test_labels_that_are_not_soft_have_no_threshold() -> None:
    assert only(stepwise.FORMAT, ROW, threshold=0.0).labels == (1, 0)


def test_soft_labels_that_are_not_all_known_are_hard_ones() -> None:
    """As a column of true, false and null comes out of pandas."""
    made = only(stepwise.FORMAT, {**ROW, "labels": [1.0, None]})
    assert (made.labels, made.scores) == ((1, None), {})


def test_the_answer_of_a_row() -> None:
    row = {**ROW, "completions": ["2 + 2", "The answer is 4."], "answer": 4, "n": "p3"}
    made = only(stepwise.FORMAT, row, id_field="n")
    assert (made.problem_id, made.answer, made.predicted, made.correct) == ("p3", "4", "4", True)
    named = only(stepwise.FORMAT, {**row, "gold": {"value": "5"}}, answer_field="gold.value")
    assert (named.answer, named.correct) == ("5", False)
    assert only(stepwise.FORMAT, {**row, "answer": "2 + 2 = 4\n#### 4"}).answer == "4"


# ── the others ───────────────────────────────────────────────────────────────────────────────────

SHEPHERD = {"input": "q? Step 1: a ки\nStep 2: b ки", "label": "q? Step 1: a +\nStep 2: b -"}


def test_openr_keeps_the_parts_of_math_shepherd_apart() -> None:
    row = {
        "question": "q",
        "process": "Step 1: a\n\n\n\n\nStep 2: b\n\n\n\n\n",
        "label": ["+", "-"],
    }
    made = only(math_shepherd.FORMAT, row, step_tag="\n\n\n\n\n")
    assert (made.question, made.steps, made.labels) == ("q", ("a", "b"), (1, 0))
    assert made.correct is False


@pytest.mark.parametrize("labels", [[1, 0], ["+", "-"], [True, False], "[1, 0]", [1.0, 0.0]])
def test_openr_also_numbers_its_labels(labels: Any) -> None:
    row = {"question": "q", "process": "Step 1: a ки\nStep 2: b ки", "labels": labels}
    made = only(math_shepherd.FORMAT, row)
    assert (made.steps, made.labels, made.extra) == (("a", "b"), (1, 0), {})


def test_the_task_of_math_shepherd_is_kept() -> None:
    made = only(math_shepherd.FORMAT, {**SHEPHERD, "task": "GSM8K"})
    assert math_shepherd.write(made, Exporting()) == {**SHEPHERD, "task": "GSM8K"}


def test_a_first_turn_without_a_number_is_parted_by_the_problem() -> None:
    known = Problem(task="exact", problem_id="p", question="3 + 4?", answer="7")
    turns = [{"role": "user", "content": "3 + 4?\n\nIt is 7."}, CONVERSATION[1]]
    made = only(rlhflow.FORMAT, {"conversations": turns}, problems=KnownProblems([known]))
    assert (made.problem_id, made.steps, made.labels) == ("p", ("It is 7.",), (1,))


def test_prmbench_numbers_that_are_no_steps_count_for_nothing() -> None:
    """As in its own scripts."""
    row = {"question": "q", "modified_process": ["1. a", "2. b"], "error_steps": [0, 2.0, 3]}
    made = only(prmbench.FORMAT, row)
    assert (made.steps, made.labels) == (("a", "b"), (1, 0))


CONVERSATION = [{"role": "user", "content": "q Step 1: a"}, {"role": "assistant", "content": "+"}]
BAD = [
    ("stepwise", {"completions": [], "labels": []}, "no prompt; name its field by --question"),
    ("stepwise", {"prompt": "q", "labels": []}, "no steps; name its field by --steps-field"),
    ("stepwise", {"prompt": "q", "steps": ["a"]}, "no labels; name its field by --labels-field"),
    ("stepwise", {**ROW, "labels": [True]}, "`labels` has 1 entries for 2 steps"),
    ("stepwise", {**ROW, "labels": [1, -1]}, r"`labels\[1\]` is -1; name the field `ratings`"),
    ("stepwise", {**ROW, "labels": [1, 2]}, r"`labels\[1\]` must be true, false, \+ or -, or"),
    ("stepwise", {**ROW, "labels": [1, "x"]}, r"`labels\[1\]` must be"),
    ("stepwise", {**ROW, "labels": [1, [0]]}, r"`labels\[1\]` must be"),
    ("stepwise", {**ROW, "labels": "yes"}, "`labels` must be a list"),
    ("stepwise", {**ROW, "completions": "a"}, "`completions` must be a list"),
    ("stepwise", {**ROW, "completions": [1, 2]}, "`completions` must hold texts"),
    ("stepwise", {**ROW, "prompt": 3}, "`prompt` must be a text"),
    ("stepwise", {"prompt": "q", "steps": [{"step": "a"}]}, "no label of steps; name its field by"),
    ("math-shepherd", {"input": "q", "label": "q"}, "`input` has no tag 'ки'"),
    ("math-shepherd", {**SHEPHERD, "label": "q"}, r"`label\[13\]` must be \+ or -"),
    ("math-shepherd", {"input": "q a ки", "label": "q a +"}, "neither `Step 1:` nor ?"),
    ("math-shepherd", {"question": "q", "process": "a", "label": ["+"]}, "`process` has 0 steps"),
    (
        "math-shepherd",
        {"question": "q", "process": "a ки", "labels": [0.5]},
        r"`labels\[0\]` must be \+ or -, or 1 or 0",
    ),
    ("rlhflow", {"conversations": []}, "a turn of the assistant after each step"),
    ("rlhflow", {"conversations": CONVERSATION[:1]}, "a turn of the assistant after each step"),
    ("rlhflow", {"conversations": CONVERSATION[::-1]}, r"`conversations\[0\]` must be a turn of"),
    (
        "rlhflow",
        {"conversations": [CONVERSATION[0], {"role": "assistant", "content": "ok"}]},
        r"`conversations\[1\].content` must be \+ or -",
    ),
    (
        "rlhflow",
        {"conversations": [{"role": "user", "content": "q"}, CONVERSATION[1]]},
        r"`conversations\[0\].content` has no `Step 1:`",
    ),
    (
        "prmbench",
        {"question": "q", "modified_process": ["a"], "error_steps": ["one"]},
        "`error_steps` must hold the numbers of steps",
    ),
    ("prmbench", {"question": "q", "error_steps": []}, "no `modified_process`"),
]


@pytest.mark.parametrize(("name", "row", "message"), BAD)
def test_a_row_that_does_not_fit(name: str, row: Json, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        only(FORMATS[name], row)


@pytest.mark.parametrize("format", [math_shepherd.FORMAT, rlhflow.FORMAT], ids=lambda f: f.name)
def test_a_question_that_looks_like_a_step_is_refused(format: DataFormat) -> None:
    made = only(stepwise.FORMAT, {**ROW, "prompt": "Judge this. Step 1: add."})
    assert format.write
    with pytest.raises(RecordError, match="`question` holds `Step 1:`"):
        format.write(made, Exporting())


def test_a_tag_within_a_step_is_refused() -> None:
    made = replace(only(stepwise.FORMAT, ROW), steps=("a", "руки"))
    with pytest.raises(RecordError, match="holds the tag 'ки'; give another --step-tag"):
        math_shepherd.write(made, Exporting())
    assert "руки <s>" in math_shepherd.write(made, Exporting(step_tag="<s>"))["input"]


def test_an_option_of_another_format_is_refused() -> None:
    with pytest.raises(UsageError, match="--step-tag is not for format stepwise"):
        heeded("stepwise", stepwise.FORMAT.read_options, {"step_tag": "x", "neutral": None})
