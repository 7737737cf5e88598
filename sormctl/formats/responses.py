"""Where completions stand in what servers and evaluation tools write.

Each function takes a row of its layout and gives what it holds; None where the row is to be left
out: a request that failed, the line of another filter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sormctl.errors import RecordError
from sormctl.formats.values import listed, whole
from sormctl.records import Json
from sormctl.tasks.fields import RowFields, is_blank
from sormctl.tasks.layouts import ANSWER, REFERENCE

TEXT = (
    "generation", "text", "completion", "response", "output", "generated_text", "model_output",
    "generations", "texts", "completions", "responses", "outputs", "samples", "model_outputs",
    "full_output", "output_str", "model_prediction", "generated",
)  # fmt: skip
BESIDE = {"code": ("gt",), "prediction": ("pred", "predicted_answer")}  # texts beside one of these
STEPS = ("steps", "reasoning_steps", "model_output_steps")  # of one completion each
LABELS = ("labels", "label", "ratings", "rating", "mistake_index")  # of steps: another format's row
CHAT = ("messages", "conversations", "conversation")
PROMPT = ("prompt", "input", *CHAT)
DEEPEST = 6  # levels of objects and lists in which a text may stand
HOLDERS = ("message", "content", "value", *TEXT)
SAMPLE = ("choices", "id", "epoch", "scores", "metadata")  # fields of inspect-ai that are kept
RIGHT, WRONG = "C", "I"  # its scores
THOUGHT = ("reasoning_content", "reasoning", "thinking")
FINISH = ("finish_reason", "stop_reason")
TOKENS = ("num_generated_tokens", "completion_tokens", "generated_tokens")
_USER, _MODEL = ("user", "human"), ("assistant", "gpt", "model")


@dataclass(frozen=True)
class ResponseText:
    """One completion: its text or its steps, a thought that stands apart, and how it ended."""

    text: str
    thought: str | None = None
    finish: str | None = None
    steps: Sequence[str] | None = None


@dataclass(frozen=True)
class Responses:
    """The completions of a row, and what it says of their problem.

    `about` are the fields in which question and answer stand; `prompt` is all that was asked,
    `name` an id, `index` the place of the problem among all. `usage` counts tokens in OpenAI's
    words, those of all completions together.
    """

    said: Sequence[ResponseText]
    about: Json
    prompt: str | None = None
    name: str | None = None
    index: int | None = None
    model: str | None = None
    usage: Json | None = None


def of_batch(row: Json) -> Responses | None:
    """A line of the output file of an OpenAI batch, which vLLM and others write alike."""
    response = _object(row.get("response"))
    body = _object(response.get("body"))
    if row.get("error") or whole(response.get("status_code", 200)) != 200 or not body:
        return None
    said = [_said(choice, "response.body") for choice in _choices(body)]
    return Responses(
        said,
        {},
        name=str(row["custom_id"]),
        model=_text_or_none(body.get("model")),
        usage=_object(body.get("usage")) if len(said) == 1 else None,
    )


def of_evaluation(row: Json, wanted: str | None) -> Responses | None:
    """A line of lm-eval's `--log_samples`: the samples of one problem, once for each filter."""
    name = row.get("filter", "none")
    if wanted is None and name != "none":
        raise RecordError(f"there is a line for each filter; choose one by --filter {name}")
    if wanted not in (None, name):
        return None
    texts = row["resps"]
    while isinstance(texts, list) and len(texts) == 1 and isinstance(texts[0], list):
        texts = texts[0]
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise RecordError("`resps` must hold texts; only tasks that generate have them")
    index = whole(row.get("doc_id"))
    about = _object(row["doc"])
    if RowFields(about).find((*ANSWER, *REFERENCE)) is None:
        about = {**about, "target": row.get("target")}
    return Responses(
        [*map(ResponseText, texts)], about, index=index if type(index) is int else None
    )


def samples_of(row: Json) -> list[Json] | None:
    """The samples of a log of inspect-ai; None where the row is no such log."""
    samples = row.get("samples")
    is_log = isinstance(samples, list) and samples and all(map(is_sample, samples))
    return samples if is_log else None


def is_sample(row: Any) -> bool:
    """Whether a row is a sample of inspect-ai, which has the model's whole output."""
    return "input" in _object(row) and "choices" in _object(_object(row).get("output"))


def of_sample(row: Json) -> Responses:
    """A sample of inspect-ai: one epoch of one problem, whose id it has.

    Of several targets any will do, and a problem has one answer: they are kept as `targets`.
    """
    output, asked, name = row["output"], row["input"], row.get("id")
    if isinstance(asked, list):
        asked = _said([turn for turn in asked if not _is_of_model(turn)][-1:], "input").text
    targets = row.get("target")
    targets = targets if isinstance(targets, list) else [targets]
    told = {"target": targets[0]} if len(targets) == 1 else {"targets": targets}
    kept = {name: row[name] for name in SAMPLE if not is_blank(row.get(name))}
    said = [_said(choice, "output.choices") for choice in _choices(output)]
    return Responses(
        said,
        {"question": asked, **told, **kept, **_scored(row)},
        name=None if name is None else str(name),
        model=_text_or_none(output.get("model")),
        usage=_object(output.get("usage")) if len(said) == 1 else None,
    )


def _scored(row: Json) -> Json:
    """Whether a sample is right by the only score that it has, if that says so."""
    scores = [_object(score).get("value") for score in _object(row.get("scores")).values()]
    return {"is_correct": scores == [RIGHT]} if scores in ([RIGHT], [WRONG]) else {}


def of_chat(row: Json, name: str) -> Responses | None:
    """A chat that was logged: what the model said last, and what the user had asked.

    Of a chat that ends with the user's turn, what stands beside it: the chat was the prompt.
    """
    turns = [_turn(turn, f"{name}[{i}]") for i, turn in enumerate(listed(row[name]))]
    last = max((i for i, (role, _) in enumerate(turns) if role in _MODEL), default=None)
    if last is None or any(role in _USER for role, _ in turns[last:]):
        return of_fields(row, None) if _field_of_text(RowFields(row)) else None
    asked = [said.text for role, said in turns[:last] if role in _USER]
    fields = RowFields({key: value for key, value in row.items() if key != name})
    model, prompt = _used(fields, ("model",)), asked[-1] if asked else None
    return Responses([turns[last][1]], fields.unused(), prompt, model=_text_or_none(model))


def of_fields(row: Json, path: str | None) -> Responses:
    """Any other row that has a completion, or several, in a field."""
    fields = RowFields(row)
    name = path or _field_of_text(fields) or fields.require(TEXT, "completion", "--text-field")
    found = [each for value in _values(fields, name) for each in _completions(value, name)]
    finish = _text_or_none(_used(fields, FINISH))
    said = [replace(each, finish=each.finish or finish) for each in found]
    model, tokens = _used(fields, ("model",)), _used(fields, TOKENS)
    usage = {"completion_tokens": tokens} if len(said) == 1 else None
    prompt = None
    if turns := [name for name in fields.among(PROMPT) if isinstance(_objects(fields[name]), list)]:
        asked = [turn for turn in _objects(fields.use(turns[0])) if not _is_of_model(turn)]
        prompt = _said(asked[-1:], turns[0]).text
    return Responses(said, fields.unused(), prompt, model=_text_or_none(model), usage=usage)


def _values(fields: RowFields, path: str) -> list[Any]:
    """The value at a path, or those of each object of a list: `outputs[*].text`."""
    before, is_each, inner = path.partition("[*].")
    value = fields.at(before, "--text-field")
    if not is_each:
        return [value]
    if not isinstance(value, list):
        raise RecordError(f"`{before}` must be a list")
    return [found for each in value for found in _values(RowFields(_object(each)), inner)]


def _completions(value: Any, name: str) -> list[ResponseText]:
    """What a field holds: one completion, several, or the steps of one, as its name says."""
    values = listed(value) if name.lower().endswith("s") else _objects(value)
    if not isinstance(values, list):
        return [_said(value, name)]
    if not name.lower().endswith("steps"):
        return [_said(each, name) for each in values]
    if not all(isinstance(step, str) for step in values):
        raise RecordError(f"`{name}` must hold texts, the steps of one solution")
    return [ResponseText("", steps=values)]


def _field_of_text(fields: RowFields) -> str | None:
    """The field of the completions; one that is empty says an empty text."""
    choices = fields.named("choices")
    if choices and any("message" in _object(each) for each in _items(fields[choices])):
        return choices
    steps = STEPS if fields.find(LABELS) is None else ()
    beside = (name for name, others in BESIDE.items() if any(map(fields.named, others)))
    names = (*TEXT, *beside, *steps)
    there = (name for name in map(fields.named, names) if name is not None)
    return fields.find(names) or next(there, None)


def _objects(value: Any) -> Any:
    """A list of objects, also one that is written down; "[1, 2]" is a text."""
    found = listed(value)
    if not isinstance(found, list) or not found:
        return value
    holders = {"role", "from", *HOLDERS}
    return found if all(holders & _object(item).keys() for item in found) else value


def _is_of_model(turn: Any) -> bool:
    return _object(turn).get("role", _object(turn).get("from")) in _MODEL


def _items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _choices(body: Json) -> list[Any]:
    """The completions of a response, of chats and texts or of OpenAI's Responses."""
    choices, output = body.get("choices"), body.get("output")
    if isinstance(output, list) and not choices:
        return [item for item in output if _object(item).get("type") == "message"]
    return choices if isinstance(choices, list) else []


def _turn(turn: Any, place: str) -> tuple[str, ResponseText]:
    """Who said what, in the words of OpenAI or of ShareGPT."""
    fields = _object(turn)
    role = fields.get("role", fields.get("from"))
    if not isinstance(role, str):
        raise RecordError(f"`{place}` must be a turn: an object with `role` and `content`")
    return role, _said(turn, f"{place}.content")


def _said(value: Any, place: str, depth: int = 0) -> ResponseText:
    """A text, maybe in parts, or in an object with a usual name: a turn, a choice, an output.

    An object that has nothing there, such as a call of a tool or a thought that was cut off, says
    an empty text. RecordError for anything else.
    """
    if isinstance(value, str) or value is None:
        return ResponseText(value or "")
    if isinstance(value, list) and depth < DEEPEST:
        parts = [_said(part, place, depth + 1) for part in value]
        thoughts = [part.thought for part in parts if part.thought]
        return ResponseText("".join(part.text for part in parts), "\n".join(thoughts) or None)
    fields = RowFields(_object(value))
    name = next((n for n in (fields.named(known) for known in HOLDERS) if n is not None), None)
    if name is None and (thought := _text_or_none(_used(fields, THOUGHT))):
        return ResponseText("", thought)
    if name is None or depth == DEEPEST:
        raise RecordError(f"`{place}` must be a text")
    inner = fields[name]
    inner = ResponseText("") if inner is None else _said(inner, place, depth + 1)
    return ResponseText(
        inner.text,
        _text_or_none(_used(fields, THOUGHT)) or inner.thought,
        _text_or_none(_used(fields, FINISH)) or inner.finish,
    )


def _used(fields: RowFields, names: Sequence[str]) -> Any:
    name = fields.find(names)
    return None if name is None else fields.use(name)


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None
