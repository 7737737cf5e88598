r"""Math-Shepherd (Wang et al., 2023): a text in which a tag follows each step.

    {"input": "Ann has 3 pears … Step 1: 3 + 4 = 7 ки\nStep 2: The answer is: 7 ки",
     "label": "Ann has 3 pears … Step 1: 3 + 4 = 7 +\nStep 2: The answer is: 7 +", "task": "GSM8K"}

A step is good if some rollout from it arrived at the right answer; so the last label says whether
the final answer is right. A few published rows have a tag within the question, which is no step.
OpenR keeps question, steps and labels apart: `{"question": …, "process": …, "label": ["+", …]}`,
or `"labels": [1, …]`.
"""

from __future__ import annotations

from collections.abc import Iterator

from sormctl.errors import RecordError
from sormctl.formats.base import DataFormat, Exporting, Importing
from sormctl.formats.labels import hard_label, label_of_mark, mark_of
from sormctl.formats.numbering import FIRST, numbered, unnumbered, writable
from sormctl.formats.solutions import asked, labelled
from sormctl.formats.values import field
from sormctl.records import Json, Labels, Solution
from sormctl.tasks.files import kept_fields

_NAMES = {"input", "label", "labels", "question", "process"}


def read(row: Json, how: Importing) -> Iterator[Solution]:
    """The solution of a row, its steps without their numbers."""
    question, pieces, labels = _apart(row, how) if "process" in row else _together(row, how)
    steps = [unnumbered(piece, number) for number, piece in enumerate(pieces, 1)]
    problem = asked(how, question)
    yield labelled(
        problem,
        steps,
        labels,
        kind="math-shepherd",
        row=row,
        correct=bool(labels[-1]),
        extra=kept_fields({k: v for k, v in row.items() if k not in _NAMES}),
    )


def write(solution: Solution, how: Exporting) -> Json:
    """The texts of a solution, with tags and with marks; its steps are numbered."""
    tag, question = how.step_tag, writable(solution.question)
    texts = [numbered(step, number) for number, step in enumerate(solution.steps, 1)]
    if any(tag in text for text in (question, *texts)):
        raise RecordError(f"the question or a step holds the tag {tag!r}; give another --step-tag")
    marks = map(mark_of, solution.labels_given())
    tagged = "\n".join(f"{text} {tag}" for text in texts)
    marked = "\n".join(f"{text} {mark}" for text, mark in zip(texts, marks, strict=True))
    task = solution.extra.get("row_task", solution.task)
    return {"input": f"{question} {tagged}", "label": f"{question} {marked}", "task": task}


def _together(row: Json, how: Importing) -> tuple[str, list[str], Labels]:
    """Question, steps and labels out of one text; the tags of the question are dropped."""
    tagged, marked = field(row, "input", str), field(row, "label", str)
    *pieces, _ = tagged.split(how.step_tag)
    if not pieces:
        raise RecordError(f"`input` has no tag {how.step_tag!r}; give it by --step-tag")
    labels, position = [], 0
    for piece in pieces:
        position += len(piece)
        labels.append(label_of_mark(marked[position : position + 1], f"label[{position}]"))
        position += 1
    first, question, step = _parted(pieces)
    return question, [step, *pieces[first + 1 :]], tuple(labels[first:])


def _parted(pieces: list[str]) -> tuple[int, str, str]:
    """Which piece the first step is in, the question before it, and that step."""
    for index, piece in enumerate(pieces):
        if found := FIRST.search(piece):
            before = "".join((*pieces[:index], piece[: found.start()]))
            return index, before.strip(), piece[found.start() :]
    question, mark, step = pieces[0].partition("?")
    if not mark:
        raise RecordError("`input` has neither `Step 1:` nor ? between the question and the steps")
    return 0, f"{question}?".strip(), step


def _apart(row: Json, how: Importing) -> tuple[str, list[str], Labels]:
    *steps, rest = field(row, "process", str).split(how.step_tag)
    name = "labels" if "label" not in row and "labels" in row else "label"
    marks = field(row, name, list)
    if rest.strip() or len(steps) != len(marks) or not steps:
        raise RecordError(
            f"`process` has {len(steps)} steps with the tag {how.step_tag!r}, and `{name}` "
            f"{len(marks)} labels; give the tag by --step-tag"
        )
    labels = tuple(hard_label(mark, f"{name}[{i}]") for i, mark in enumerate(marks))
    return field(row, "question", str).strip(), steps, labels


FORMAT = DataFormat(
    "math-shepherd",
    read,
    write,
    read_options=frozenset({"step_tag"}),
    write_options=frozenset({"step_tag"}),
    labelled=True,
    left_out="without a label at the first step",
)
