"""A user's own JSONL file as a benchmark: one generic task for each kind of answer.

A row needs a question (`question`, `problem`, `prompt` or `input`) and an answer (`answer`,
`target` or `final_answer`); it may have an `id` and a worked solution (`reference`, `solution` or
`rationale`: a list of steps, or a text of lines). Where there is no answer, the one that the
worked solution announces (`#### 72`, `\\boxed{72}`) is taken. All other fields are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from sormctl.asking import WorkedExample
from sormctl.errors import RecordError
from sormctl.records import Problem, Solution
from sormctl.tasks import worked
from sormctl.tasks.announcing import announced
from sormctl.tasks.answers import CHOICE, EXACT, MATH, NUMERIC, AnswerKind, reference_answer
from sormctl.tasks.base import Task
from sormctl.tasks.steps import split_annotated

QUESTION = ("question", "problem", "prompt", "input")
ANSWER = ("answer", "target", "final_answer")
IDENTITY = ("problem_id", "id", "ID")
REFERENCE = ("reference", "solution", "rationale")
_OURS = frozenset(Solution.__struct_fields__)


def parse(kind: AnswerKind, row: Mapping[str, Any], split: str, index: int) -> Problem:
    """A problem from a user's row; RecordError names the fields that were found if none fits.

    `split` names the file; with `index` it makes the id of a row that has none of its own.
    """
    question = _text(row, _field(row, QUESTION, "question"))
    stated = _field(row, (*ANSWER, *REFERENCE), "answer")
    lines = _lines(row, stated)
    several = isinstance(row[stated], list) and stated in ANSWER
    text = (", " if several else "\n").join(lines)
    try:
        answer = reference_answer(kind, text, question, worked=stated in REFERENCE)
    except RecordError as error:
        raise RecordError(f"`{stated}` {error}") from error
    identity = _found(row, IDENTITY)
    return Problem(
        task=kind.name,
        problem_id=_text(row, identity) if identity else f"{split}-{index}",
        question=question,
        answer=answer,
        reference=_reference(row, lines),
        extra=_others(row),
    )


def worked_example(row: Mapping[str, Any]) -> WorkedExample:
    """A row with a worked solution as an example for few-shot prompts, in the row's own words."""
    question = _text(row, _field(row, QUESTION, "question"))
    solved = _field(row, ("steps", *REFERENCE, *ANSWER), "worked solution")
    lines = row[solved] if isinstance(row[solved], list) else [_text(row, solved)]
    return WorkedExample(question, "\n".join(map(str, lines)))


def _found(row: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((name for name in names if row.get(name) is not None), None)


def _field(row: Mapping[str, Any], names: tuple[str, ...], what: str) -> str:
    name = _found(row, names)
    if name is None:
        raise RecordError(f"no {what}; name it one of {', '.join(names)} (it has {list(row)})")
    return name


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row[name]
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise RecordError(f"`{name}` must be text or a number, not {type(value).__name__}")
    if not str(value).strip():
        raise RecordError(f"`{name}` is empty")
    return str(value).strip()


def _lines(row: Mapping[str, Any], name: str) -> list[str]:
    if not isinstance(row[name], list):
        return split_annotated(_text(row, name))
    if not all(isinstance(line, str) for line in row[name]):
        raise RecordError(f"`{name}` must be a text or a list of steps")
    return [step for line in row[name] for step in split_annotated(line)]


def _reference(row: Mapping[str, Any], answer_lines: list[str]) -> tuple[str, ...] | None:
    """The worked solution; GSM8K and its like keep it in the answer, before `####`."""
    name = _found(row, REFERENCE)
    if name is not None:
        return tuple(_lines(row, name)) or None
    return tuple(answer_lines) if len(answer_lines) > 1 and any(announced(answer_lines)) else None


def _others(row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that were not used; one with a name of ours is kept as `row_NAME`."""
    used = {_found(row, names) for names in (QUESTION, ANSWER, IDENTITY, REFERENCE)}
    rest = {name: value for name, value in row.items() if name not in used}
    return {f"row_{name}" if name in _OURS else name: value for name, value in rest.items()}


def _task(kind: AnswerKind, examples: tuple[WorkedExample, ...]) -> Task:
    return Task(
        kind.name, kind, examples=examples, split=split_annotated, parse=partial(parse, kind)
    )


NUMERIC_TASK = _task(NUMERIC, worked.NUMERIC)
MATH_TASK = _task(MATH, worked.MATH)
EXACT_TASK = _task(EXACT, worked.EXACT)
CHOICE_TASK = replace(
    _task(CHOICE, worked.CHOICE),
    instruction=(
        "Please reason step by step, and put the letter of the right choice within \\boxed{}."
    ),
)
