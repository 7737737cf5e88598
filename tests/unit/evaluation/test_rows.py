"""What a row is about: its text, and its JSON."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from sormctl.evaluation.metrics import Estimate
from sormctl.evaluation.rows import (
    About,
    Difference,
    Fixed,
    Judgement,
    JudgementDifference,
    ReportRow,
    Way,
)

DRAFT, GLOBAL = Way("each", ("draft",)), Way("each", ("global",))
BEST = Way("score", ("draft", "global"), None, "orm by me", "final")
SAMPLES: Any = ("sample",)
TEXTS = [
    (Way("only"), "accuracy", "accuracy"),
    (DRAFT, "accuracy", "draft"),
    (Way("each", SAMPLES), "accuracy", "sample"),
    (Way("majority", SAMPLES, 8), "accuracy", "maj@8"),
    (Way("weighted", SAMPLES, 8, "orm", "final"), "accuracy", "weighted maj@8 by orm"),
    (Way("oracle", SAMPLES, 8), "accuracy", "pass@8"),
    (Way("score", SAMPLES, 3, "orm", "final"), "accuracy", "rerank@3 by orm"),
    (Way("score", SAMPLES, 3, "orm", "mean"), "accuracy", "rerank@3 by orm, mean"),
    (
        Way("majority", SAMPLES, within=("draft", "global")),
        "accuracy",
        "maj at the tokens of draft + global",
    ),
    (BEST, "accuracy", "draft + global by orm by me"),
    (
        Way("weighted", ("draft", "global", "local"), None, "orm", "final"),
        "accuracy",
        "weighted draft + global + local by orm",
    ),
    (Way("oracle", ("global", "local")), "accuracy", "global + local, oracle"),
    (Fixed(GLOBAL), "wrong drafts", "global: fixed"),
    (Difference(BEST, DRAFT), "difference", "draft + global by orm by me - draft"),
    (Judgement("orm", "labels", "AUC"), "steps", "orm against labels: AUC"),
    (
        Judgement(None, "oracle", "step accuracy"),
        "steps",
        "labels against oracle: step accuracy",
    ),
    (
        JudgementDifference("sorm", "orm", "answers", "final accuracy"),
        "reward models",
        "sorm - orm against answers: final accuracy",
    ),
]


@pytest.mark.parametrize(("about", "section", "text"), TEXTS, ids=[text for _, _, text in TEXTS])
def test_text_and_json_of_a_row(about: About, section: str, text: str) -> None:
    data = json.loads(json.dumps(ReportRow(about, Estimate(0.5, 2, 0.1, 0.9)).json()))
    assert (data["section"], data["name"]) == (section, text)
    assert (data["value"], data["n"], data["low"], data["high"]) == (0.5, 2, 0.1, 0.9)
    assert msgspec.convert(data["about"], About) == about


def test_names_that_read_alike_are_told_apart() -> None:
    """The mean of `orm` and the last score of a model called `orm, mean`."""
    one = Way("score", SAMPLES, 3, "orm", "mean")
    other = Way("score", SAMPLES, 3, "orm, mean", "final")
    assert str(one) == str(other)
    assert one != other


def test_a_draft_among_refinements_is_no_refinement() -> None:
    assert Way("oracle", ("global", "local")).only_refines
    assert not Way("oracle", ("draft", "local")).only_refines
    assert not Way("oracle", SAMPLES, 4).only_refines
    assert not Way("only").only_refines
