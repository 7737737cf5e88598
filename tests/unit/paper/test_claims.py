"""The rule that judges the paper's claims."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from examples.paper.report.claims import CLAIMS
from examples.paper.report.rows import majority, rerank
from examples.paper.report.tables import tally
from examples.paper.report.verdicts import Claim, is_certain, judge


def difference(
    low: float, high: float, *by_seed: float, half: float | None = None
) -> dict[str, Any]:
    middle = (low + high) / 2
    values = by_seed or [middle]
    return {"low": low, "high": high, "by_seed": values, "value": middle, "t_half": half}


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


@pytest.mark.parametrize(
    ("found", "certain"),
    [
        ([difference(0.01, 0.03, half=0.01)], True),
        ([difference(0.01, 0.03, half=0.03)], False),
        ([difference(0.01, 0.03)], False),  # one seed
        ([difference(-0.01, 0.03, half=0.005)], False),  # undecided by the bootstrap
        ([difference(-0.03, -0.01, half=0.01)], True),
        ([difference(0.01, 0.03, half=0.01), difference(0.01, 0.03, half=0.03)], False),
    ],
)
def test_a_star_needs_the_seeds_alone(found: list[dict[str, Any]], certain: bool) -> None:
    assert is_certain(ABOVE, found) == certain


def test_claims_have_names_of_their_own() -> None:
    assert len({claim.key for claim in CLAIMS}) == len(CLAIMS)
    assert all(claim.pairs and claim.low < claim.high for claim in CLAIMS)


@pytest.mark.parametrize("key", ["balanced-orm", "when-to-refine", "rl-collapse", "filtered"])
def test_what_changes_little_neither_gains_nor_loses(key: str) -> None:
    (claim,) = (claim for claim in CLAIMS if claim.key == key)
    assert judge(claim, [difference(-0.5, -0.4)]) == judge(claim, [difference(0.4, 0.5)])
    assert judge(claim, [difference(0.4, 0.5)]) == "not reproduced"


def test_students_and_samples_take_their_place() -> None:
    (pairs,) = (claim.concrete("ei", 32) for claim in CLAIMS if claim.key == "rerank-vote")
    assert pairs == [(("ei/many", rerank(32, "orm")), ("ei/many", majority(32)))]


def test_what_was_run_and_has_no_figure_is_not_called_not_run() -> None:
    """Such as a claim on bad steps where there are none. One younger than the run was not run."""
    asked = [claim for claim in CLAIMS if claim.by_student]
    files = [{ref[0] for pair in claim.concrete("ei", 8) for ref in pair if ref} for claim in asked]
    without = files.count({"ei/main"})
    assert 0 < without < len(asked)
    main = {"results": {"ei/main": {}}, "students": ["ei"], "samples": 8}
    told, once = tally(main | {"claims": {claim.key: {} for claim in CLAIMS}})
    assert told.endswith(f": {without} no figure, {len(asked) - without} not run")
    assert once.endswith("not run")
    told, _ = tally(main | {"claims": {}})
    assert told.endswith(f": {len(asked)} not run")
