"""Refiners: supervised fine-tuning on pairs of a wrong draft and a better solution (3.1 step 3)."""

from __future__ import annotations

from sormctl.records import Json, Pair, parse_record
from sormctl.tasks.prompts import refine_prompt
from sormctl.tasks.registry import get_task
from sormctl.training.token_rows import TrainingExample


def parse(data: Json, style: str) -> TrainingExample:
    """A pair as an example: the question and the draft, then the better solution."""
    pair = parse_record(data, Pair)
    task = get_task(pair.task)
    prompt = refine_prompt(task, pair.question, pair.draft, pair.first_error, style)
    mode = "global" if pair.first_error is None else "local"
    return TrainingExample(prompt, pair.target, mode=mode, problem=pair.problem_id)
