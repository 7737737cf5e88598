"""RLHFlow (Mistral-PRM-Data, Deepseek-PRM-Data): a chat in which a mark answers each step.

    {"conversations": [{"role": "user", "content": "Ann has 3 pears … Step 1: 3 + 4 = 7"},
                       {"role": "assistant", "content": "+"},
                       {"role": "user", "content": "Step 2: The answer is: 7"}, …]}

Any trainer of chat models makes a reward model of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sormctl.errors import RecordError
from sormctl.formats.base import DataFormat, Exporting, Importing
from sormctl.formats.labels import label_of_mark, mark_of
from sormctl.formats.numbering import FIRST, numbered, unnumbered, writable
from sormctl.formats.solutions import asked, labelled
from sormctl.formats.values import field
from sormctl.records import Json, Solution
from sormctl.tasks.files import kept_fields

CONVERSATIONS = "conversations"


def read(row: Json, how: Importing) -> Iterator[Solution]:
    """The solution of a conversation, its steps without their numbers."""
    turns = field(row, CONVERSATIONS, list)
    said, marks = (
        [_content(turns, i, role) for i in range(start, len(turns), 2)]
        for start, role in enumerate(("user", "assistant"))
    )
    if len(said) != len(marks) or not said:
        raise RecordError(f"`{CONVERSATIONS}` must hold a turn of the assistant after each step")
    question, first = _parted(said[0], how)
    problem, texts = asked(how, question), [first, *said[1:]]
    yield labelled(
        problem,
        [unnumbered(text, number) for number, text in enumerate(texts, 1)],
        [
            label_of_mark(mark, f"{CONVERSATIONS}[{2 * i + 1}].content")
            for i, mark in enumerate(marks)
        ],
        kind="rlhflow",
        row=row,
        extra=kept_fields({k: v for k, v in row.items() if k != CONVERSATIONS}),
    )


def write(solution: Solution, how: Exporting) -> Json:
    """The conversation of a solution, its steps numbered."""
    texts = [numbered(step, number) for number, step in enumerate(solution.steps, 1)]
    texts[0] = f"{writable(solution.question)} {texts[0]}"
    turns = [
        turn
        for text, label in zip(texts, solution.labels_given(), strict=True)
        for turn in (
            {"role": "user", "content": text},
            {"role": "assistant", "content": mark_of(label)},
        )
    ]
    return {CONVERSATIONS: turns}


def _parted(turn: str, how: Importing) -> tuple[str, str]:
    """The question and the first step, which share a turn."""
    if found := FIRST.search(turn):
        return turn[: found.start()].strip(), turn[found.start() :]
    known = how.problems.within(turn)
    if known is not None and turn.startswith(known.question):
        return known.question, turn.removeprefix(known.question)
    raise RecordError(
        f"`{CONVERSATIONS}[0].content` has no `Step 1:` between question and step; give the "
        "questions by --problems FILE"
    )


def _content(turns: list[Any], index: int, role: str) -> str:
    turn = turns[index]
    if not isinstance(turn, dict) or turn.get("role") != role:
        raise RecordError(f"`{CONVERSATIONS}[{index}]` must be a turn of the {role}")
    content = turn.get("content")
    if not isinstance(content, str):
        raise RecordError(f"`{CONVERSATIONS}[{index}].content` must be a text")
    return content


FORMAT = DataFormat(
    "rlhflow", read, write, labelled=True, left_out="without a label at the first step"
)
