"""Step labels: from the outcome (ORM) and from rollouts (SORM). Paper, 3.1 step 2.

`P_i` is the prefix of the first i steps of a solution, 1 <= i <= L. Write s(i) for "some rollout
from P_i reaches the reference answer and is consistent with P_i". After post-processing 1 (every
step before a positive step is positive) the labels depend only on the last i with s(i); that is
why `backward_walk` gives the labels of `exhaustive` for a part of its rollouts.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from sormctl.records import Rollouts, Steps, Verifier
from sormctl.tasks.numbers import parse_number

CONSISTENCY = ("string", "number", "off")

_NUMBER = re.compile(r"[0-9][0-9,]*(?:\.[0-9]+)?(?:/[0-9]+)?|\.[0-9]+")


@dataclass(frozen=True, slots=True)
class Rollout:
    """One continuation of a prefix. `succeeded`: its answer is right and it is consistent."""

    steps: Steps
    succeeded: bool
    generated_tokens: int


# (length of the prefix, indices of the rollouts) -> these rollouts
RollOut = Callable[[int, range], Awaitable[Sequence[Rollout]]]


@dataclass(frozen=True, slots=True)
class StepLabels:
    """Labels of one solution's steps, what they cost, and the verifying traces found."""

    labels: tuple[int, ...]
    rollouts: tuple[Rollouts, ...]
    verifiers: tuple[Verifier, ...] = ()


def outcome_labels(num_steps: int, correct: bool) -> tuple[int, ...]:
    """ORM labels: every step has the label of the final answer."""
    return (int(correct),) * num_steps


async def backward_walk(num_steps: int, correct: bool, k: int, roll_out: RollOut) -> StepLabels:
    """SORM labels by the fewest rollouts that leave them exact.

    A correct solution needs none: its last step has nothing left to generate and is positive. For
    a wrong one, walk backwards from the step before the last; stop at the first prefix with a
    success, and at each prefix at the first success among `k`.
    """
    if correct or num_steps == 0:
        return StepLabels(outcome_labels(num_steps, correct), (Rollouts(),) * num_steps)
    counts = [Rollouts()] * num_steps
    for length in range(num_steps - 1, 0, -1):
        counts[length - 1], successes = await _until_success(length, k, roll_out)
        if successes:
            return StepLabels(_labels(length, num_steps), tuple(counts), successes)
    return StepLabels(_labels(0, num_steps), tuple(counts))


async def exhaustive(num_steps: int, correct: bool, k: int, roll_out: RollOut) -> StepLabels:
    """The plain way: `k` rollouts from every prefix. The counts of successes are values (J)."""
    lengths = range(1, num_steps)
    tried = await asyncio.gather(*(roll_out(length, range(k)) for length in lengths))
    counts = [_count(rollouts) for rollouts in tried] + [Rollouts()] * min(num_steps, 1)
    verifiers = tuple(
        Verifier(length, rollout.steps)
        for length, rollouts in zip(lengths, tried, strict=True)
        for rollout in rollouts
        if rollout.succeeded
    )
    last = max((verifier.prefix for verifier in verifiers), default=0)
    labels = _labels(num_steps if correct else last, num_steps)
    return StepLabels(labels, tuple(counts), verifiers)


def waves(k: int) -> Iterator[range]:
    """Indices 0 … k-1 in waves of 1, 1, 2, 4, …: few are wasted, and the batch stays busy."""
    start, size = 0, 1
    while start < k:
        yield range(start, min(start + size, k))
        start += size
        size = start


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


async def _until_success(
    length: int, k: int, roll_out: RollOut
) -> tuple[Rollouts, tuple[Verifier, ...]]:
    tried: list[Rollout] = []
    for wave in waves(k):
        tried += await roll_out(length, wave)
        if any(rollout.succeeded for rollout in tried):
            break
    successes = tuple(Verifier(length, rollout.steps) for rollout in tried if rollout.succeeded)
    return _count(tried), successes


def _count(rollouts: Sequence[Rollout]) -> Rollouts:
    return Rollouts(
        tried=len(rollouts),
        succeeded=sum(rollout.succeeded for rollout in rollouts),
        made=True,
        generated_tokens=sum(rollout.generated_tokens for rollout in rollouts),
    )


def _labels(num_positive: int, num_steps: int) -> tuple[int, ...]:
    """Post-processing 1: all steps up to the last positive one are positive."""
    return (1,) * num_positive + (0,) * (num_steps - num_positive)
