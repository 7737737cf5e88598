"""SVAMP (Patel et al., 2021): one- and two-step word problems, with no worked solutions.

The published file holds 1,000 problems and no split. In a folder its first 700 are `train` and its
last 300 `test`; the hub has a split of the same sizes, but of other problems. A problem has the id
of its published row either way (`svamp-chal-1`), so that the two are never taken for one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sormctl.errors import RecordError
from sormctl.records import Problem
from sormctl.tasks import worked
from sormctl.tasks.answers import NUMERIC
from sormctl.tasks.base import Hub, Task


def parse(row: Mapping[str, Any], split: str, index: int) -> Problem:
    """A problem from a published row: `ID`, `Body`, `Question`, `Answer` (51.0 is "51")."""
    missing = [name for name in ("ID", "Body", "Question", "Answer") if name not in row]
    if missing:
        raise RecordError(f"no row of SVAMP: no `{missing[0]}`; it has {list(row)}")
    answer = NUMERIC.read([str(row["Answer"])])
    if answer is None:
        raise RecordError(f"`Answer` is no number: {row['Answer']!r}")
    question = join_question(str(row["Body"]), str(row["Question"]))
    return Problem(task="svamp", problem_id=f"svamp-{row['ID']}", question=question, answer=answer)


def join_question(body: str, question: str) -> str:
    """Body and question as sentences; a body that ends with a condition continues in a comma.

    "… If it costs 76 dollars" and "How much is left?" give "… If it costs 76 dollars, how much is
    left?"; the published rows leave out that comma, and the full stop of some other bodies.
    """
    body, question = body.strip(), question.strip()
    if body.endswith((".", "?", "!", ",")):
        return f"{body} {question}"
    if body.rpartition(". ")[2].startswith("If "):
        return f"{body}, {question[:1].lower()}{question[1:]}"
    return f"{body}. {question}"


TASK = Task(
    name="svamp",
    answer=NUMERIC,
    examples=(worked.MARBLES, worked.BOOKS, worked.TAXI, worked.CLASS, worked.BAKER),
    parse=parse,
    files={"train": "svamp/SVAMP.json[:700]", "test": "svamp/SVAMP.json[700:]"},
    hub=Hub("ChilleD/SVAMP", None, {"train": "train", "test": "test"}),
)
