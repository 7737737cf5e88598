"""Step labels by people in the format of PRM800K (Lightman et al., 2023; paper, appendix H).

A row is one labelled solution: at each step one or more candidates (`completions`) with ratings -1,
0 or 1, of which one goes on. github.com/openai/prm800k describes the format.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sormctl.errors import RecordError
from sormctl.records import Json, Problem, Solution
from sormctl.seeds import digest
from sormctl.tasks.announcing import announced
from sormctl.tasks.base import Task

BAD_PROBLEM = "bad_problem"  # the labeler's word for a problem that is broken

Rated = tuple[str, int | None]  # a step and its rating, None where it has none


def labelled_solutions(row: Json, task: Task, neutral: int | None) -> list[Solution]:
    """The solutions of a row, with `labels` and with `ratings` as an extra field.

    First the solution that was followed, as far as it was labelled. Then one for each
    other candidate that was rated: the steps before it, whose labels are null there, and the
    candidate itself. So each rating is one training target. `neutral` is the label of rating 0.
    A broken problem has none. A problem without a reference answer (the screening questions) is
    imported all the same, because its steps are rated. RecordError names the field that does not
    fit.
    """
    if isinstance(row.get("question"), str):
        raise RecordError("`question` is a text; give the files of PRM800K as they were published")
    question, label = _field(row, "question", dict), _field(row, "label", dict)
    if label.get("finish_reason") == BAD_PROBLEM:
        return []
    text = _field(question, "problem", str)
    answer = _field(question, "ground_truth_answer", str | None)
    problem_id = f"prm800k-{digest(text).hex()[:12]}"
    problem = Problem(task=task.name, problem_id=problem_id, question=text, answer=answer)
    source = {"kind": "prm800k", "finish": label.get("finish_reason")}
    found = []
    for number, rated in enumerate(_paths(_field(label, "steps", list))):
        tag = digest(str(row.get("labeler")), str(row.get("timestamp")), text, str(number))
        name = f"{problem_id}/prm800k-{tag.hex()[:12]}"
        found.append(_solution(problem, name, rated, neutral, task, source))
    return found


def _solution(
    problem: Problem, name: str, rated: list[Rated], neutral: int | None, task: Task, source: Json
) -> Solution:
    steps, ratings = zip(*rated, strict=True)
    predicted = task.predict(steps) if any(announced(steps)) else None
    label_of = {-1: 0, 0: neutral, 1: 1, None: None}
    return problem.solved(
        extra={"ratings": list(ratings)},
        solution_id=name,
        steps=steps,
        predicted=predicted,
        correct=task.is_correct(predicted, problem.answer),
        source=source,
        labels=tuple(label_of[rating] for rating in ratings),
    )


def _paths(steps: Sequence[Any]) -> Iterator[list[Rated]]:
    """The path that was followed, then each other candidate behind the steps before it."""
    followed: list[Rated] = []
    others: list[list[Rated]] = []
    for step in steps:
        if not isinstance(step, dict):
            raise RecordError("`label.steps` must hold objects")
        candidates = [_rated(item) for item in _field(step, "completions", list | None) or ()]
        chosen = _chosen(step, len(candidates))
        before = [(text, None) for text, _ in followed]
        others += [
            [*before, rated]
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
    yield from others


def _chosen(step: Json, count: int) -> int | None:
    """The candidate that goes on; None where a person wrote the step, or there is none.

    Where nothing was chosen the solution ends: with the first candidate, which is the model's own
    step of the solution that was labelled.
    """
    chosen = _whole(_field(step, "chosen_completion", int | float | None))
    if chosen is None:
        return 0 if count and step.get("human_completion") is None else None
    if chosen not in range(count):
        raise RecordError(f"`chosen_completion` is {chosen}, but there are {count} completions")
    return int(chosen)


def _rated(completion: Any) -> Rated:
    if not isinstance(completion, dict):
        raise RecordError("`completions` must hold objects")
    rating = _whole(completion.get("rating"))
    if rating is not None and (type(rating) is not int or rating not in (-1, 0, 1)):
        raise RecordError("`rating` must be -1, 0, 1 or null")
    flagged = completion.get("flagged")  # the labeler did not know
    return _line(_field(completion, "text", str)), None if flagged else rating


def _whole(value: Any) -> Any:
    """1 for 1.0: a column of whole numbers and nulls comes out of pandas as floats."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _written(completion: Any) -> Rated:
    """A step that a person wrote because all candidates were wrong: a correct one."""
    text = completion if isinstance(completion, str) else _rated(completion)[0]
    return _line(text), 1


def _line(text: str) -> str:
    """A step on one line, its final answer announced as sormctl's prompts ask for it."""
    return " ".join(text.replace("# Answer", "####").split())


def _field(data: Json, name: str, kind: Any) -> Any:
    value = data.get(name)
    if not isinstance(value, kind):
        raise RecordError(f"no `{name}`" if value is None else f"`{name}` is of the wrong type")
    return value
