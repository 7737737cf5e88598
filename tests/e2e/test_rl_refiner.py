"""`examples/paper/rl_refiner.py` as typed, on a tiny random model, and what it rewards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from sormctl.records import Solution, parse_record
from tests.models import make_model
from tests.unit.training.runs import sums, write_jsonl

PAPER = Path(__file__).parents[2] / "examples" / "paper"
SCRIPT = str(PAPER / "rl_refiner.py")
SMALL = ("--steps", "2", "--drafts-per-step", "2", "--samples", "2", "--max-tokens", "8")
has_trl = find_spec("trl") is not None


def run(folder: Path, *command: str) -> tuple[int, str, str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True
    )
    return done.returncode, done.stdout, done.stderr


def make_reward_model(student: Path, folder: Path) -> None:
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    AutoModelForTokenClassification.from_pretrained(student).save_pretrained(folder)
    AutoTokenizer.from_pretrained(student).save_pretrained(folder)
    (folder / "sormctl.json").write_text('{"kind": "reward-model", "prompt": "plain"}')


@pytest.mark.slow
@pytest.mark.skipif(not has_trl, reason="needs the extra `rl`")
def test_what_it_trains_refines(tmp_path: Path) -> None:
    make_reward_model(make_model(tmp_path / "tiny"), tmp_path / "orm")
    write_jsonl(tmp_path / "drafts.jsonl", sums(8, wrong=0.5))
    train = (SCRIPT, "--model", "tiny", "--orm", "orm", "--drafts", "drafts.jsonl", *SMALL)
    code, _, err = run(tmp_path, *train, "-o", "rl")
    assert code == 0, err
    assert "rl_refiner: GRPO step 2/2, reward " in err
    settings = json.loads((tmp_path / "rl" / "sormctl.json").read_text("utf-8"))
    assert (settings["mode"], settings["prompt"]) == ("global", "plain")
    assert settings["reinforcement"]["trainer"] == "trl.GRPOTrainer"
    refine = ("-m", "sormctl", "refine", "--mode", "global", "--model", "rl", "--max-tokens", "8")
    code, _, err = run(tmp_path, *refine, "drafts.jsonl", "-o", "refined.jsonl")
    assert code == 0, err
    compare = (str(PAPER / "compare_refiners.py"), "drafts.jsonl", "rl=refined.jsonl")
    code, out, err = run(tmp_path, *compare)
    assert code == 0, err
    assert out.startswith("8 drafts, ")
    assert out.splitlines()[-1].startswith("| rl | ")
    code, _, err = run(tmp_path, *train, "-o", "rl")
    assert (code, err.splitlines()[-1]) == (
        2,
        "rl_refiner: rl exists; give another folder, or --resume if it is finished",
    )


@pytest.mark.skipif(has_trl, reason="TRL is here")
def test_without_trl_it_says_what_to_install(tmp_path: Path) -> None:
    code, _, err = run(tmp_path, SCRIPT, "--model", "m", "--drafts", "d", "-o", "o")
    assert (code, err) == (2, "rl_refiner: needs TRL: pip install '.[rl]'\n")


def test_rewards_are_the_papers() -> None:
    """1[R] - 1[D]; with an ORM the larger of that and ORM(R) - ORM(D). The draft is right."""
    spec = spec_from_file_location("rl_rollouts", PAPER / "rl_rollouts.py")
    assert spec and spec.loader
    rollouts = sys.modules["rl_rollouts"] = module_from_spec(spec)
    spec.loader.exec_module(rollouts)
    right, wrong = (parse_record(sums(1, wrong=share)[0], Solution) for share in (0.0, 1.0))
    scores = {right.predicted: 0.75, wrong.predicted: 0.5}
    logged: dict[str, float] = {}
    asked = {"prompts": ["0", "0"], "refinement": [right, wrong], "log_metric": logged.__setitem__}

    assert rollouts.Reward([right], None)(**asked) == [0.0, -1.0]
    assert logged == {"correct": 0.5, "copied": 0.5}
    mixed = rollouts.Reward([right], lambda found: [scores[s.predicted] for s in found])
    assert mixed(**asked) == [0.0, -0.25]
