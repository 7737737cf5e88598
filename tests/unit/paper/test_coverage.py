"""The simulation of how far intervals can be trusted."""

from __future__ import annotations

import numpy as np
import pytest

from examples.paper.report.coverage import SEEDS, interval
from sormctl.evaluation.intervals import Bootstrap


@pytest.mark.parametrize(
    ("problems", "alike", "half"),
    [
        ([["a"], ["b"], ["c"]], 0.0, 1.96 / 3**0.5),  # each seed's test set is another
        ([["a"]] * 3, 1.0, 1.96),  # all seeds have the same, and the same of it
    ],
)
def test_a_test_set_varies_by_one(problems: list[list[str]], alike: float, half: float) -> None:
    """Seeds that agree: what is left is the test sets' variance, 1 for each of them."""
    bootstrap = Bootstrap(problems, replicates=20_000)
    found = interval(np.random.default_rng(1), bootstrap, np.zeros(SEEDS), alike)
    assert (found.low, found.high) == pytest.approx((-half, half), rel=0.05)
