"""GSM8K rows, and all of the published ones."""

from __future__ import annotations

import json
import re

import pytest

from sormctl.errors import RecordError
from sormctl.problems import read_problems
from sormctl.records import Problem
from sormctl.tasks.gsm8k import TASK, parse
from tests.present import present
from tests.published import DATA, needs_data

ROW = {
    "question": " How many? ",
    "answer": "She sold 2160/2 = $<<2160/2=1080>>1,080.\n\n#### 1,080",
}


def test_a_row_becomes_a_problem() -> None:
    assert parse(ROW, "train", 7) == Problem(
        task="gsm8k",
        problem_id="gsm8k-train-7",
        question="How many?",
        answer="1080",
        reference=("She sold 2160/2 = $1,080.", "#### 1,080"),
    )


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"Body": "x"}, r"`question` and `answer` are text; it has \['Body'\]"),
        ({"question": "x", "answer": 5}, "no row of GSM8K"),
        ({"question": "x", "answer": "so it is 5"}, "no `#### ` line with a number"),
        ({"question": "x", "answer": "#### none"}, "no `#### ` line with a number"),
    ],
)
def test_another_row_is_refused(row: dict[str, object], message: str) -> None:
    with pytest.raises(RecordError, match=message):
        parse(row, "train", 0)


def test_model_output_loses_its_annotations_too() -> None:
    steps = TASK.split("48/2 = <<48/2=24>>24\n#### 24\n")
    assert steps == ["48/2 = 24", "#### 24"]
    assert TASK.is_correct(TASK.predict(steps), "24")


@needs_data
@pytest.mark.parametrize(("split", "count"), [("train", 7473), ("test", 1319)])
def test_every_published_problem_is_read_and_its_solution_is_correct(
    split: str, count: int
) -> None:
    problems = list(read_problems("gsm8k", split, data_dir=DATA))
    assert len({problem.problem_id for problem in problems}) == len(problems) == count
    for problem in problems:
        assert problem.reference
        assert "<<" not in "".join(problem.reference)
        assert TASK.is_correct(TASK.predict(problem.reference), problem.answer)
        assert TASK.predict([present(problem.answer)]) == problem.answer


@needs_data
def test_step_results_agree_with_the_published_annotations() -> None:
    """Where a step of the data set has both, the annotation and the result are the same number."""
    rows = annotated_steps()
    results = [(TASK.result(text), value) for text, value in rows]
    read = [(result, value) for result, value in results if result is not None]
    assert len(read) > 0.99 * len(results)
    assert all(TASK.answer.equal(result, value) for result, value in read)


def annotated_steps() -> list[tuple[str, str]]:
    """(step without annotations, what its last annotation says) of the training set."""
    pairs = []
    for line in (DATA / "gsm8k/train.jsonl").read_text().splitlines():
        for step in json.loads(line)["answer"].splitlines():
            values = re.findall(r"<<[^<>]*=([-\d.,]+)>>", step)
            if values and values[-1][-1].isdigit():
                pairs.append((TASK.split(step)[0], values[-1]))
    return pairs
