import math

import pytest

from sormctl.evaluation.metrics import (
    auc,
    average,
    calibration_error,
    clustered_difference,
    clustered_proportion,
    harmonic_mean,
    paired_difference,
    pass_at_k,
    proportion,
)


def test_wilson_interval_of_a_textbook_case() -> None:
    """8 of 10: centre (0.8 + 1.92/10) / (1 + 3.84/10), interval 0.490 to 0.943 (Wilson 1927)."""
    found = proportion(8, 10)
    assert found.value == 0.8
    assert (found.low, found.high) == pytest.approx((0.4902, 0.9433), abs=1e-4)


def test_nothing_measured_is_nan_not_zero() -> None:
    assert math.isnan(proportion(0, 0).value)
    assert math.isnan(average([]).value)
    assert math.isnan(auc([0.1], [1]))
    assert math.isnan(clustered_proportion([], []).value)


def test_an_interval_of_few_stays_within_what_can_be() -> None:
    few = average([0.0, 5 / 6])
    assert (few.low, few.high) == (0, 1)
    better = paired_difference([1, 1, 0.5], [0, 0, 1])
    assert better.low == pytest.approx(-0.48, abs=0.01)
    assert better.high == 1
    steps = clustered_difference([0, 2, 0], [3, 0, 3], [3, 2, 3])
    assert steps.low == -1
    assert steps.high == pytest.approx(0.60, abs=0.01)


def test_paired_difference_by_hand() -> None:
    """Differences 1, 0, 0, 1: mean 0.5, standard deviation sqrt(1/3), standard error 0.2887."""
    found = paired_difference([1, 1, 0, 1], [0, 1, 0, 0])
    assert (found.value, found.n) == (0.5, 4)
    assert found.value - found.low == pytest.approx(1.959964 * math.sqrt(1 / 3) / 2)


def test_a_difference_of_steps_is_paired_by_solution() -> None:
    found = clustered_difference([3, 2, 4, 1], [2, 2, 2, 1], [4, 2, 4, 2])
    assert found.value == pytest.approx(3 / 12)
    assert found.n == 12
    # residues 1 - 4/4, 0 - 2/4, 2 - 4/4, 0 - 2/4: their squares sum to 1.5
    assert found.high - found.value == pytest.approx(1.959964 * math.sqrt(1.5 * 4 / 3) / 12)
    same = clustered_difference([1, 2], [1, 2], [2, 2])
    assert same.value == 0 and same.low == -same.high < 0
    assert math.isnan(clustered_difference([1], [0], [2]).low)


def test_clustering_widens_the_interval_of_like_steps() -> None:
    clustered = clustered_proportion([4, 0, 4, 0, 4, 0], [4] * 6)
    independent = proportion(12, 24)
    assert clustered.value == independent.value == 0.5
    assert clustered.high - clustered.low > independent.high - independent.low


@pytest.mark.parametrize(
    ("n", "correct", "k", "value"), [(4, 1, 1, 0.25), (4, 1, 4, 1), (4, 2, 2, 5 / 6), (3, 0, 2, 0)]
)
def test_pass_at_k(n: int, correct: int, k: int, value: float) -> None:
    assert pass_at_k(n, correct, k) == pytest.approx(value)


def test_pass_at_more_than_was_sampled_is_refused() -> None:
    with pytest.raises(ValueError, match="pass@5 of 4"):
        pass_at_k(4, 1, 5)


def test_auc_counts_ties_half() -> None:
    assert auc([0.9, 0.8, 0.2], [1, 1, 0]) == 1
    assert auc([0.5, 0.5], [1, 0]) == 0.5
    assert auc([0.1, 0.9], [1, 0]) == 0


def test_calibration_error_by_hand() -> None:
    """Two at 0.95 of which one is right: |1.9 - 1| / 2 = 0.45."""
    assert calibration_error([0.95, 0.95], [1, 0]) == pytest.approx(0.45)


def test_harmonic_mean() -> None:
    assert harmonic_mean(0.5, 1.0) == pytest.approx(2 / 3)
    assert harmonic_mean(0, 0) == 0


def test_no_interval_has_no_width() -> None:
    """One unit tells nothing of the spread; ten solutions that are all right are ten of ten."""
    assert math.isnan(paired_difference([1], [0]).low)
    assert math.isnan(clustered_proportion([3], [5]).low)
    assert paired_difference([1, 0] * 5, [1, 0] * 5).high == pytest.approx(proportion(0, 10).high)
    assert clustered_proportion([4] * 10, [4] * 10).low == pytest.approx(proportion(10, 10).low)


def test_units_that_are_all_alike_leave_a_doubt() -> None:
    """Two problems that both improve, or two halves, do not prove it of all problems."""
    doubt = proportion(0, 2).high
    for found, least in (
        (paired_difference([1, 1], [0, 0]), -1),
        (average([0.5, 0.5]), 0),
        (clustered_difference([1, 2], [0, 0], [2, 4]), -1),
    ):
        assert found.low == pytest.approx(max(least, found.value - doubt))
        assert found.high == pytest.approx(min(1, found.value + doubt))
