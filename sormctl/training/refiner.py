"""Refiners: supervised fine-tuning on pairs of a wrong draft and a better solution (3.1 step 3)."""

from __future__ import annotations

from sormctl.asking import Asking
from sormctl.records import Json, Pair
from sormctl.records import parse as parse_record
from sormctl.tasks.prompts import refine_prompt
from sormctl.tasks.registry import get_task
from sormctl.training.data import Example


def parse(data: Json, asking: Asking) -> Example:
    """A pair as an example: the question and the draft, then the better solution."""
    pair = parse_record(data, Pair)
    task = get_task(pair.task)
    prompt = refine_prompt(task, pair.question, pair.draft, pair.first_error, asking)
    mode = "global" if pair.first_error is None else "local"
    return Example(prompt, pair.target, mode=mode, problem=pair.problem_id)
