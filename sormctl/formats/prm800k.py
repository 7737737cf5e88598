"""PRM800K (Lightman et al., 2023; paper, appendix H): step labels by people.

A row is one labelled solution: at each step one or more candidates (`completions`) with ratings -1,
0 or 1, of which one goes on. github.com/openai/prm800k describes the format.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sormctl.errors import RecordError
from sormctl.formats.base import DataFormat, Importing
from sormctl.formats.labels import rating_label, rating_of
from sormctl.formats.solutions import asked, labelled, row_name
from sormctl.formats.values import field, whole
from sormctl.records import Json, Solution

BAD_PROBLEM = "bad_problem"  # the labeler's word for a problem that is broken

Rated = tuple[str, int | None]  # a step and its rating, None where it has none
_ANSWER = "# Answer"


def read(row: Json, how: Importing) -> Iterator[Solution]:
    """The solutions of a row, with `labels` and with `ratings` as an extra field.

    First the solution that was followed, as far as it was labelled. Then one for each
    other candidate that was rated: the steps before it, whose labels are null there, and the
    candidate itself. So each rating is one training target. A broken problem has none. A problem
    without a reference answer (the screening questions) is imported all the same, because its steps
    are rated. RecordError names the field that does not fit.
    """
    if isinstance(row.get("question"), str):
        raise RecordError("`question` is a text; give the files of PRM800K as they were published")
    question, label = field(row, "question", dict), field(row, "label", dict)
    if label.get("finish_reason") == BAD_PROBLEM:
        return
    answer = question.get("ground_truth_answer")
    if not isinstance(answer, str | None):
        raise RecordError("`ground_truth_answer` must be a text or null")
    problem = asked(how, field(question, "problem", str), answer)
    name = row_name(problem, "prm800k", row)
    for number, rated in enumerate(_paths(field(label, "steps", list))):
        steps, ratings = zip(*rated, strict=True)
        yield labelled(
            problem,
            steps,
            [rating_label(rating, how.neutral) for rating in ratings],
            kind="prm800k",
            row=row,
            solution_id=f"{name}-{number}",
            source={"finish": label.get("finish_reason")},
            extra={"ratings": list(ratings)},
        )


def _paths(steps: Sequence[Any]) -> Iterator[list[Rated]]:
    """The path that was followed, then each other candidate behind the steps before it."""
    followed: list[Rated] = []
    others: list[tuple[int, Rated]] = []  # after how many steps
    for step in steps:
        if not isinstance(step, dict):
            raise RecordError("`label.steps` must hold objects")
        listed = field(step, "completions", list) if step.get("completions") else ()
        candidates = [_rated(item) for item in listed]
        chosen = _chosen(step, len(candidates))
        others += [
            (len(followed), rated)
            for i, rated in enumerate(candidates)
            if i != chosen and rated[1] is not None
        ]
        if chosen is not None:
            followed.append(candidates[chosen])
        elif step.get("human_completion") is not None:
            followed.append(_written(step["human_completion"]))
        else:
            break
    if followed:
        yield followed
    before: list[Rated] = [(text, None) for text, _ in followed]
    for length, rated in others:
        yield [*before[:length], rated]


def _chosen(step: Json, count: int) -> int | None:
    """The candidate that goes on; None where a person wrote the step, or there is none.

    Where nothing was chosen the solution ends: with the first candidate, which is the model's own
    step of the solution that was labelled.
    """
    chosen = whole(step.get("chosen_completion"))
    if chosen is None:
        return 0 if count and step.get("human_completion") is None else None
    if type(chosen) is not int or chosen not in range(count):
        raise RecordError(f"`chosen_completion` is {chosen!r}, but there are {count} completions")
    return chosen


def _rated(completion: Any) -> Rated:
    if not isinstance(completion, dict):
        raise RecordError("`completions` must hold objects")
    text, rating = field(completion, "text", str), rating_of(completion.get("rating"))
    return _step(text), None if completion.get("flagged") else rating  # flagged: not known


def _written(completion: Any) -> Rated:
    """A step that a person wrote because all candidates were wrong: a correct one."""
    text = completion if isinstance(completion, str) else _rated(completion)[0]
    return _step(text), 1


def _step(text: str) -> str:
    """A step with its final answer announced as sormctl's prompts ask for it."""
    return " #### ".join(part.strip() for part in text.split(_ANSWER)).strip()


FORMAT = DataFormat(
    "prm800k",
    read,
    read_options=frozenset({"neutral"}),
    left_out="without a rated step, or of a broken problem",
)
