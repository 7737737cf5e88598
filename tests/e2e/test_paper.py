"""The graph of the paper's experiments, at its smallest scale: made whole, made once, reported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAPER = ROOT / "examples" / "paper"


@pytest.mark.slow
def test_graph_makes_every_result_once(tmp_path: Path) -> None:
    run(tmp_path, "make", "-f", PAPER / "Makefile", "SCALE=demo", f"OUT={tmp_path}")
    run(tmp_path, "make", "-q", "-f", PAPER / "Makefile", "SCALE=demo", f"OUT={tmp_path}")
    report = run(tmp_path, sys.executable, PAPER / "report.py", tmp_path)
    for name in ("sft/main", "ei/value", "sft/many", "ei/labels", "cross-sft", "sft/budget-4"):
        assert f"## {name}.json\n" in report
    for row in ("sorm against labels: step accuracy", "draft + global + local by orm"):
        assert f"| {row} | " in report


def run(folder: Path, *command: str | Path) -> str:
    found = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": found, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
