"""The rule that judges the paper's claims."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from examples.paper.report.claims import CLAIMS, Claim, judge


def difference(low: float, high: float, *by_seed: float) -> dict[str, Any]:
    return {"low": low, "high": high, "by_seed": by_seed or [(low + high) / 2]}


ABOVE = Claim("above", "", "", "", [])
NEAR = Claim("near", "", "", "", [], -0.02, 0.02)
BELOW = Claim("below", "", "", "", [], -inf, 0.01)


@pytest.mark.parametrize(
    ("claim", "found", "verdict"),
    [
        (ABOVE, [difference(0.01, 0.03)], "reproduced"),
        (ABOVE, [difference(-0.01, 0.03)], "undecided"),
        (ABOVE, [difference(0.01, 0.05, 0.08, -0.01)], "undecided"),  # a seed disagrees
        (ABOVE, [difference(-0.03, -0.01)], "not reproduced"),
        (ABOVE, [difference(0.01, 0.03), difference(-0.01, 0.03)], "undecided"),
        (ABOVE, [difference(0.01, 0.03), difference(-0.03, -0.01)], "not reproduced"),
        (NEAR, [difference(-0.01, 0.01)], "reproduced"),
        (NEAR, [difference(-0.01, 0.03)], "undecided"),
        (NEAR, [difference(0.03, 0.05)], "not reproduced"),
        (BELOW, [difference(-0.5, -0.3)], "reproduced"),
        (BELOW, [difference(0.0, 0.02)], "undecided"),
    ],
)
def test_judgement(claim: Claim, found: list[dict[str, Any]], verdict: str) -> None:
    assert judge(claim, found) == verdict


def test_claims_have_names_of_their_own() -> None:
    assert len({claim.key for claim in CLAIMS}) == len(CLAIMS)
    assert all(claim.pairs and claim.low < claim.high for claim in CLAIMS)


def test_students_and_samples_take_their_place() -> None:
    (pairs,) = (claim.concrete("ei", 32) for claim in CLAIMS if claim.key == "classifier")
    assert pairs == [(("ei/many", "rerank@32 by orm"), ("ei/many", "rerank@32 by contrastive"))]
