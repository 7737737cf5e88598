"""What is read of a result."""

from __future__ import annotations

from examples.paper.report.read import Result


def test_step_accuracy_by_how_often_the_student_is_right() -> None:
    row = "sorm against labels: step accuracy"
    problems = {
        "a": {"outcomes": {"sample": 0.0, "maj@3": 0.0}, "steps": {row: (1, 4)}},
        "b": {"outcomes": {"sample": 2 / 3, "maj@3": 1.0}, "steps": {row: (3, 4)}},
        "c": {"outcomes": {"sample": 2 / 3, "maj@3": 1.0}, "steps": {row: (2, 4)}},
        "d": {"outcomes": {"sample": 0.75, "maj@4": 1.0}, "steps": {row: (4, 4)}},
    }
    found = dict(Result({row: {}}, problems).by_level())
    assert {name.rpartition(": ")[2]: (r["value"], r["n"]) for name, r in found.items()} == {
        "0 of 3": (0.25, 4),
        "2 of 3": (0.625, 8),
    }
