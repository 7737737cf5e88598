"""Stepwise supervision as TRL has it, and its relatives: a prompt, steps, and a label of each.

    {"prompt": "…", "completions": ["3 + 4 = 7", "The answer is 7."], "labels": [true, false]}

Relatives name their fields otherwise, or keep each label with its step:
`{"problem": …, "steps": [{"step": …, "rating": -1}]}`. Labels are true and false, 0 and 1, `+` and
`-`, or soft ones from 0 to 1, which are kept as the scores `soft-labels`. Ratings -1, 0, 1 are read
where the field is named `rating` or `ratings`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sormctl.errors import RecordError
from sormctl.formats.base import DataFormat, Exporting, Importing
from sormctl.formats.labels import rating_label, rating_of, share_of
from sormctl.formats.solutions import asked, labelled
from sormctl.formats.values import listed
from sormctl.records import Json, Solution
from sormctl.targets import SOFT, soft_labels
from sormctl.tasks.answers import reference_answer
from sormctl.tasks.fields import RowFields, about, text_of
from sormctl.tasks.files import kept_fields
from sormctl.tasks.layouts import ANSWER, QUESTION, question_of

PROMPT = (*QUESTION, "inputs", "src")
STEPS = ("completions", "steps", "responses")
STEP = ("step", "text", "content", "completion")
LABELS = ("labels", "scores", "ratings", "label")
LABEL = ("label", "rating", "score")
_FIELDS = frozenset({"question", "steps_field", "labels_field", "answer_field", "id_field"})


def read(row: Json, how: Importing) -> Iterator[Solution]:
    """The solution of a row; RecordError names the fields that were found if none fits."""
    fields = RowFields(row)
    question = _question(fields, how)
    steps, name, values = _steps(fields, how)
    problem = asked(how, question, _answer(fields, question, how), _name(fields, how))
    labels, more = _labels(values, name, how)
    if len(labels) != len(steps):
        raise RecordError(f"`{name}` has {len(labels)} entries for {len(steps)} steps")
    yield labelled(
        problem,
        steps,
        labels,
        kind="stepwise",
        row=row,
        scores=more.pop("scores", {}),
        extra={**kept_fields(fields.unused()), **more},
    )


def write(solution: Solution, how: Exporting) -> Json:
    """Prompt, completions and labels: true and false, soft ones, or a reward model's scores."""
    labels: Sequence[Any] = [label == 1 for label in solution.labels_given()]
    if how.scores is not None:
        labels = solution.scores_of(how.scores)
    elif how.soft:
        labels = soft_labels(solution)
    return {"prompt": solution.question, "completions": solution.steps, "labels": labels}


def _question(fields: RowFields, how: Importing) -> str:
    if how.question is not None:
        return question_of(fields, how.fields)
    name = fields.require(PROMPT, "prompt", "--question")
    with about(name):
        return _said(fields.use(name))


def _said(value: Any) -> str:
    """The text of a prompt, also of one in a list, or of the last turn of a chat."""
    if isinstance(value, list) and value:
        value = value[-1]
    if isinstance(value, dict):
        value = value.get("content")
    if not isinstance(value, str):
        raise RecordError("must be a text")
    return value


def _steps(fields: RowFields, how: Importing) -> tuple[list[str], str, list[Any]]:
    """The steps, and the name and the values of their labels."""
    name = _named(fields, how.steps_field, STEPS, "steps", "--steps-field")
    with about(name):
        given = _list(fields.use(name))
    if given and all(isinstance(item, dict) for item in given):
        items = [RowFields(item) for item in given]
        step = items[0].require(STEP, "step", "--steps-field")
        inner = _named(items[0], how.labels_field, LABEL, "label of steps", "--labels-field")
        return [_text(item, step) for item in items], inner, [_value(i, inner) for i in items]
    if not all(isinstance(item, str) for item in given):
        raise RecordError(f"`{name}` must hold texts")
    labels = _named(fields, how.labels_field, LABELS, "labels", "--labels-field")
    with about(labels):
        return given, labels, _list(fields.use(labels))


def _named(
    fields: RowFields, given: str | None, names: tuple[str, ...], what: str, option: str
) -> str:
    return fields.require((given,) if given else names, what, option)


def _list(value: Any) -> list[Any]:
    found = listed(value)
    if not isinstance(found, list):
        raise RecordError("must be a list")
    return found


def _text(fields: RowFields, name: str) -> str:
    value = _value(fields, name)
    if not isinstance(value, str):
        raise RecordError(f"`{name}` of each step must be a text")
    return value


def _value(fields: RowFields, name: str) -> Any:
    found = fields.named(name)
    return None if found is None else fields[found]


def _labels(
    values: list[Any], name: str, how: Importing
) -> tuple[list[int | None], dict[str, Any]]:
    """The labels, and what else of them is kept: ratings, soft labels."""
    if name.lower() in ("rating", "ratings"):
        ratings = [rating_of(value) for value in values]
        return [rating_label(rating, how.neutral) for rating in ratings], {"ratings": ratings}
    shares = [share_of(value, f"{name}[{i}]") for i, value in enumerate(values)]
    labels = [int(x >= how.threshold) if isinstance(x, float) else x for x in shares]
    if None in shares or not any(isinstance(share, float) for share in shares):
        return labels, {}
    return labels, {"scores": {SOFT: tuple(float(share or 0) for share in shares)}}


def _answer(fields: RowFields, question: str, how: Importing) -> str | None:
    name = how.answer_field or fields.find(ANSWER)
    if name is None:
        return None
    with about(name):
        text = text_of(fields.at(name, "--answer-field"))
        return reference_answer(how.task.answer, text, question)


def _name(fields: RowFields, how: Importing) -> str | None:
    return None if how.id_field is None else text_of(fields.at(how.id_field, "--id-field"))


FORMAT = DataFormat(
    "stepwise",
    read,
    write,
    read_options=_FIELDS | {"neutral", "threshold"},
    write_options=frozenset({"soft", "scores"}),
    labelled=True,
    left_out="without a label at the first step",
)
