"""GSM8K (Cobbe et al., 2021): grade-school word problems with worked solutions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sormctl.errors import RecordError
from sormctl.records import Problem
from sormctl.tasks import worked
from sormctl.tasks.answers import NUMERIC
from sormctl.tasks.base import Hub, Task
from sormctl.tasks.steps import split_annotated


def parse(row: Mapping[str, Any], split: str, index: int) -> Problem:
    """A problem from a published row: `question`, and `answer` with its steps and `#### 72`."""
    question, solution = (row.get(name) for name in ("question", "answer"))
    if not isinstance(question, str) or not isinstance(solution, str):
        raise RecordError(f"no row of GSM8K: `question` and `answer` are text; it has {list(row)}")
    reference = tuple(split_annotated(solution))
    answer = NUMERIC.read(reference)
    if "####" not in solution or answer is None:
        raise RecordError("`answer` has no `#### ` line with a number; use the published files")
    return Problem(
        task="gsm8k",
        problem_id=f"gsm8k-{split}-{index}",
        question=question.strip(),
        answer=answer,
        reference=reference,
    )


TASK = Task(
    name="gsm8k",
    answer=NUMERIC,
    examples=(worked.BAKER, worked.TAXI, worked.CLASS, worked.MARBLES, worked.BOOKS),
    split=split_annotated,
    parse=parse,
    files={"train": "gsm8k/train.jsonl", "test": "gsm8k/test.jsonl"},
    hub=Hub("openai/gsm8k", "main", {"train": "train", "test": "test"}),
)
