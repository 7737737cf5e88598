"""What models are asked: the only place that builds a prompt.

Training, sampling, scoring and refining all come here, so a model is used on the text it was
trained on. A prompt is followed by steps, each closed by a newline.
"""

from __future__ import annotations

from collections.abc import Sequence

from sormctl.errors import UsageError
from sormctl.prompts import Message, Prompt
from sormctl.tasks.base import Task

BAD = "[BAD]"
_REFINE = "The draft may be wrong; [BAD] stands before its first wrong step, if that is known."


def draft_prompt(task: Task, question: str, style: str, steps: Sequence[str] = ()) -> Prompt:
    """Asks a student for the solution that begins with `steps`; also what a reward model reads."""
    return _prompt(task, style, f"Question: {question}\n", "Answer:\n", steps=steps)


def refine_prompt(
    task: Task, question: str, draft: Sequence[str], first_error: int | None, style: str
) -> Prompt:
    """Asks a refiner for a better solution than `draft` (paper, 3.1 step 3).

    With `first_error` (local and value refinement) the text `[BAD] ` stands before that step.
    """
    body = "".join(f"{step}\n" for step in mark_error(draft, first_error))
    draft_body = f"Question: {question}\nDraft:\n{body}"
    return _prompt(task, style, draft_body, "Refinement:\n", f"{task.instruction} {_REFINE}")


def stop_strings(style: str) -> tuple[str, ...]:
    """What ends a completion beside the end of the sequence: a one-shot model asks on by itself."""
    return ("\nQuestion:",) if style == "one-shot" else ()


def mark_error(draft: Sequence[str], first_error: int | None) -> list[str]:
    """The draft with `[BAD] ` before step `first_error`; as it is if there is none."""
    return [f"{BAD} {step}" if i == first_error else step for i, step in enumerate(draft)]


def _prompt(
    task: Task, style: str, body: str, cue: str, instruction: str = "", steps: Sequence[str] = ()
) -> Prompt:
    if style == "chat":
        message = Message("user", f"{instruction or task.instruction}\n\n{body.rstrip()}")
        return Prompt(messages=(message,), steps=tuple(steps))
    shot = _shot(task) if style == "one-shot" else ""
    return Prompt(text=shot + body + cue, steps=tuple(steps))


def _shot(task: Task) -> str:
    if task.example is None:
        raise UsageError(f"task {task.name} has no worked example; give --prompt plain or chat")
    steps = "".join(f"{step}\n" for step in task.example.steps)
    return f"Question: {task.example.question}\nAnswer:\n{steps}\n"
