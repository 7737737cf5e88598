"""Students: supervised fine-tuning on correct solutions (expert iteration, appendix B)."""

from __future__ import annotations

from sormctl.asking import Asking
from sormctl.errors import RecordError
from sormctl.records import Json, Problem, Solution, Steps, parse_record
from sormctl.targets import may_be_learned
from sormctl.tasks.prompts import draft_prompt
from sormctl.tasks.registry import get_task
from sormctl.training.token_rows import TrainingExample

SKIPPED = "solutions not known to be correct, or cut off"


def parse(data: Json, asking: Asking) -> TrainingExample | None:
    """A solution that may be learned, or a problem with its reference steps; None for others."""
    problem, steps = _problem_and_steps(data)
    if steps is None:
        return None
    prompt = draft_prompt(get_task(problem.task), problem.question, asking)
    return TrainingExample(prompt, steps, problem=problem.problem_id)


def _problem_and_steps(data: Json) -> tuple[Problem, Steps | None]:
    if "steps" in data:
        solution = parse_record(data, Solution)
        return solution, solution.steps if may_be_learned(solution) else None
    problem = parse_record(data, Problem)
    if problem.reference is None:
        remedy = (
            "run `sormctl grade` first"
            if "text" in data
            else "give solutions, or problems with steps"
        )
        raise RecordError(f"no `steps` and no `reference`; {remedy}")
    return problem, problem.reference
