"""What engines that ask vLLM have in common."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sormctl.engines.base import Sampling, answer_limit, consecutive, repeats_itself
from sormctl.errors import EngineError, TooLongError


def test_a_run_of_seeds_is_one_request() -> None:
    assert consecutive([7, 8, 9, 4]) == [range(7, 10), range(4, 5)]


@given(st.lists(st.integers(0, 9)))
def test_no_seed_is_lost_and_runs_are_as_long_as_can_be(seeds: list[int]) -> None:
    runs = consecutive(seeds)
    assert [seed for run in runs for seed in run] == seeds
    assert all(before.stop != after.start for before, after in itertools.pairwise(runs))


def test_greedy_completions_are_requests_of_their_own() -> None:
    seeds = (7, 8, 4)
    assert Sampling(seeds).runs() == [range(7, 9), range(4, 5)]
    for greedy in (Sampling(seeds, temperature=0), Sampling(seeds, top_p=0)):
        assert greedy.runs() == [range(7, 8), range(8, 9), range(4, 5)]


@given(
    st.lists(st.integers(0, 2), max_size=12),
    st.lists(st.integers(0, 2), min_size=1, max_size=20),
    st.integers(2, 5),
)
def test_repeats_are_found_where_they_are(before: list[int], said: list[int], times: int) -> None:
    """Eight tokens at least are said again; a shorter loop counts, as eight of its tokens."""
    tokens = [*before, *said * times]
    sizes = range(8, len(tokens) // times + 1)
    expected = any(tokens[-size * times :] == tokens[-size:] * times for size in sizes)
    assert repeats_itself(tokens, times) == expected
    assert expected or len(said) < 8


def test_a_long_number_is_no_repetition() -> None:
    assert not repeats_itself([1, *[0] * 31], 4)
    assert repeats_itself([1, *[0] * 32], 4)


def test_an_answer_gets_what_the_prompt_leaves() -> None:
    assert answer_limit(7, 10, "m", 300) == 3
    assert answer_limit(7, 10, "m", 2) == 2
    assert answer_limit(7, None, "m", 300) == 300


@pytest.mark.parametrize("length", [10, 11])
def test_a_prompt_may_leave_nothing(length: int) -> None:
    told = f"^a prompt of {length} tokens leaves no room for an answer; m reads 10$"
    with pytest.raises(TooLongError, match=told):
        answer_limit(length, 10, "m", 300)
    with pytest.raises(EngineError, match="an empty prompt"):
        answer_limit(0, 10, "m", 300)
