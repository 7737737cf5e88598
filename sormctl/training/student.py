"""Students: supervised fine-tuning on correct solutions (expert iteration, appendix B)."""

from __future__ import annotations

from sormctl.asking import Asking
from sormctl.errors import RecordError
from sormctl.records import Json, Problem, Solution, Steps
from sormctl.records import parse as parse_record
from sormctl.tasks.prompts import draft_prompt
from sormctl.tasks.registry import get_task
from sormctl.training.data import Example

SKIPPED = "solutions not known to be correct"


def parse(data: Json, asking: Asking) -> Example | None:
    """A correct solution, or a problem with its reference steps; None for an incorrect solution."""
    problem, steps = _problem_and_steps(data)
    if steps is None:
        return None
    prompt = draft_prompt(get_task(problem.task), problem.question, asking)
    return Example(prompt, steps, problem=problem.problem_id)


def _problem_and_steps(data: Json) -> tuple[Problem, Steps | None]:
    if "steps" in data:
        solution = parse_record(data, Solution)
        return solution, solution.steps if solution.correct else None
    problem = parse_record(data, Problem)
    if problem.reference is None:
        raise RecordError("no `steps` and no `reference`; give solutions, or problems with steps")
    return problem, problem.reference
