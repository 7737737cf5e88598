"""What is read of a result."""

from __future__ import annotations

import pytest

from examples.paper.report.read import Result


def samples(right: int) -> dict[str, float]:
    return {"sample": right / 3, "maj@3": float(right > 1)}


def test_step_accuracy_by_how_often_the_student_is_right() -> None:
    row = "sorm against labels: step accuracy"
    problems = {
        "a": {"outcomes": samples(0), "steps": {row: (1, 4)}},
        "b": {"outcomes": samples(2), "steps": {row: (3, 4)}},
        "c": {"outcomes": samples(2), "steps": {row: (2, 4)}},
        "d": {"outcomes": {"sample": 0.75, "maj@4": 1.0}, "steps": {row: (4, 4)}},
    }
    found = dict(Result({row: {}}, problems).derived())
    assert {name.rpartition(": ")[2]: (r["value"], r["n"]) for name, r in found.items()} == {
        "0 of 3": (0.25, 4),
        "2 of 3": (0.625, 8),
    }


def test_good_and_bad_steps_have_equal_weight_where_balanced() -> None:
    """Of 8 good steps 6 are called good, of 2 bad ones one is called bad: (0.75 + 0.5) / 2."""
    judge = "orm against labels"
    rates = (f"{judge}: false positive rate", f"{judge}: false negative rate")
    problems = {
        "a": {"outcomes": samples(1), "steps": {rates[0]: (1, 2), rates[1]: (2, 4)}},
        "b": {"outcomes": samples(2), "steps": {rates[0]: (0, 0), rates[1]: (0, 4)}},
    }
    found = dict(Result({f"{judge}: step accuracy": {}}, problems).derived())
    assert {name.removeprefix(judge): (r["value"], r["n"]) for name, r in found.items()} == {
        ": balanced accuracy": (0.625, 10),
        ": balanced accuracy, samples right: 1 of 3": (0.5, 6),  # the other has no bad step
    }


def test_right_and_wrong_drafts_have_equal_weight_where_balanced() -> None:
    """Both right drafts are called right, one wrong draft of three is called wrong."""
    row = "orm against answers: final accuracy"
    judged = ((1, 1), (1, 1), (0, 1), (0, 0), (0, 0))  # right, judged rightly
    for kind in ("draft", "accuracy"):
        problems = {
            str(i): {"outcomes": {kind: float(right)}, "steps": {row: (hit, 1)}}
            for i, (right, hit) in enumerate(judged)
        }
        found = dict(Result({row: {}}, problems).derived())
        assert {name.rpartition(": ")[2]: (r["value"], r["n"]) for name, r in found.items()} == {
            "balanced accuracy": (pytest.approx(2 / 3), 5),
            "false positive rate": (pytest.approx(2 / 3), 3),  # of wrong drafts
            "false negative rate": (0.0, 2),
        }


def test_nothing_is_balanced_where_one_kind_is_missing() -> None:
    row = "orm against answers: final accuracy"
    problems = {"a": {"outcomes": {"draft": 1.0}, "steps": {row: (1, 1)}}}
    assert [*dict(Result({row: {}}, problems).derived())] == [
        "orm against answers: false negative rate"
    ]
