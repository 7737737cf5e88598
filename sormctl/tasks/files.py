"""A user's own rows as a benchmark: one generic task for each kind of answer.

`layouts` says which fields are tried for what. A row may have a worked solution (`reference`,
`solution` or `rationale`: a list of steps, or a text of lines). Where there is no answer, the one
that the worked solution announces (`#### 72`, `\\boxed{72}`) is taken. All other fields are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from sormctl.asking import WorkedExample
from sormctl.errors import RecordError
from sormctl.records import Problem, Solution
from sormctl.tasks import worked
from sormctl.tasks.answers import CHOICE, EXACT, MATH, NUMERIC, AnswerKind, reference_answer
from sormctl.tasks.answers.announcing import announced
from sormctl.tasks.answers.kinds import MAX_WORDS, short
from sormctl.tasks.answers.texts import fold
from sormctl.tasks.base import Task
from sormctl.tasks.fields import Fields, RowFields, about, text_of
from sormctl.tasks.layouts import (
    IDENTITY,
    REFERENCE,
    answer_in,
    answer_names,
    choices_of,
    question_of,
    refuse_unread_choices,
)
from sormctl.tasks.lettering import (
    Options,
    checked,
    letter_for,
    none_of,
    options_standing_in,
    with_options,
)
from sormctl.tasks.steps import split_annotated

PUBLISHED = Fields()
_OURS = frozenset(Solution.__struct_fields__)


def parse(
    kind: AnswerKind, data: Mapping[str, Any], split: str, index: int, fields: Fields = PUBLISHED
) -> Problem:
    """A problem from a user's row; RecordError names the fields that were found if none fits.

    `split` names the file; with `index` it makes the id of a row that has none of its own.
    """
    row = RowFields(data)
    question, options = question_and_options(kind, row, fields)
    stated, value = _stated(row, kind, fields)
    worked = row.find(REFERENCE)
    is_worked = worked is not None and row.named(stated) == worked
    with about(stated):
        answer = _answer(kind, value, question, options, is_worked)
    if fields.answer_field is None:
        read = partial(_answer, kind, question=question, options=options, worked=False)
        _refuse_another(row, kind, stated, answer, read)
    return Problem(
        task=kind.name,
        problem_id=_identity(row, fields) or f"{split}-{index}",
        question=question,
        answer=answer,
        reference=_reference(row, worked, value),
        extra=kept_fields(row.unused()),
    )


def question_and_options(
    kind: AnswerKind, row: RowFields, fields: Fields
) -> tuple[str, Options | None]:
    """The question of a row, with its options in it where it is a choice, and these options.

    RecordError for options that another kind of answer has no use for.
    """
    options = choices_of(row, fields) if kind is CHOICE else None
    if kind is not CHOICE and fields.question is None:
        refuse_unread_choices(row)
    question = question_of(row, fields)
    if options:
        return with_options(question, options), options
    return question, options_standing_in(question) if kind is CHOICE else None


def worked_example(data: Mapping[str, Any]) -> WorkedExample:
    """A row with a worked solution as an example for few-shot prompts, in the row's own words."""
    row = RowFields(data)
    question = question_of(row, PUBLISHED)
    if options := choices_of(row, PUBLISHED):
        question = with_options(question, options)
    names = answer_names(row, of_a_choice=False)
    solved = row.require(("steps", *REFERENCE, *names), "worked solution", "`solution`")
    with about(solved):
        value = row.use(solved)
        lines = [text_of(line) for line in (value if isinstance(value, list) else [value])]
    stated = row.find(names)
    if stated in (None, solved) or any(announced(lines)):
        return WorkedExample(question, "\n".join(lines))
    value = answer_in(row, stated)
    with about(stated):
        return WorkedExample(question, "\n".join(lines), text_of(value))


def _stated(row: RowFields, kind: AnswerKind, fields: Fields) -> tuple[str, Any]:
    """The field of the answer, or of the worked solution that announces it, and its value."""
    if fields.answer_field is not None:
        return fields.answer_field, row.at(fields.answer_field, "--answer-field")
    names = answer_names(row, of_a_choice=kind is CHOICE)
    name = row.require((*names, *REFERENCE), "answer", "--answer-field")
    return name, answer_in(row, name)


def _refuse_another(
    row: RowFields, kind: AnswerKind, stated: str, answer: str, read: Callable[[Any], str]
) -> None:
    """Refuses a row with another field that states another answer; what states none will do."""
    for name in row.filled(answer_names(row, of_a_choice=kind is CHOICE)):
        try:
            other = answer if name == stated else read(row[name])
        except RecordError:
            continue
        if not kind.equal(answer, other):
            raise RecordError(
                f"`{stated}` states {short(answer)}, but `{name}` {short(other)}; "
                f"name the one that is right: --answer-field {stated}, or {name}"
            )


def _answer(
    kind: AnswerKind, value: Any, question: str, options: Options | None, worked: bool
) -> str:
    letter = letter_for(value, options) if options and not worked else None
    if letter:
        return letter
    text = _answer_text(kind, value, worked)
    if not text:
        raise RecordError("is empty")
    try:
        answer = reference_answer(kind, text, question, worked=worked and len(text.split()) > 1)
    except RecordError:
        if options and len(text.split()) <= MAX_WORDS:
            raise RecordError(none_of(options, text)) from None
        raise
    return checked(answer, options) if options else answer


def _answer_text(kind: AnswerKind, value: Any, worked: bool) -> str:
    """The text of an answer, or all of several; or the lines of a worked solution.

    True and false are the texts of Python where answers are texts, as tables write them.
    Several texts are several answers that will do, of which a problem has one: RecordError.
    """
    if isinstance(value, bool) and kind in (EXACT, MATH):
        return str(value)
    items = value if isinstance(value, list) else [value]
    lines = [line for item in items for line in split_annotated(text_of(item))]
    if worked or not isinstance(value, list):
        return "\n".join(lines)
    if all(isinstance(item, str) for item in items) and len({*map(fold, items)}) == 1:
        return _answer_text(kind, items[0], worked)
    if kind is EXACT and len(items) > 1:
        raise RecordError(f"holds {len(items)} texts; a problem has one answer: keep one")
    return ", ".join(lines)


def _steps(value: Any) -> list[str]:
    if not isinstance(value, list):
        return split_annotated(text_of(value))
    if not all(isinstance(line, str) for line in value):
        raise RecordError("must be a text or a list of steps")
    return [step for line in value for step in split_annotated(line)]


def _identity(row: RowFields, fields: Fields) -> str | None:
    name = fields.id_field or row.find(IDENTITY)
    if name is None:
        return None
    with about(name):
        return text_of(row.at(name, "--id-field"))


def _reference(row: RowFields, worked: str | None, answer: Any) -> tuple[str, ...] | None:
    """The worked solution; GSM8K and its like keep it in the answer, before `####`."""
    if worked is not None:
        with about(worked):
            return tuple(_steps(row.use(worked))) or None
    lines = _steps(answer) if isinstance(answer, str) else []
    return tuple(lines) if len(lines) > 1 and any(announced(lines)) else None


def kept_fields(unused: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a row that were not used; one with a name of ours is kept as `row_NAME`."""
    return {f"row_{n}" if n in _OURS else n: value for n, value in unused.items()}


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
