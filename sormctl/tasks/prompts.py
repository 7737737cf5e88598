"""What models are asked: the only place that builds a prompt.

Training, sampling, scoring and refining all come here, so a model is used on the text it was
trained on. A prompt is followed by steps, each closed by what stands between steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sormctl.asking import FORMER_INSTRUCTION, QUESTION, Asking, WorkedExample
from sormctl.errors import UsageError
from sormctl.prompts import Message, Prompt
from sormctl.tasks.base import Task

BAD = "[BAD]"
_FORMER = "The draft may be wrong; [BAD] stands before its first wrong step, if that is known."
_PLAIN = f"Question: {QUESTION}\nAnswer:\n"


def draft_prompt(task: Task, question: str, asking: Asking) -> Prompt:
    """Asks a student for a solution; also what a reward model reads before the steps."""
    return _prompt(task, asking, _layout(task, asking).replace(QUESTION, question))


def refine_prompt(
    task: Task, question: str, draft: Sequence[str], first_error: int | None, asking: Asking
) -> Prompt:
    """Asks a refiner for a better solution than `draft` (paper, 3.1 step 3).

    With `first_error` (local and value refinement) the text `[BAD] ` stands before that step.
    """
    steps = "".join(f"{step}\n" for step in mark_error(draft, first_error))
    body = f"Question: {question}\nDraft:\n{steps}"
    if not asking.is_chat:
        return _prompt(task, asking, f"{body}Refinement:\n")
    lines = _instruction(task, asking).split("\n")
    instruction = "\n".join(line for line in lines if QUESTION not in line).strip()
    instruction = instruction or task.instruction
    if instruction == FORMER_INSTRUCTION:
        return _prompt(task, asking, f"{instruction} {_FORMER}\n\n{body.rstrip()}")
    mark = "" if first_error is None else f"; {BAD} stands before its first wrong step"
    asked = f"{body}\nThe draft may be wrong{mark}. Write a better solution. {instruction}"
    return _prompt(task, asking, asked.rstrip())


def stop_strings(task: Task, asking: Asking) -> tuple[str, ...]:
    """What ends a completion beside the end of the sequence: a question that the model invents."""
    if not asking.invents:
        return ()
    layouts = dict.fromkeys((_layout(task, asking), _PLAIN))  # of drafts; of refinements
    cues = (layout.partition(QUESTION)[0].strip().rpartition("\n")[2] for layout in layouts)
    return tuple(f"\n{cue}" for cue in cues if cue)


def mark_error(draft: Sequence[str], first_error: int | None) -> list[str]:
    """The draft with `[BAD] ` before step `first_error`; as it is if there is none."""
    return [f"{BAD} {step}" if i == first_error else step for i, step in enumerate(draft)]


def _prompt(task: Task, asking: Asking, asked: str) -> Prompt:
    """What is asked, after the system's words and the worked examples."""
    shots = _examples(task, asking)
    layout = _layout(task, asking)
    empty = Prompt(
        chat_args=asking.chat_args,
        between=asking.between,
        think=asking.think,
        thinks=asking.thinks,
    )
    if asking.is_chat:
        turns = [Message("system", asking.system)] if asking.system else []
        for shot in shots:
            turns.append(Message("user", layout.replace(QUESTION, shot.question)))
            turns.append(Message("assistant", _solution(shot, asking)))
        return replace(empty, messages=(*turns, Message("user", asked)))
    instruction = asking.instruction if QUESTION not in (asking.instruction or "") else None
    gap = "" if layout[-1:].isspace() or layout.endswith(QUESTION) else " "
    parts = [f"{words}\n\n" for words in (asking.system, instruction) if words]
    parts += [
        f"{layout.replace(QUESTION, shot.question)}{gap}{_solution(shot, asking)}\n\n"
        for shot in shots
    ]
    return replace(empty, text="".join([*parts, asked]))


def _layout(task: Task, asking: Asking) -> str:
    """The text of one question, with `{question}` in its place."""
    if QUESTION in (asking.instruction or ""):
        return str(asking.instruction)
    if not asking.is_chat:
        return _PLAIN
    return f"{_instruction(task, asking)}\n\nQuestion: {QUESTION}".lstrip("\n")


def _instruction(task: Task, asking: Asking) -> str:
    return task.instruction if asking.instruction is None else asking.instruction


def _examples(task: Task, asking: Asking) -> Sequence[WorkedExample]:
    if not isinstance(asking.examples, int):
        return asking.examples
    if asking.examples > len(task.examples):
        raise UsageError(
            f"task {task.name} has {len(task.examples)} worked examples, not {asking.examples}; "
            "give --examples FILE, or --prompt plain or chat"
        )
    return task.examples[: asking.examples]


def _solution(example: WorkedExample, asking: Asking) -> str:
    if example.answer is None:
        return example.solution
    if asking.is_chat:
        return f"{example.solution}\nThe final answer is \\boxed{{{example.answer}}}."
    return f"{example.solution}\n#### {example.answer}"
