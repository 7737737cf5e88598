"""PRMBench (Song et al., 2025): solutions into which errors were put, step by step.

    {"idx": "…", "classification": "circular", "modified_question": "…",
     "modified_process": ["1. …", "2. …"], "error_steps": [2, 3], "reason": "…", …}

Steps are counted from 1; `modified_process` is what is judged. As in the scripts of PRMBench a
number of no step counts for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from sormctl.errors import RecordError
from sormctl.formats.base import DataFormat, Importing
from sormctl.formats.numbering import unnumbered
from sormctl.formats.solutions import asked, labelled
from sormctl.formats.values import field, texts, whole
from sormctl.records import Json, Solution
from sormctl.tasks.fields import about, text_of


def read(row: Json, how: Importing) -> Iterator[Solution]:
    """The modified solution of a row, its steps without their numbers."""
    name = "modified_question" if row.get("modified_question") else "question"
    question, kind = field(row, name, str), row.get("classification")
    wrong = [whole(number) for number in field(row, "error_steps", list)]
    if any(type(number) is not int for number in wrong):
        raise RecordError("`error_steps` must hold the numbers of steps, from 1")
    steps = texts(row, "modified_process")
    problem = asked(how, question, _answer(row, question))
    own_id = f"{kind}_{row['idx']}" if kind and row.get("idx") is not None else None
    yield labelled(
        problem,
        [unnumbered(step, number) for number, step in enumerate(steps, 1)],
        [int(number not in wrong) for number in range(1, len(steps) + 1)],
        kind="prmbench",
        row=row,
        solution_id=own_id,
        source={"classification": kind},
    )


def _answer(row: Json, question: str) -> str | None:
    """The reference answer, where the question was left as it was."""
    value = row.get("ground_truth")
    if value is None or question != row.get("original_question"):
        return None
    with about("ground_truth"):
        return text_of(value)


FORMAT = DataFormat("prmbench", read)
