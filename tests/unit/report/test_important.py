"""Twelve lines of a report, those that matter most."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sormctl.evaluation.evaluation import Evaluation
from sormctl.evaluation.rows import Judgement, ReportRow
from sormctl.records import Solution
from sormctl.report.important import MOST_LINES, most_important
from sormctl.report.table import report_text
from tests.unit.examples import solution, wrong


def group(*models: str) -> list[Solution]:
    """A draft, two refinements and four samples, all scored."""
    scores = {model: (0.5, 0.5) for model in models}
    kinds: list[dict[str, object]] = [{"kind": kind} for kind in ("draft", "global", "local")]
    kinds += [{"kind": "sample", "index": i} for i in range(4)]
    return [
        (wrong if i % 2 else solution)(f"s{i}", source=kind, scores=scores, labels=(1, 1))
        for i, kind in enumerate(kinds)
    ]


def rows(*models: str, aggregations: tuple[str, ...] = ("final",)) -> list[ReportRow]:
    evaluation = Evaluation(aggregations)
    evaluation.add(group(*models))
    return evaluation.rows()


def test_the_answer_that_is_given_stands_beside_what_costs_the_same() -> None:
    everything = rows("orm", aggregations=("mean", "final"))
    shown, left_out = most_important(everything)
    names = [row.name for row in shown]
    assert names == [row.name for row in everything if row in shown]  # in their order
    assert (len(shown), left_out) == (MOST_LINES, len(everything) - MOST_LINES)
    given = "draft + global + local by orm"
    assert {"draft", "global", "local", "maj@3", given, f"{given} - draft"} <= {*names}
    assert "maj at the tokens of draft + global + local" in names
    assert not [name for name in names if "mean" in name]


@pytest.mark.parametrize("models", [(), ("orm",), ("orm", "sorm"), tuple("abcdefgh")])
def test_there_are_never_more_lines(models: tuple[str, ...]) -> None:
    text = report_text({"": rows(*models)})
    figures = [line for line in text.splitlines() if re.search(r"\d\.\d", line)]
    assert 0 < len(figures) - text.startswith("refined") <= MOST_LINES
    assert "--all shows them" in text


def test_figures_that_share_a_line_count_as_one() -> None:
    judged = [row for row in rows("orm", "sorm") if isinstance(row.about, Judgement)]
    shown, left_out = most_important(judged, lambda row: row.section)
    assert (shown, left_out) == (judged, 0)


def test_of_a_reward_model_three_figures_come_first() -> None:
    evaluation = Evaluation()
    scored: dict[str, Any] = {"labels": (1, 1), "scores": {"orm": (0.9, 0.9)}}
    evaluation.add(
        [solution("a", **scored), wrong("b", **scored | {"scores": {"orm": (0.1, 0.1)}})]
    )
    judged = [row for row in evaluation.rows() if isinstance(row.about, Judgement)]
    shown, _ = most_important(judged, limit=3)
    figures = ["step accuracy", "final accuracy", "pairwise accuracy"]
    assert [row.name.rpartition(": ")[2] for row in shown] == figures
