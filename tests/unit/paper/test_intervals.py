"""Intervals and tests of the paper's report, against values worked by hand."""

from __future__ import annotations

import pytest

from examples.paper.report.intervals import Bootstrap, McNemar, Share, mcnemar, sign_test, t_half


def share(values: dict[str, float], totals: dict[str, float] | None = None) -> Share:
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
    assert mcnemar([1, 1, 0, 1, 0], [1, 0, 1, 0, 0]) == McNemar(2, 1, 1.0)
    assert mcnemar([1, 0.5], [1, 0]) is None


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
