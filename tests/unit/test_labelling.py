import asyncio

import pytest

from sormctl.labelling import (
    Rollout,
    backward_walk,
    exhaustive,
    is_consistent,
    outcome_labels,
    waves,
)
from sormctl.records import Rollouts, Verifier
from sormctl.tasks.steps import step_result


def scripted(successes: set[tuple[int, int]], asked: list[tuple[int, int]] | None = None):
    """Rollout `index` from prefix `length` succeeds iff the pair is in `successes`; 10 tokens."""

    async def roll_out(length: int, indices: range) -> list[Rollout]:
        if asked is not None:
            asked.extend((length, index) for index in indices)
        return [
            Rollout((f"from {length}, number {index}",), (length, index) in successes, 10)
            for index in indices
        ]

    return roll_out


def test_outcome_labels_every_step_with_the_outcome() -> None:
    assert outcome_labels(3, True) == (1, 1, 1)
    assert outcome_labels(2, False) == (0, 0)


def test_a_correct_solution_needs_no_rollout() -> None:
    asked: list[tuple[int, int]] = []
    found = asyncio.run(backward_walk(3, True, 8, scripted(set(), asked)))
    assert (found.labels, asked) == ((1, 1, 1), [])


def test_the_walk_stops_at_the_last_prefix_with_a_success() -> None:
    """Four steps, wrong. P_3 fails twice; P_2 succeeds with its second rollout; P_1 is not asked.

    The last step is negative by itself, so the labels are 1 1 0 0.
    """
    asked: list[tuple[int, int]] = []
    found = asyncio.run(backward_walk(4, False, 2, scripted({(2, 1), (1, 0)}, asked)))
    assert found.labels == (1, 1, 0, 0)
    assert asked == [(3, 0), (3, 1), (2, 0), (2, 1)]
    assert found.verifiers == (Verifier(2, ("from 2, number 1",)),)
    assert found.rollouts == (
        Rollouts(),
        Rollouts(2, 1, True, 20),
        Rollouts(2, 0, True, 20),
        Rollouts(),
    )


def test_exhaustive_counts_successes_of_every_prefix() -> None:
    found = asyncio.run(exhaustive(3, False, 2, scripted({(1, 0), (1, 1)})))
    assert found.labels == (1, 0, 0)
    assert [count.succeeded for count in found.rollouts] == [2, 0, 0]
    assert [verifier.prefix for verifier in found.verifiers] == [1, 1]


@pytest.mark.parametrize("steps", [0, 1])
@pytest.mark.parametrize("walk", [backward_walk, exhaustive])
def test_solutions_too_short_for_a_rollout(steps: int, walk) -> None:
    found = asyncio.run(walk(steps, False, 8, scripted(set())))
    assert found.labels == (0,) * steps
    assert len(found.rollouts) == steps


def test_waves_double() -> None:
    assert [list(wave) for wave in waves(8)] == [[0], [1], [2, 3], [4, 5, 6, 7]]
    assert [list(wave) for wave in waves(3)] == [[0], [1], [2]]


@pytest.mark.parametrize(
    ("prefix", "rollout", "string", "number"),
    [
        (["2 + 2 = 4"], ["4 * 3 = 12"], True, True),
        (["2 + 2 = 4"], ["6 * 7 = 42"], True, False),  # the paper's test is on strings
        (["2 + 2 = 4"], ["5 * 3 = 15"], False, False),
        (["2 + 2 = 4", "4 + 1 = 5"], ["5 * 2 = 10"], True, True),  # used later in the prefix
        (["He is sad."], ["#### 3"], True, True),  # a step without a result asks for nothing
        (["7 / 2 = 3.5"], ["3.50 * 2 = 7"], True, True),
        (["2 * 600 = 1,200"], ["1200 / 3 = 400"], False, True),
        (["2 / 4 = 1/2"], ["0.5 * 8 = 4"], False, True),
    ],
)
def test_consistency(prefix, rollout, string: bool, number: bool) -> None:
    assert is_consistent(prefix, rollout, step_result, "string") is string
    assert is_consistent(prefix, rollout, step_result, "number") is number
    assert is_consistent(prefix, rollout, step_result, "off")
