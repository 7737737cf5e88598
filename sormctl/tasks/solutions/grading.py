"""Raw completions, sormctl's or another tool's, into graded solutions."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from sormctl.asking import THINK
from sormctl.errors import RecordError
from sormctl.records import MAX_COUNT, Json, Solution, is_unfinished, parse_record
from sormctl.seeds import digest
from sormctl.tasks.answers import CHOICE, reference_answer
from sormctl.tasks.answers.announcing import announced
from sormctl.tasks.base import Task
from sormctl.tasks.registry import get_task
from sormctl.tasks.solutions.reading import CompletionReader, read_answer
from sormctl.tasks.solutions.splitting import BLOCKS
from sormctl.tasks.steps import split_annotated, split_lines, strip_annotations


def grader(
    default_task: str | None = None,
    steps: str | None = None,
    think: tuple[str, str] = THINK,
    *,
    is_begun: bool = False,
) -> Callable[[Json], Solution]:
    """A function from a completion to its graded solution; RecordError if it is none.

    A completion is a problem with `steps`, or with a `text` that is cut into steps; what it says
    of `predicted` and `correct` is replaced, and all else is kept. The thought of a reasoning model
    is kept as `thought` and not graded; where `source.finish` says that the text was cut off, only
    an announced answer counts. An `answer` that is a worked solution gives way to what it announces
    and becomes the `reference`. `default_task` is for records that name no task. A record without
    `solution_id` gets one that depends on the problem, the steps and how often the same came
    before; that count is the only state: some 100 bytes for each distinct completion without an id.

    `steps` and `think` are those of a `CompletionReader`. Without `steps` a text loses GSM8K's
    annotations and is cut into blocks, unless its task has a way of its own. `is_begun` says of
    each text that its prompt had opened a thought, unless the record has a `thought` of its own.
    """
    seen: dict[bytes, int] = {}

    def grade(data: Json) -> Solution:
        task = _task(data, default_task)
        reader = CompletionReader(task, steps or _usual_steps(task), think)
        solution, predicted = _read(data, reader, is_begun, is_annotated=steps is None)
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


def _usual_steps(task: Task) -> str | None:
    """How the text of a model that nobody knows is cut; None where the task knows better."""
    return BLOCKS if task.split in (split_lines, split_annotated) else None


def _read(
    data: Json, reader: CompletionReader, is_begun: bool, *, is_annotated: bool
) -> tuple[Solution, str | None]:
    """The solution, not graded yet, and the answer that it states."""
    task = reader.task
    rest = {name: value for name, value in data.items() if name not in ("text", "steps")}
    graded = {"task": task.name, "solution_id": "", **rest, "predicted": None, "correct": False}
    graded |= _problem_fields(data, task)
    steps, text = data.get("steps"), data.get("text")
    if steps is None and text is None:
        raise RecordError(
            "no `text` and no `steps` to grade; name the completion `text`, or of problems run "
            "`sormctl sample` first"
        )
    if steps is None and not isinstance(text, str):
        raise RecordError("`text` must be a string, the whole completion")
    source, question = data.get("source"), data.get("question")
    is_cut = isinstance(source, dict) and is_unfinished(source)
    if steps is not None:
        solution = parse_record({**graded, "steps": steps}, Solution)
        return solution, read_answer(task, solution.question, solution.steps, is_cut)
    asked = question if isinstance(question, str) else ""
    is_within = is_begun and not data.get("thought")
    text = strip_annotations(str(text)) if is_annotated else str(text)
    read = reader.read(asked, text, is_cut, is_begun=is_within)
    graded |= {"steps": read.steps, "separators": read.separators}
    graded |= {"thought": read.thought} if read.thought else {}
    graded |= {"opening": read.opening} if read.opening else {}
    return parse_record(graded, Solution), read.predicted


def _problem_fields(data: Json, task: Task) -> Json:
    """The identity and the answer as texts, and the answer of one that is a worked solution."""
    found = {
        name: _written(name, data[name])
        for name in ("problem_id", "answer")
        if isinstance(data.get(name), int | float) and not isinstance(data[name], bool)
    }
    answer = found.get("answer", data.get("answer"))
    if not isinstance(answer, str):
        return found
    question = data.get("question")
    try:
        read = reference_answer(task.answer, answer, question if isinstance(question, str) else "")
    except RecordError as error:
        raise RecordError(f"`answer` {error}") from error
    if "\n" not in answer and not any(announced([answer])):
        return {**found, "answer": read} if task.answer is CHOICE else found
    reference = {} if data.get("reference") is not None else {"reference": task.split(answer)}
    return {**found, "answer": read, **reference}


def _written(name: str, value: int | float) -> str:
    """A number as text; one that JSON readers round is refused."""
    if isinstance(value, float) and abs(value) > MAX_COUNT:
        raise RecordError(f"`{name}` is too large a number to be kept exactly; write it as a text")
    return str(value)


def _solution_id(solution: Solution, seen: dict[bytes, int]) -> str:
    tag = digest(solution.task, solution.problem_id, *solution.steps)
    seen[tag] = count = seen.get(tag, -1) + 1
    return f"{solution.problem_id}/sample-{digest(tag.hex(), str(count)).hex()[:12]}"
