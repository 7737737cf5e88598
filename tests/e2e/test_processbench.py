"""`examples/processbench.sh` as typed, on rows that chain generates."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.shell import ROOT

pytestmark = pytest.mark.slow


def test_reward_models_side_by_side(tmp_path: Path) -> None:
    folder = os.path.dirname(sys.executable)
    asked = {"ROWS": "chain", "PROBLEMS": "6", "OUT": str(tmp_path)}
    done = subprocess.run(
        ["bash", ROOT / "examples" / "processbench.sh", "embedded:sorm", "embedded:orm@sormctl"],
        env=os.environ | asked | {"PATH": f"{folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "rows.json").read_text())["rows"]
    assert {row.get("model") for row in rows} == {"sorm", "orm", None}
    assert "orm - sorm" in done.stderr
