"""The backward walk and all rollouts from every prefix give the same labels, on a real model."""

import asyncio

import pytest

from benchmarks.labelling import both_ways, tokens

SOLUTIONS = 320


@pytest.mark.parametrize("consistency", ["string", "off"])
def test_the_walk_gives_the_labels_of_all_rollouts(consistency: str) -> None:
    walk, plain = asyncio.run(both_ways("embedded:student", SOLUTIONS, 8, consistency))
    assert [s.labels for s in walk] == [s.labels for s in plain]
    wrong = [s for s in walk if not s.correct]
    assert len(walk) == SOLUTIONS and len(wrong) > SOLUTIONS // 10
    assert {label for s in wrong for label in s.labels or ()} == {0, 1}
    assert tokens(walk) < tokens(plain)
