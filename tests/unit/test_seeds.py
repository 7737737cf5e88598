"""Seeds: fixed by what is sampled, consecutive within a prefix."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sormctl.seeds import derive_seed, derive_seeds

NAMES = st.text(max_size=5)
PREFIXES = st.lists(NAMES, max_size=3)


@given(st.integers(), NAMES, PREFIXES, st.integers(1, 9), st.integers(0, 9))
def test_seeds_asked_for_in_two_requests_are_those_of_one(
    seed: int, name: str, prefix: list[str], n: int, cut: int
) -> None:
    seeds = derive_seeds(seed, name, prefix, range(n))
    head, tail = range(n)[:cut], range(n)[cut:]
    assert seeds == derive_seeds(seed, name, prefix, head) + derive_seeds(seed, name, prefix, tail)
    assert seeds[0] == derive_seed(seed, name, prefix)
    assert all(0 <= s < 2**63 for s in seeds)


@given(st.lists(st.tuples(NAMES, PREFIXES.map(tuple)), min_size=2, max_size=4, unique=True))
def test_prefixes_and_problems_have_seeds_of_their_own(
    asked: list[tuple[str, tuple[str, ...]]],
) -> None:
    seeds = [seed for name, prefix in asked for seed in derive_seeds(0, name, prefix, range(8))]
    assert len(set(seeds)) == len(seeds)
