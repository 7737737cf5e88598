"""Laws: what is summed up fast is what the definition says."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product
from typing import Any

import numpy  # noqa: F401 (the first import takes longer than an example may)
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sormctl.evaluation.metrics import Z, auc, calibration_error, clustered_proportion
from sormctl.evaluation.steps import StepTally
from sormctl.targets import NO_ERROR, first_error

STEPS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.25, 0.5, 1.0]) | st.floats(0, 1), st.integers(0, 1)),
    min_size=1,
    max_size=40,
)
SHARES = st.lists(
    st.integers(0, 6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), max_size=12
)


@given(STEPS)
def test_auc_is_the_share_of_pairs_in_order(steps: list[tuple[float, int]]) -> None:
    scores, labels = zip(*steps, strict=True)
    pairs = list(product([s for s, t in steps if t], [s for s, t in steps if not t]))
    in_order = sum(Fraction(p > n) + Fraction(p == n, 2) for p, n in pairs)
    if pairs:
        assert auc(scores, labels) == pytest.approx(float(in_order / len(pairs)), rel=1e-14)
    else:
        assert math.isnan(auc(scores, labels))


@given(STEPS)
def test_calibration_error_is_the_mean_gap_of_ten_bins(steps: list[tuple[float, int]]) -> None:
    bins = [[(s, t) for s, t in steps if min(int(s * 10), 9) == i] for i in range(10)]
    gaps = [abs(sum(s for s, _ in cell) - sum(t for _, t in cell)) for cell in bins]
    scores, labels = zip(*steps, strict=True)
    assert calibration_error(scores, labels) == pytest.approx(sum(gaps) / len(steps))


@given(SHARES)
def test_a_clustered_interval_is_that_of_a_ratio(shares: list[tuple[int, int]]) -> None:
    hits, totals = [h for h, _ in shares], [t for _, t in shares]
    clusters = sum(t > 0 for t in totals)
    found = clustered_proportion(hits, totals)
    if clusters < 2:
        assert math.isnan(found.low)
        return
    share = Fraction(sum(hits), sum(totals))
    spread = sum((h - share * t) ** 2 for h, t in shares)
    assert found.value == pytest.approx(float(share))
    if spread:
        half = Z * math.sqrt(spread * clusters / (clusters - 1)) / sum(totals)
        assert found.low == pytest.approx(max(0.0, float(share) - half), abs=1e-12)
        assert found.high == pytest.approx(min(1.0, float(share) + half), abs=1e-12)


JUDGED = st.lists(
    st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.sampled_from([0, 1, None])), max_size=5)
)


@given(JUDGED)
def test_shares_of_steps_are_those_of_each_solution(solutions: list[list[Any]]) -> None:
    tally = StepTally()
    for steps in solutions:
        tally.add([s for s, _ in steps], [t for _, t in steps])
    solutions = [steps for steps in solutions if any(t is not None for _, t in steps)]
    known = [[(s >= 0.5, bool(t)) for s, t in steps if t is not None] for steps in solutions]
    found = {
        what: (hits.tolist(), totals.tolist()) for what, (hits, totals) in tally.shares().items()
    }
    assert found["step accuracy"] == (
        [sum(p == t for p, t in steps) for steps in known],
        list(map(len, known)),
    )
    bad = [sum(not t for _, t in steps) for steps in known]
    assert found["false positive rate"] == ([sum(p > t for p, t in s) for s in known], bad)
    assert found["false negative rate"][0] == [sum(p < t for p, t in steps) for steps in known]
    errors = [first_error([t for _, t in steps]) for steps in solutions]
    exact = [first([s >= 0.5 for s, _ in steps]) for steps in solutions]
    pairs = [*zip(exact, errors, strict=True)]
    assert found["first error found"] == (
        [int(a == b and b != NO_ERROR) for a, b in pairs],
        [int(b is not None and b != NO_ERROR) for _, b in pairs],
    )
    assert found["no error where there is none"] == (
        [int(a == b == NO_ERROR) for a, b in pairs],
        [int(b == NO_ERROR) for _, b in pairs],
    )


def first(steps: list[bool]) -> int:
    return steps.index(False) if False in steps else NO_ERROR
