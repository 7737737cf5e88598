"""Chats to train on: a solution, or a refiner's better one, as the answer to what it was asked.

    {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}

The question is asked as sormctl asks a chat model, so a student or a refiner that any trainer makes
of the rows is used on the text it was trained on.
"""

from __future__ import annotations

from sormctl.formats.base import DataFormat, Exporting
from sormctl.formats.chats import ASKING, answered, turns_of
from sormctl.records import Json, Pair, Solution
from sormctl.targets import may_be_learned
from sormctl.tasks.prompts import draft_prompt, refine_prompt
from sormctl.tasks.registry import get_task


def write(solution: Solution, how: Exporting) -> Json | None:
    """The chat of a solution that may be learned; None for another."""
    if not may_be_learned(solution) or not solution.steps:
        return None
    prompt = draft_prompt(get_task(solution.task), solution.question, how.asking)
    return {"messages": [*turns_of(prompt), answered(solution.text)]}


def write_pair(pair: Pair, how: Exporting) -> Json:
    """The chat in which a draft becomes the better solution."""
    task = get_task(pair.task)
    prompt = refine_prompt(task, pair.question, pair.draft, pair.first_error, how.asking)
    return {"messages": [*turns_of(prompt), answered("\n".join(pair.target))]}


FORMAT = DataFormat(
    "messages",
    write=write,
    write_pair=write_pair,
    write_options=ASKING,
    left_out="not known to be correct, or cut off",
)
