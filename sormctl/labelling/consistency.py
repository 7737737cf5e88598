"""A rollout that forgets the prefix is no success: post-processing 2 of the paper, 3.1 step 2."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from sormctl.tasks.answers.numbers import parse_number

_NUMBER = re.compile(r"[0-9][0-9,]*(?:\.[0-9]+)?(?:/[0-9]+)?|\.[0-9]+")


def is_consistent(
    prefix: Sequence[str],
    rollout: Sequence[str],
    result: Callable[[str], str | None],
    mode: str = "string",
) -> bool:
    """Post-processing 2: the result R_j of each step of the prefix is used after that step.

    `result` reads R_j from a step (None: nothing to use). Mode `string` is the paper's: R_j occurs
    as a string in the later steps of the prefix or in the rollout. `number` wants the same number,
    so that the 4 in "42" does not count; `off` accepts all.
    """
    if mode == "off":
        return True
    occurs = _occurs_as_number if mode == "number" else _occurs_as_string
    steps = (*prefix, *rollout)
    results = ((j, result(step)) for j, step in enumerate(prefix))
    return all(found is None or occurs(found, steps[j + 1 :]) for j, found in results)


def _occurs_as_string(number: str, steps: Sequence[str]) -> bool:
    return any(number in step for step in steps)


def _occurs_as_number(number: str, steps: Sequence[str]) -> bool:
    wanted = parse_number(number.lstrip("-"))
    return wanted is not None and any(
        parse_number(found) == wanted for step in steps for found in _NUMBER.findall(step)
    )
