"""Completions of other tools, which become graded solutions.

Layouts are told apart by their fields: result lines of OpenAI batches (`custom_id`, `response`),
samples of lm-eval (`doc`, `resps`), logs of inspect-ai (`input`, `output.choices`), chats
(`messages`, `conversations`), and any row with a text or steps in a field, such as the outputs of
NeMo-Skills (`generation`). What the rows do not say of their problems is found in `--problems`: by
the question, or by a prompt that holds it; by id; or by place, where there is nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace as replaced
from typing import Any

from msgspec.structs import replace

from sormctl.errors import RecordError
from sormctl.formats.base import DataFormat, Importing
from sormctl.formats.responses import (
    CHAT,
    Responses,
    ResponseText,
    is_sample,
    of_batch,
    of_chat,
    of_evaluation,
    of_fields,
    of_sample,
    samples_of,
)
from sormctl.formats.solutions import asked
from sormctl.formats.values import listed, whole
from sormctl.formats.watching import verdict_in
from sormctl.records import Json, Problem, Solution, to_json
from sormctl.tasks import files
from sormctl.tasks.answers import CHOICE
from sormctl.tasks.fields import RowFields, about, text_of
from sormctl.tasks.layouts import IDENTITY, QUESTION, REFERENCE, answer_names

GOLD = ("gt", "gts", "gold", "golden", "ground_truth_answer", "target")  # not the model's answer
REWARD = "reward_model"  # of verl and its like, which hold `ground_truth`
OF_PROBLEM = tuple(name for name in IDENTITY if name != "id")
_NUMBER = re.compile(r"[-_/#:.]\d+\Z")  # behind the id, of one sample of several


def read(row: Json, how: Importing) -> Iterator[Solution]:
    """The graded solutions of a row; RecordError where nothing says what was asked."""
    samples = samples_of(row)
    if samples is None:
        yield from _read(row, how)
    for index, sample in enumerate(samples or ()):
        with about(f"samples[{index}]"):
            yield from _read(sample, how)


def _read(row: Json, how: Importing) -> Iterator[Solution]:
    found = _responses(row, how)
    if found is None or not found.said:
        return
    problem = _problem(found, how)
    for index, said in enumerate(found.said):
        verdict = verdict_in(problem.extra, index, len(found.said))
        yield how.grade({**to_json(problem), **_completion(said, found)}, verdict)


def _responses(row: Json, how: Importing) -> Responses | None:
    if how.text_field is None:
        if "custom_id" in row and row.keys() & {"response", "error"}:
            return of_batch(row)
        if isinstance(row.get("doc"), dict) and "resps" in row:
            return of_evaluation(row, how.filter)
        if is_sample(row):
            return of_sample(row)
        for name in CHAT:
            if isinstance(listed(row.get(name)), list):
                return of_chat(row, name)
    return of_fields(row, how.text_field)


def _completion(said: ResponseText, found: Responses) -> dict[str, Any]:
    source = {"kind": "sample", "model": found.model, "finish": said.finish}
    known = {name: value for name, value in source.items() if value is not None}
    more = {"thought": said.thought, "usage": _usage(found.usage or {})}
    text = {"text": said.text} if said.steps is None else {"steps": said.steps}
    return {**text, "source": known, **{k: v for k, v in more.items() if v}}


def _usage(usage: Json) -> dict[str, int]:
    details = usage.get("prompt_tokens_details")
    counts = {
        "prompt_tokens": usage.get("prompt_tokens", usage.get("input_tokens")),
        "cached_tokens": details.get("cached_tokens") if isinstance(details, dict) else None,
        "generated_tokens": usage.get("completion_tokens", usage.get("output_tokens")),
    }
    return {n: whole(count) for n, count in counts.items() if type(whole(count)) is int}


def _problem(found: Responses, how: Importing) -> Problem:
    """The user's problem, where they know it, else what the row says of it."""
    row = RowFields(found.about)
    own, name = _own_problem(row, found, how), found.name or _name(row, how, IDENTITY)
    stated = _name(row, how, OF_PROBLEM)  # an `id` may be that of the completion
    known = how.problems.asking(own.question) if own is not None else None
    if known is None and stated is not None:
        known = how.problems.named(stated)
    if known is None and own is not None:
        known = how.problems.within(own.question)
    if known is None and name is not None:
        known = how.problems.named(name) or how.problems.named(_NUMBER.sub("", name))
    if known is None and own is None and found.index is not None:
        known = how.problems.at(found.index)
    problem = own if known is None else known
    if problem is None:
        raise RecordError(_nothing_asked(name, how))
    told = {} if own is None else own.extra
    extra = {**_other_id(row, problem), **told, **problem.extra}
    return replace(problem, extra=extra)


def _other_id(row: RowFields, problem: Problem) -> Json:
    """The id of a row as a field, where it is not that of the problem."""
    name = row.find(IDENTITY)
    if name is None or str(row[name]) == problem.problem_id:
        return {}
    return files.kept_fields({name: row[name]})


def _own_problem(row: RowFields, found: Responses, how: Importing) -> Problem | None:
    """The problem that a row tells of, with its answer where it has one; None without a question.

    An `id` may be that of the completion: it is no id of a problem by itself.
    """
    if how.question is None and row.find(QUESTION) is None:
        if found.prompt is None:
            return None
        row = RowFields({"question": found.prompt, **found.about})
    kind, fields = how.task.answer, replaced(how.fields, answer_field=_answer_field(row, how))
    stated = (*answer_names(row, of_a_choice=kind is CHOICE), *REFERENCE)
    if fields.answer_field is not None or row.find(stated) is not None:
        problem = files.parse(kind, {name: row[name] for name in row}, "row", 0, fields)
    else:
        question, _ = files.question_and_options(kind, row, fields)
        ids = row.find(IDENTITY)
        extra = files.kept_fields({n: value for n, value in row.unused().items() if n != ids})
        problem = Problem(
            task=kind.name, problem_id="", question=question, answer=None, extra=extra
        )
    named = asked(how, problem.question, problem.answer, _name(row, how, OF_PROBLEM))
    return replace(problem, task=named.task, problem_id=named.problem_id)


def _answer_field(row: RowFields, how: Importing) -> str | None:
    """The field of the answer that the user names, or whose name can be no other's."""
    if how.answer_field is not None:
        return how.answer_field
    golden, reward = row.find(GOLD), row.find((REWARD,))
    if golden is not None and type(row[golden]) in (str, int, float):
        return golden
    rewarded = None if reward is None else row[reward]
    is_told = isinstance(rewarded, dict) and rewarded.get("ground_truth") is not None
    return f"{reward}.ground_truth" if is_told else None


def _name(row: RowFields, how: Importing, names: Sequence[str]) -> str | None:
    """The id that a row has in one of these fields, or where the user says."""
    name = how.id_field or row.find(names)
    if name is None:
        return None
    with about(name):
        return text_of(row.at(name, "--id-field"))


def _nothing_asked(name: str | None, how: Importing) -> str:
    if how.problems and name:
        return (
            f"no problem in --problems has the id `{name}`; the field of ids is named by --id-field"
        )
    return "no question; name its field by --question, or give --problems FILE"


FORMAT = DataFormat(
    "completions",
    read,
    read_options=frozenset(
        {
            "question",
            "answer_field",
            "id_field",
            "text_field",
            "filter",
            "steps",
            "think",
            "thought_begun",
        }
    ),
    left_out="of a failed request or another filter, or without a completion",
)
