"""`examples/paper/rl_refiner.py` as typed, on a tiny random model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.models import make_model
from tests.unit.training.runs import sums, write_jsonl

SCRIPT = Path(__file__).parents[2] / "examples" / "paper" / "rl_refiner.py"
SMALL = ("--steps", "2", "--drafts-per-step", "2", "--samples", "2", "--max-tokens", "8")
has_trl = find_spec("trl") is not None


def run(folder: Path, *command: str) -> tuple[int, str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True
    )
    return done.returncode, done.stderr


@pytest.mark.slow
@pytest.mark.skipif(not has_trl, reason="needs the extra `rl`")
def test_what_it_trains_refines(tmp_path: Path) -> None:
    make_model(tmp_path / "tiny")
    write_jsonl(tmp_path / "drafts.jsonl", sums(8, wrong=0.5))
    command = (str(SCRIPT), "--model", "tiny", "--drafts", "drafts.jsonl", "-o", "rl", *SMALL)
    code, err = run(tmp_path, *command)
    assert code == 0, err
    assert "rl_refiner: GRPO step 2/2, reward " in err
    settings = json.loads((tmp_path / "rl" / "sormctl.json").read_text("utf-8"))
    assert (settings["mode"], settings["prompt"]) == ("global", "plain")
    assert settings["reinforcement"]["trainer"] == "trl.GRPOTrainer"
    refine = ("-m", "sormctl", "refine", "--mode", "global", "--model", "rl", "--max-tokens", "8")
    code, err = run(tmp_path, *refine, "drafts.jsonl", "-o", "refined.jsonl")
    assert code == 0, err
    assert len((tmp_path / "refined.jsonl").read_text("utf-8").splitlines()) == 8
    code, err = run(tmp_path, *command)
    assert (code, err.splitlines()[-1]) == (
        2,
        "rl_refiner: rl exists; give another folder, or --resume if it is finished",
    )


@pytest.mark.skipif(has_trl, reason="TRL is here")
def test_without_trl_it_says_what_to_install(tmp_path: Path) -> None:
    code, err = run(tmp_path, str(SCRIPT), "--model", "m", "--drafts", "d", "-o", "o")
    assert (code, err) == (2, "rl_refiner: needs TRL: pip install 'sormctl[rl]'\n")
