"""ProcessBench (Zheng et al., 2024): solutions with the index of their first wrong step.

    {"id": "gsm8k-0", "generator": "Qwen2-7B-Instruct", "problem": "…", "steps": ["…", "…"],
     "final_answer_correct": false, "label": 1}

`label` counts from 0 and is -1 where no step is wrong. Nobody has judged the steps after it: their
labels are null. The file has no reference answers; whether the final answer is right, it says.

An export adds `prediction`, the first step that a reward model refuses, and `match`, as the scripts
of ProcessBench do.
"""

from __future__ import annotations

from collections.abc import Iterator

from sormctl.errors import RecordError
from sormctl.formats.base import DataFormat, Exporting, Importing
from sormctl.formats.solutions import asked, labelled, row_name
from sormctl.formats.values import field, texts, truth, whole
from sormctl.records import Json, Solution
from sormctl.targets import NO_ERROR, first_error
from sormctl.tasks.files import kept_fields

_NAMES = {"id", "generator", "problem", "steps", "final_answer_correct", "label"}
_MADE = {"prediction", "match"}  # by an export, or by their scripts


def read(row: Json, how: Importing) -> Iterator[Solution]:
    """The solution of a row, with labels up to its first wrong step."""
    problem, steps = asked(how, field(row, "problem", str)), texts(row, "steps")
    label, name = whole(row.get("label")), row.get("id")
    if type(label) is not int or not NO_ERROR <= label < len(steps):
        raise RecordError(
            f"`label` must be the index of one of {len(steps)} steps, from 0, or -1 for none"
        )
    known = {"id": name, "generator": row.get("generator")}
    yield labelled(
        problem,
        steps,
        _labels(label, len(steps)),
        solution_id=row_name(problem, "processbench", row) if name is None else str(name),
        correct=truth(row.get("final_answer_correct"), "final_answer_correct"),
        source={"kind": "processbench", **{k: v for k, v in known.items() if v is not None}},
        extra=kept_fields({k: v for k, v in row.items() if k not in _NAMES | _MADE}),
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
    prediction = next((i for i, s in enumerate(scores) if s < how.threshold), NO_ERROR)
    return {**row, "prediction": prediction, "match": prediction == label}


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
