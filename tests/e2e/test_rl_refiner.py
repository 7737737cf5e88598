"""`rl_refiner.py` and `ppo_refiner.py` as typed, on a tiny random model, and what they reward."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from sormctl.records import Solution, parse_record
from tests.models import make_model
from tests.unit.training.runs import sums, write_jsonl

PAPER = Path(__file__).parents[2] / "examples" / "paper"
SCRIPTS = {  # extra, package, what it says, trainer
    "rl_refiner": ("rl", "trl", "GRPO step 2/2", "trl.GRPOTrainer"),
    "ppo_refiner": ("ppo", "torchrl", "step 2/2", "torchrl.objectives.ClipPPOLoss"),
}
SMALL = ("--steps", "2", "--drafts-per-step", "2", "--samples", "2", "--max-tokens", "8")


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
@pytest.mark.parametrize("script", SCRIPTS)
def test_what_it_trains_refines(script: str, tmp_path: Path) -> None:
    _, package, told, trainer = SCRIPTS[script]
    pytest.importorskip(package)
    make_reward_model(make_model(tmp_path / "tiny"), tmp_path / "orm")
    write_jsonl(tmp_path / "drafts.jsonl", sums(8, wrong=0.5))
    command = (str(PAPER / f"{script}.py"), "--model", "tiny", "--drafts", "drafts.jsonl")
    train = (*command, "--orm", "orm", *SMALL)
    code, _, err = run(tmp_path, *train, "-o", "rl")
    assert code == 0, err
    assert f"{script}: {told}, reward " in err
    settings = json.loads((tmp_path / "rl" / "sormctl.json").read_text("utf-8"))
    assert (settings["mode"], settings["prompt"]) == ("global", "plain")
    assert settings["reinforcement"]["trainer"] == trainer
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
        f"{script}: rl exists; give another folder, or --resume if it is finished",
    )


@pytest.mark.parametrize("script", SCRIPTS)
def test_without_its_package_it_says_what_to_install(script: str, tmp_path: Path) -> None:
    extra, package, *_ = SCRIPTS[script]
    if find_spec(package):
        pytest.skip(f"{package} is here")
    command = (str(PAPER / f"{script}.py"), "--model", "m", "--drafts", "d", "-o", "o")
    code, _, err = run(tmp_path, *command)
    assert (code, err.partition(": pip")[2]) == (2, f" install '.[{extra}]'\n")


@pytest.mark.slow
def test_ppo_goes_on_where_it_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torchrl")
    monkeypatch.syspath_prepend(str(PAPER))
    monkeypatch.chdir(tmp_path)
    import ppo_refiner

    make_model(tmp_path / "tiny")
    write_jsonl(tmp_path / "drafts.jsonl", sums(8, wrong=0.5))
    tell = ppo_refiner.tell

    def main(*more: str) -> int:
        options = ("--model", "tiny", "--drafts", "drafts.jsonl", *SMALL, "--save-every", "1")
        monkeypatch.setattr(sys, "argv", ["ppo_refiner", *options, *more])
        return int(ppo_refiner.main())

    def stop_at_two(step: int, *rest: Any) -> None:
        if step == 2:
            raise KeyboardInterrupt

    assert main("-o", "whole") == 0
    monkeypatch.setattr(ppo_refiner, "tell", stop_at_two)
    assert main("-o", "stopped") == 130
    monkeypatch.setattr(ppo_refiner, "tell", tell)
    assert main("-o", "stopped") == 2
    assert capsys.readouterr().err.endswith(
        "ppo_refiner: stopped.partial holds an unfinished run; --resume, or remove it\n"
    )
    assert main("-o", "stopped", "--resume") == 0
    weights = [
        (tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "stopped")
    ]
    assert weights[0] == weights[1]


def test_rewards_are_the_papers(monkeypatch: pytest.MonkeyPatch) -> None:
    """1[R] - 1[D]; with an ORM the larger of that and ORM(R) - ORM(D). The draft is right."""
    monkeypatch.syspath_prepend(str(PAPER))
    from rl_rollouts import Reward

    right, wrong = (parse_record(sums(1, wrong=share)[0], Solution) for share in (0.0, 1.0))
    scores = {right.predicted: 0.75, wrong.predicted: 0.5}
    asked = [0, 0], [right, wrong]

    assert Reward([right], None)(*asked) == [0.0, -1.0]
    assert Reward([right], None).shares(*asked) == {"correct": 0.5, "copied": 0.5}
    mixed = Reward([right], lambda found: [scores[s.predicted] for s in found])
    assert mixed(*asked) == [0.0, -0.25]
