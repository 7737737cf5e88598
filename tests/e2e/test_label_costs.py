"""`examples/label_costs.sh` as typed, and begun once more; its table by itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from examples.label_costs import Labelled, table
from sormctl.evaluation.intervals import Share
from tests.contract.shell import ROOT


def labelled(name: str, tokens: int, hits: tuple[int, int]) -> Labelled:
    share = Share(dict(zip("pq", hits, strict=True)), {"p": 2, "q": 2})
    return Labelled(name, tokens, 2, [share, share])


def test_ways_are_held_against_the_first() -> None:
    plain, cheap = labelled("plain", 100, (2, 1)), labelled("cheap", 5, (1, 1))
    head, _, *rows = table([[plain, cheap]])
    assert head.count("|") == rows[0].count("|") == rows[1].count("|")
    cells = [cell.strip() for cell in rows[1].split("|")]
    assert cells[1:5] == ["cheap", "2", "5", "0.050"]
    assert cells[5].startswith("50.0 (") and cells[6].startswith("-25.0 (")


@pytest.mark.slow
def test_every_way_is_in_the_table(tmp_path: Path) -> None:
    sizes = {"SEEDS": "1", "PROBLEMS": "8", "SAMPLES": "3", "TESTED": "8", "OUT": str(tmp_path)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    script = ROOT / "examples" / "label_costs.sh"
    for _ in range(2):
        run = subprocess.run(
            ["bash", script],
            env={**os.environ, **sizes, "PATH": path},
            capture_output=True,
            text=True,
            check=True,
        )
    num_ways = script.read_text().count("|$")  # each names how many samples it labels
    assert run.stdout.count("\n| ") == 1 + num_ways
    assert "by outcome" in run.stdout
