"""Intervals and tests of the paper's report, against values worked by hand."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sormctl.evaluation.intervals import (
    Bootstrap,
    McNemar,
    Share,
    mcnemar,
    share_problems,
    sign_test,
    t_half,
)


def share(values: Mapping[str, float], totals: Mapping[str, float] | None = None) -> Share:
    return Share(values, totals or dict.fromkeys(values, 1))


def problems(count: int) -> list[str]:
    return [f"p{i}" for i in range(count)]


def test_sign_test_by_hand() -> None:
    """1 against 5 of six: two tails of (1 + 6) / 64."""
    assert sign_test(1, 5) == pytest.approx(14 / 64)
    assert sign_test(5, 1) == sign_test(1, 5)
    assert sign_test(3, 3) == 1
    assert sign_test(0, 0) == 1
    assert sign_test(0, 2000) < 1e-300


def test_mcnemar_counts_what_only_one_got_right() -> None:
    names = problems(5)
    first, second = (
        share(dict(zip(names, hits, strict=True))) for hits in ([1, 1, 0, 1, 0], [1, 0, 1, 0, 0])
    )
    assert mcnemar([first], [second]) == McNemar(2, 1, 1.0)
    half = share({"p0": 0.5})
    assert mcnemar([half], [share({"p0": 1})]) is None
    assert mcnemar([share({"p0": 1}, {"p0": 4})], [share({"p0": 1}, {"p0": 4})]) is None


def test_mcnemar_counts_a_problem_once() -> None:
    """p0: 2 seeds against none; p1: one each way, a tie; p2: 1 against 2."""
    first = [share({"p0": 1, "p1": 1, "p2": 1}), share({"p0": 1, "p1": 0, "p2": 0})]
    second = [share({"p0": 0, "p1": 0, "p2": 1}), share({"p0": 0, "p1": 1, "p2": 1})]
    assert mcnemar(first, second) == McNemar(1, 1, 1.0)
    one, other = (share({name: hits for name in problems(6)}) for hits in (1, 0))
    assert mcnemar([one] * 3, [other] * 3) == mcnemar([one], [other]) == McNemar(6, 0, 2 / 64)


def test_student_by_hand() -> None:
    """Mean 0.2, standard deviation 0.1: 4.303 * 0.1 / sqrt(3)."""
    assert t_half([0.1, 0.2, 0.3]) == pytest.approx(4.303 * 0.1 / 3**0.5)
    assert t_half([0.2, 0.4]) == pytest.approx(12.706 * 0.1)
    assert t_half([0.2]) is None


def test_one_seed_gives_the_interval_of_a_share() -> None:
    """Half of 400 problems: 0.5 ± 1.96 * sqrt(0.25 / 400)."""
    names = problems(400)
    found = Bootstrap([names]).share([share({n: i % 2 for i, n in enumerate(names)})])
    assert found.value == 0.5
    assert found.low == pytest.approx(0.451, abs=0.004)
    assert found.high == pytest.approx(0.549, abs=0.004)
    assert (found.by_seed, found.t_half) == ([0.5], None)


def test_steps_stay_with_their_problem() -> None:
    """Ten steps of a problem that are all right or all wrong tell no more than one."""
    names = problems(400)
    hits = {n: 10 * (i % 2) for i, n in enumerate(names)}
    found = Bootstrap([names]).share([share(hits, dict.fromkeys(names, 10))])
    assert found.high - found.low == pytest.approx(2 * 0.049, abs=0.008)


def test_differences_are_paired() -> None:
    """The second lacks one problem in ten of the first: only these vary."""
    names = problems(1000)
    first = share({n: i % 2 for i, n in enumerate(names)})
    second = share({n: i % 2 and i % 10 != 1 for i, n in enumerate(names)})
    found = Bootstrap([names]).difference([first], [second])
    half = 1.96 * (0.1 * 0.9 / 1000) ** 0.5
    assert found.value == pytest.approx(0.1)
    assert found.low == pytest.approx(0.1 - half, abs=0.002)
    assert found.high == pytest.approx(0.1 + half, abs=0.002)


def test_a_share_beside_another_has_equal_weight() -> None:
    """360 of 400 and 50 of 100: the mean of two independent shares, and of their variances / 4."""
    many, few = problems(400), [f"q{i}" for i in range(100)]
    beside = share({n: i % 2 for i, n in enumerate(few)})
    both = Share({n: i % 10 > 0 for i, n in enumerate(many)}, dict.fromkeys(many, 1), beside)
    found = Bootstrap([[*many, *few]]).share([both])
    half = 1.96 * (0.9 * 0.1 / 400 + 0.25 / 100) ** 0.5 / 2
    assert found.value == pytest.approx(0.7)
    assert both.n == 500
    assert found.low == pytest.approx(0.7 - half, abs=0.003)
    assert found.high == pytest.approx(0.7 + half, abs=0.003)
    assert mcnemar([both], [both]) is None
    assert both.over(many) is None  # nothing is left of one part
    part = both.over([*many[:10], few[0]])
    assert part is not None and (part.value, part.problems) == (0.45, [*many[:10], few[0]])


def test_seeds_are_resampled_too() -> None:
    """Of two seeds, all wrong and all right, a quarter of the replicates draw one of them twice."""
    names = problems(50)
    shares = [share(dict.fromkeys(names, value)) for value in (0, 1)]
    found = Bootstrap([names, names]).share(shares)
    assert (found.value, found.low, found.high) == (0.5, 0, 1)
    assert found.by_seed == [0, 1]


def test_a_seed_without_the_figure_is_left_out() -> None:
    names = problems(50)
    both = Bootstrap([names, names]).share([None, share(dict.fromkeys(names, 1))])
    assert (both.value, both.by_seed, both.high) == (1, [1], 1)
    assert both.low == pytest.approx(1 - 0.0713, abs=0.001)  # Wilson: 0 of 50 may be 7 %


def test_no_difference_at_all_is_not_certain() -> None:
    names = problems(100)
    same = [share({n: i % 2 for i, n in enumerate(names)})]
    found = Bootstrap([names]).difference(same, same)
    assert found.value == 0
    assert found.low == -found.high == pytest.approx(-0.037, abs=0.001)


# ── seeds that share their problems ──────────────────────────────────────────────────────────────

answers = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=40)


@given(answers, st.integers(2, 4))
def test_seeds_that_agree_have_the_interval_of_one(pairs: list[tuple[bool, bool]], n: int) -> None:
    """However many seeds, the same answers to the same problems tell what one seed tells."""
    names = problems(len(pairs))
    first, second = (
        share({m: float(pair[i]) for m, pair in zip(names, pairs, strict=True)}) for i in (0, 1)
    )
    one, many = (Bootstrap([names] * count, 200) for count in (1, n))
    for alone, together in (
        (one.share([first]), many.share([first] * n)),
        (one.difference([first], [second]), many.difference([first] * n, [second] * n)),
    ):
        found = (together.value, together.low, together.high)
        assert found == pytest.approx((alone.value, alone.low, alone.high))


@given(st.lists(st.sets(st.sampled_from("abcd"), min_size=1).map(sorted), min_size=1, max_size=4))
def test_shared_is_a_problem_of_two_seeds(seeds: list[list[str]]) -> None:
    common = any(set(one) & set(two) for one, two in combinations(seeds, 2))
    assert share_problems(seeds) == Bootstrap(seeds, 5).shared == common


@given(answers)
def test_seeds_have_the_same_draws_of_what_they_share(pairs: list[tuple[bool, bool]]) -> None:
    """The second seed lacks the last problem; over the others both have the same interval."""
    names = problems(len(pairs))
    bootstrap = Bootstrap([names, names[:-1]], 50)
    part = share({m: float(hit) for m, (hit, _) in zip(names[:-1], pairs, strict=False)})
    assert bootstrap.share([part, None]) == bootstrap.share([None, part])


def test_own_problems_tell_more_than_shared_ones() -> None:
    """Three seeds that differ in nothing but problems: sqrt(3) between the widths."""
    names = problems(300)
    hits = share({n: i % 2 for i, n in enumerate(names)})
    shared = Bootstrap([names] * 3).share([hits] * 3)
    own = [[f"{seed} {n}" for n in names] for seed in range(3)]
    apart = Bootstrap(own).share(
        [share(dict(zip(o, hits.hits.values(), strict=True))) for o in own]
    )
    assert (shared.high - shared.low) / (apart.high - apart.low) == pytest.approx(3**0.5, abs=0.1)


@pytest.mark.parametrize(("shared", "at_least", "at_most"), [(True, 0.92, 1.0), (False, 0.6, 0.85)])
def test_intervals_hold_the_truth(shared: bool, at_least: float, at_most: float) -> None:
    """Three seeds on 60 common problems, half of them hard in every seed; right half of the time.

    Problems that are taken for each seed's own, though they are not, make intervals that fail.
    """
    random = np.random.default_rng(1)
    names = problems(60)
    own = [names if shared else [f"{seed} {n}" for n in names] for seed in range(3)]
    bootstrap = Bootstrap(own, 300)
    held = 0
    for _ in range(200):
        chance = random.choice((0.05, 0.95), len(names))
        seeds = [share(dict(zip(o, random.binomial(1, chance).tolist(), strict=True))) for o in own]
        found = bootstrap.share(seeds)
        held += found.low <= 0.5 <= found.high
    assert at_least <= held / 200 <= at_most
