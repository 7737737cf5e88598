"""The graph of the paper's experiments, at its smallest scale: made whole, made once, reported."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAPER = ROOT / "examples" / "paper"


@pytest.mark.slow
def test_graph_makes_every_result_once(tmp_path: Path) -> None:
    run(tmp_path, "make", "-j2", "-f", PAPER / "Makefile", "SCALE=demo", f"OUT={tmp_path}")
    run(tmp_path, "make", "-q", "-f", PAPER / "Makefile", "SCALE=demo", f"OUT={tmp_path}")
    collected, page = tmp_path / "results" / "demo.json", tmp_path / "results.md"
    collected.parent.mkdir()
    report = (sys.executable, "-m", "examples.paper.report")
    run(ROOT, *report, "collect", tmp_path, "SCALE=demo", "-o", collected)
    run(ROOT, *report, "render", collected.parent, "-o", page)
    text = page.read_text("utf-8")
    if (ROOT / ".git").exists():
        (noted,) = (tmp_path / "commits").read_text("utf-8").splitlines()
        assert f"Made by commit {noted.split()[1]} (from " in text
    for model in ("sft/orm", "sft/sorm", "sft/value", "ei/model", "ei/local"):
        assert re.search(rf"\| `{model}` \| `\S+` \| `\S+` \| [0-9,]+ \| [0-9]+ \|", text)
    for name in ("sft/main", "sft/value", "sft/many", "sft/labels", "cross-sft", "sft/budget-4"):
        assert f"#### demo {name}.json\n" in text
    if find_spec("trl") is not None:
        assert "#### demo sft/rl-orm.json\n" in text
    for row in ("draft + global + local by the ORM", "best by the SORM, 4 samples"):
        assert re.search(rf"\| {re.escape(row)} \| [0-9.]+ \| [0-9.]+ to ", text)
    assert {path.name for path in collected.parent.glob("*.svg")} == {
        "demo.budget.svg",
        "demo.figure-4.svg",
        "demo.figure-5.svg",
    }


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
