"""The commands of the page on a benchmark of one's own, run as typed in an empty folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "your-benchmark.md"


def test_the_page_runs_as_typed(tmp_path: Path) -> None:
    text = PAGE.read_text("utf-8")
    commands = "".join(re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE))
    found = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=tmp_path,
        env={**os.environ, "PATH": found, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (shown,) = re.findall(r"^```json\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    first, second = (tmp_path / "quiz-problems.jsonl").read_text("utf-8").splitlines()
    assert json.loads(first) == json.loads(shown)
    assert json.loads(second)["answer"] == "A"
    assert "A box holds 6 dates. How many dates are in 5 boxes?" in done.stdout
    assert "accuracy" in done.stderr
