"""Prompts of the embedded benchmark, some with steps already written."""

from __future__ import annotations

from itertools import islice

from sormctl.tasks.chain.problems import generate
from sormctl.tasks.prompts import draft_prompt
from sormctl.tasks.registry import get_task

PROMPTS = [
    draft_prompt(get_task("chain"), problem.question, "plain", problem.reference[: i % 3])
    for i, problem in enumerate(islice(generate("test", 0), 10))
]
