"""Solutions by hand, for tests of the pure layer."""

from __future__ import annotations

from typing import Any

from sormctl.records import Problem, Solution, Usage

PROBLEM = Problem(task="numeric", problem_id="p1", question="What is 2 + 2 + 2?", answer="6")


def solution(
    name: str = "s1",
    steps: tuple[str, ...] = ("2 + 2 = 4", "#### 6"),
    predicted: str | None = "6",
    problem: Problem = PROBLEM,
    tokens: int = 10,
    **fields: Any,
) -> Solution:
    """A solution of `problem`; correct if its prediction is the problem's answer."""
    return problem.solved(
        solution_id=name,
        steps=steps,
        predicted=predicted,
        correct=predicted == problem.answer,
        usage=Usage(generated_tokens=tokens),
        **fields,
    )


def wrong(
    name: str = "w1", steps: tuple[str, ...] = ("2 + 2 = 5", "#### 7"), **fields: Any
) -> Solution:
    """An incorrect solution."""
    return solution(name, steps, predicted="7", **fields)
