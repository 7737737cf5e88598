"""ProcessBench (Zheng et al., 2024): solutions with the index of their first wrong step.

    {"id": "gsm8k-0", "generator": "Qwen2-7B-Instruct", "problem": "…", "steps": ["…", "…"],
     "final_answer_correct": false, "label": 1}

`label` counts from 0 and is -1 where no step is wrong. Nobody has judged the steps after it: their
labels are null. The file has no reference answers; whether the final answer is right, it says.

MR-GSM8K and ReasonEval say the same in other fields, and count from 1; BIG-Bench-Mistake counts
from 0. Each of these is told by the field of the first error.

An export adds `prediction`, the first step that a reward model refuses, and `match`, as the scripts
of ProcessBench do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sormctl.errors import RecordError
from sormctl.formats.base import DataFormat, Exporting, Importing
from sormctl.formats.numbering import unnumbered
from sormctl.formats.solutions import asked, labelled
from sormctl.formats.values import field, texts, truth, whole
from sormctl.records import Json, Solution
from sormctl.targets import NO_ERROR, first_error
from sormctl.tasks.answers import reference_answer
from sormctl.tasks.fields import about, is_blank, text_of
from sormctl.tasks.files import kept_fields
from sormctl.thresholds import first_below

_MADE = {"prediction", "match"}  # by an export, or by their scripts


@dataclass(frozen=True)
class _Layout:
    """Which fields say what. `first` counts steps from `start`; `none` says that none is wrong.

    `right` says whether the final answer is right, or else `said`, that answer, is to be that of
    the problem. `sound` says whether all steps are right, `name` is an id. The steps of a
    `numbered` one begin with their numbers.
    """

    first: str
    question: str
    steps: tuple[str, ...] = ("steps",)
    start: int = 0
    none: int | str | None = None
    right: str = ""
    said: str = ""
    sound: str = ""
    answer: str = ""
    name: str = ""
    numbered: bool = False

    @property
    def fields(self) -> set[str]:
        """The fields that are made use of."""
        named = (self.first, self.question, self.right, self.sound, self.answer, self.name)
        return {*named, *self.steps, "generator"}


_LAYOUTS = (
    _Layout("label", "problem", none=NO_ERROR, right="final_answer_correct", name="id"),
    _Layout("mistake_index", "input", said="answer", answer="target"),
    _Layout(
        "model_output_solution_first_error_step",
        "question",
        ("model_output_steps", "model_output_step_format"),
        start=1,
        none="N/A",
        right="model_output_answer_correctness",
        sound="model_output_solution_correctness",
        answer="ground_truth_answer",
        name="uuid",
        numbered=True,
    ),
)


def read(row: Json, how: Importing) -> Iterator[Solution]:
    """The solution of a row, with labels up to its first wrong step.

    There is none where two fields contradict each other about whether a step is wrong.
    """
    layout = next((known for known in _LAYOUTS if known.first in row), _LAYOUTS[0])
    question, steps = field(row, layout.question, str), _steps(row, layout)
    first, name = _first(row, layout, len(steps)), row.get(layout.name)
    if first is None:
        return
    problem = asked(how, question, _answer(row, layout, question, how))
    known = {"id": name, "generator": row.get("generator")}
    yield labelled(
        problem,
        steps,
        _labels(first, len(steps)),
        kind="processbench",
        row=row,
        solution_id=None if name is None else str(name),
        correct=_is_right(row, layout),
        source={k: v for k, v in known.items() if v is not None},
        extra=kept_fields({k: v for k, v in row.items() if k not in layout.fields | _MADE}),
    )


def write(solution: Solution, how: Exporting) -> Json | None:
    """The row of a solution whose first error is known; with scores, what a model says of it."""
    label = first_error(solution.labels_given())
    if label is None:
        return None
    source = solution.source
    row = {
        "id": source.get("id", solution.solution_id),
        "generator": source.get("generator", source.get("model", "")),
        "problem": solution.question,
        "steps": solution.steps,
        "final_answer_correct": solution.correct,
        "label": label,
    }
    if how.scores is None:
        return row
    scores = solution.scores_of(how.scores)
    found = first_below(scores, how.threshold)
    prediction = NO_ERROR if found is None else found
    return {**row, "prediction": prediction, "match": prediction == label}


def _steps(row: Json, layout: _Layout) -> list[str]:
    """The steps; one that is a list of lines is a text of them."""
    name = next((name for name in layout.steps if name in row), layout.steps[0])
    lists = (step if isinstance(step, list) else [step] for step in field(row, name, list))
    steps = ["\n".join(texts({name: lines}, name)) for lines in lists]
    if not layout.numbered:
        return steps
    return [unnumbered(step, number) for number, step in enumerate(steps, 1)]


def _first(row: Json, layout: _Layout, count: int) -> int | None:
    """The index of the first wrong step, NO_ERROR for none; None where two fields contradict."""
    value, none = whole(row.get(layout.first)), layout.none
    is_none = value == none or (none != NO_ERROR and is_blank(value))
    if truth(row.get(layout.sound), layout.sound) not in (None, is_none):
        return None
    if is_none:
        return NO_ERROR
    if type(value) is not int or not 0 <= value - layout.start < count:
        raise RecordError(
            f"`{layout.first}` must be the index of one of {count} steps, from {layout.start}, "
            f"or {'null' if none is None else none} for none"
        )
    return value - layout.start


def _is_right(row: Json, layout: _Layout) -> bool | None:
    """Whether the final answer is right, if the row tells."""
    said, answer = row.get(layout.said), row.get(layout.answer)
    if is_blank(said) or is_blank(answer):
        return truth(row.get(layout.right), layout.right)
    return text_of(said) == text_of(answer)


def _answer(row: Json, layout: _Layout, question: str, how: Importing) -> str | None:
    if is_blank(row.get(layout.answer)):
        return None
    with about(layout.answer):
        return reference_answer(how.task.answer, text_of(row[layout.answer]), question)


def _labels(first: int, count: int) -> list[int | None]:
    if first == NO_ERROR:
        return [1] * count
    return [*([1] * first), 0, *([None] * (count - first - 1))]


FORMAT = DataFormat(
    "processbench",
    read,
    write,
    write_options=frozenset({"scores", "threshold"}),
    left_out="whose first error is not known",
)
