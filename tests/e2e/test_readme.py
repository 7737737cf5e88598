"""The README's own commands, run as typed in an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"
SET_UP = ("make ", "pip ", "uv ")  # these have been typed already, or the test would not run


def commands() -> str:
    """The lines of all `sh` blocks, without those that install."""
    blocks = re.findall(r"^```sh\n(.*?)^```", README.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    lines = "".join(blocks).splitlines()
    return "\n".join(line for line in lines if not line.startswith(SET_UP))


def num_records(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def test_readme_runs_as_typed(tmp_path: Path) -> None:
    found = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands()],
        cwd=tmp_path,
        env={**os.environ, "PATH": found, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert num_records(tmp_path / "samples.jsonl") == 4 * num_records(tmp_path / "train.jsonl")
    for model in ("orm", "sorm", "global", "local"):
        assert (tmp_path / model / "model.safetensors").is_file()
    told, reached = refined_and_draft(README.read_text("utf-8")), refined_and_draft(done.stderr)
    assert reached == pytest.approx(told, abs=3)  # another CPU adds in another order
    assert "<html" in (tmp_path / "report.html").read_text("utf-8")


def refined_and_draft(text: str) -> list[float]:
    """The two shares in the first line of a result, in per cent."""
    (line,) = re.findall(r"^refined (\S+) %, draft (\S+) %: .*tokens$", text, re.MULTILINE)
    return [float(share) for share in line]
