"""What is read of a result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from examples.paper.report.read import Result, read_result
from examples.paper.report.rows import ERRORS, Subject, final, steps
from sormctl.evaluation.metrics import Estimate
from sormctl.evaluation.rows import Judgement, ReportRow


def derived(row: Subject, problems: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """The rows that are made of one: by their text, value and n."""
    found = Result({row: {}}, problems).derived()
    return {str(about): (figures["value"], figures["n"]) for about, figures in found}


def samples(right: int) -> dict[str, float]:
    return {"sample": right / 3, "maj@3": float(right > 1)}


def test_step_accuracy_by_how_often_the_student_is_right() -> None:
    row = str(steps("sorm"))
    problems = {
        "a": {"outcomes": samples(0), "steps": {row: (1, 4)}},
        "b": {"outcomes": samples(2), "steps": {row: (3, 4)}},
        "c": {"outcomes": samples(2), "steps": {row: (2, 4)}},
        "d": {"outcomes": {"sample": 0.75, "maj@4": 1.0}, "steps": {row: (4, 4)}},
    }
    assert derived(steps("sorm"), problems) == {
        f"{row}, samples right: 0 of 3": (0.25, 4),
        f"{row}, samples right: 2 of 3": (0.625, 8),
    }


def test_good_and_bad_steps_have_equal_weight_where_balanced() -> None:
    """Of 8 good steps 6 are called good, of 2 bad ones one is called bad: (0.75 + 0.5) / 2."""
    rates = [str(Judgement("orm", "labels", rate)) for rate in ERRORS.values()]
    problems = {
        "a": {"outcomes": samples(1), "steps": {rates[0]: (1, 2), rates[1]: (2, 4)}},
        "b": {"outcomes": samples(2), "steps": {rates[0]: (0, 0), rates[1]: (0, 4)}},
    }
    assert derived(steps("orm"), problems) == {
        "orm against labels: balanced accuracy": (0.625, 10),
        # the other has no bad step
        "orm against labels: balanced accuracy, samples right: 1 of 3": (0.5, 6),
    }


def test_right_and_wrong_drafts_have_equal_weight_where_balanced() -> None:
    """Both right drafts are called right, one wrong draft of three is called wrong."""
    row = str(final("orm"))
    judged = ((1, 1), (1, 1), (0, 1), (0, 0), (0, 0))  # right, judged rightly
    for kind in ("draft", "accuracy"):
        problems = {
            str(i): {"outcomes": {kind: float(right)}, "steps": {row: (hit, 1)}}
            for i, (right, hit) in enumerate(judged)
        }
        assert derived(final("orm"), problems) == {
            "orm against answers: balanced accuracy": (pytest.approx(2 / 3), 5),
            "orm against answers: false positive rate": (pytest.approx(2 / 3), 3),  # wrong drafts
            "orm against answers: false negative rate": (0.0, 2),
        }


def test_nothing_is_balanced_where_one_kind_is_missing() -> None:
    problems = {"a": {"outcomes": {"draft": 1.0}, "steps": {str(final("orm")): (1, 1)}}}
    assert [*derived(final("orm"), problems)] == ["orm against answers: false negative rate"]


def test_a_model_may_be_called_like_a_row(tmp_path: Path) -> None:
    """Its name ends as the text of another row does."""
    row = Judgement("orm: fixed, samples right: 2 of 3", "labels", "AUC")
    path = tmp_path / "main.json"
    path.write_text(json.dumps({"rows": [ReportRow(row, Estimate(0.8, 4, 0.7, 0.9)).json()]}))
    assert [*read_result(path).rows] == [row]


def test_rows_that_do_not_say_what_they_are_cannot_be_read(tmp_path: Path) -> None:
    row = {"section": "accuracy", "name": "draft", "value": 0.5, "n": 2}
    path = tmp_path / "main.json"
    path.write_text(json.dumps({"rows": [row]}))
    with pytest.raises(ValueError, match=r"main\.json cannot be read .*about.*make it anew"):
        read_result(path)
