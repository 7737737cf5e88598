"""The report as a terminal shows it."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest

from sormctl.evaluation.evaluation import Evaluation
from sormctl.report.table import print_cut_off, print_left_out, print_report, print_stages
from tests.terminal import terminal
from tests.unit.examples import solution, wrong

LONGEST = (
    "weighted draft + global + local by orm - rerank@3 by orm",
    "no error where there is none",
)

COSTS = ("records", "tokens", "seconds")


@pytest.mark.parametrize("width", [20, 60, 80, 110, 120, 140, 150, 160])
def test_no_figure_is_cut_off(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    with terminal() as shown, monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", shown.file)
        print_report({"": _evaluation().rows()}, everything=True)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown.drawn)
    assert "…" not in plain
    assert max(map(len, plain.splitlines())) <= max(width, 60)  # the least there is
    words = " ".join(plain.split())
    assert all(word in words for name in LONGEST for word in name.split())
    assert ("50.0 ±" in words) == (width >= 150)  # side by side only where there is room
    assert "83.3 ±20.1" in words or "83.3 55.2 to 95.3 12 " in words  # the last, whole
    assert "0.0 0.0 to 65.8 2 " in words  # the draft's accuracy, interval and n, on one line


def test_a_name_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    print_report({"": _evaluation("orm[bold]:smile:").rows()}, everything=True)
    print_stages([{"file": "a[red].jsonl", "command": "eval", **dict.fromkeys(COSTS, 1)}])
    shown = capsys.readouterr().err
    assert "rerank@3 by orm[bold]:smile:" in shown
    assert "a[red].jsonl" in shown


def _evaluation(name: str = "orm") -> Evaluation:
    evaluation = Evaluation()
    judged: dict[str, Any] = {
        "scores": {name: (0.6, 0.2), "balanced-orm": (0.9, 0.8)},
        "labels": (1, 0),
    }
    kinds: list[dict[str, object]] = [{"kind": "global"}, {"kind": "local"}]
    kinds += [{"kind": "sample", "temperature": 0.7, "index": i} for i in range(3)]
    for _ in range(2):
        draft = wrong("d", source={"kind": "sample", "temperature": 0.0}, **judged)
        others = [solution(f"s{i}", source=kind, **judged) for i, kind in enumerate(kinds)]
        evaluation.add([draft, *others])
    return evaluation


def test_what_was_cut_off_is_a_column_and_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    evaluation = Evaluation()
    for made in (solution(), solution(predicted=None, source={"finish": "length"})):
        evaluation.add([made])
    print_report({"": evaluation.rows()})
    print_cut_off(evaluation.rows())
    shown = " ".join(capsys.readouterr().err.split())
    assert "cut off % no answer %" in shown
    assert "50.0 9.5 to 90.5 2 10 50.0 50.0" in shown
    assert "accuracy: 50.0 % state no answer, 50.0 % were cut off; raise --max-tokens" in shown
    print_report({"": _evaluation().rows()}, everything=True)
    assert "cut off" not in capsys.readouterr().err


def test_what_is_unknown_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    print_left_out(0)
    assert capsys.readouterr().err == ""
    print_left_out(1200)
    assert "1,200 solutions are left out" in capsys.readouterr().err
    print_left_out(0, 1)
    assert "1 solution is not counted again: the id came before" in capsys.readouterr().err


def test_a_model_whose_name_has_a_colon_has_a_line_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_report({"": _evaluation("hub: orm").rows()}, everything=True)
    assert "hub: orm against labels" in capsys.readouterr().err
