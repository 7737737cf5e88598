import asyncio

from hypothesis import given
from hypothesis import strategies as st

from sormctl.labelling import Rollout, StepLabels, backward_walk, exhaustive

TABLES = st.integers(0, 7).flatmap(
    lambda steps: st.tuples(
        st.just(steps),
        st.booleans(),
        st.integers(1, 9).flatmap(
            lambda k: st.tuples(
                st.just(k),
                st.lists(
                    st.lists(st.booleans(), min_size=k, max_size=k), min_size=steps, max_size=steps
                ),
            )
        ),
    )
)


def run(walk, steps: int, correct: bool, k: int, table: list[list[bool]]) -> StepLabels:
    async def roll_out(length: int, indices: range) -> list[Rollout]:
        return [Rollout((str(i),), table[length - 1][i], 1) for i in indices]

    return asyncio.run(walk(steps, correct, k, roll_out))


@given(TABLES)
def test_the_walk_gives_the_labels_of_the_plain_way(case) -> None:
    steps, correct, (k, table) = case
    plain = run(exhaustive, steps, correct, k, table)
    walk = run(backward_walk, steps, correct, k, table)
    assert walk.labels == plain.labels
    assert sum(c.tried for c in walk.rollouts) <= sum(c.tried for c in plain.rollouts)


@given(TABLES)
def test_labels_are_ones_then_zeros_and_end_with_the_outcome(case) -> None:
    steps, correct, (k, table) = case
    labels = run(backward_walk, steps, correct, k, table).labels
    assert list(labels) == sorted(labels, reverse=True)
    assert len(labels) == steps
    if steps:
        assert labels[-1] == int(correct)


@given(TABLES)
def test_the_verifier_continues_the_prefix_before_the_first_error(case) -> None:
    steps, _, (k, table) = case
    found = run(backward_walk, steps, False, k, table)
    for verifier in found.verifiers:
        assert verifier.prefix == found.labels.index(0)
