"""Raw completions, sormctl's or another tool's, into graded solutions."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from sormctl.errors import RecordError
from sormctl.records import Json, Solution, parse
from sormctl.seeds import digest
from sormctl.tasks.base import Task
from sormctl.tasks.registry import get_task
from sormctl.tasks.steps import separators_of


def grader(default_task: str | None = None) -> Callable[[Json], Solution]:
    """A function from a completion to its graded solution; RecordError if it is none.

    A completion is a problem with `steps`, or with a `text` that is cut into steps; what it says
    of `predicted` and `correct` is replaced, and all else is kept. `default_task` is for records
    that name no task. A record without `solution_id` gets one that depends on the problem, the
    steps and how often the same came before. That count is the only state: some 100 bytes for
    each distinct completion without an id.
    """
    seen: dict[bytes, int] = {}

    def grade(data: Json) -> Solution:
        task = _task(data, default_task)
        solution = _ungraded(data, task)
        predicted = task.predict(solution.steps)
        return replace(
            solution,
            solution_id=solution.solution_id or _solution_id(solution, seen),
            predicted=predicted,
            correct=task.is_correct(predicted, solution.answer),
            source={"kind": "sample", **solution.source},
        )

    return grade


def _task(data: Json, default: str | None) -> Task:
    name = data.get("task", default)
    if not isinstance(name, str):
        raise RecordError("no `task`; give --task NAME, or --answer KIND")
    return get_task(name)


def _ungraded(data: Json, task: Task) -> Solution:
    rest = {name: value for name, value in data.items() if name not in ("text", "steps")}
    graded = {"task": task.name, "solution_id": "", **rest, "predicted": None, "correct": False}
    return parse({**graded, **_steps(data, task)}, Solution)


def _steps(data: Json, task: Task) -> Json:
    """The steps, and what separates them where the text is there to say it."""
    if data.get("steps") is not None:
        return {"steps": data["steps"]}
    text = data.get("text")
    if not isinstance(text, str):
        raise RecordError("no `text` and no `steps` to grade; name the completion `text`")
    steps = task.split(text)
    return {"steps": steps, "separators": separators_of(text, steps)}


def _solution_id(solution: Solution, seen: dict[bytes, int]) -> str:
    tag = digest(solution.task, solution.problem_id, *solution.steps)
    seen[tag] = count = seen.get(tag, -1) + 1
    return f"{solution.problem_id}/sample-{digest(tag.hex(), str(count)).hex()[:12]}"
