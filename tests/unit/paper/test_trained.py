"""What is read of a model's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from examples.paper.report.trained import base, trained
from tests.unit.paper.tree import write_model


@pytest.mark.parametrize(
    ("model", "output", "start"),
    [
        ("/usr/lib/sormctl/embedded/student", "runs/1/sft/orm", "embedded:student"),
        ("runs/1/ei/model", "runs/1/sft/orm", "ei/model"),
        ("/tmp/out/1/sft/global", "/tmp/out/1/sft/orm", "sft/global"),
        ("1/sft/global", "1/sft/orm", "sft/global"),
        ("/home/me/models/small", "runs/1/sft/orm", "small"),
        ("some/model", "runs/1/sft/orm", "some/model"),
        ("some/model", "elsewhere", "some/model"),
    ],
)
def test_start_is_a_name_without_an_address(model: str, output: str, start: str) -> None:
    assert base(model, output, "1/sft/orm") == start


def supervised(seed: int, examples: int) -> dict[str, Any]:
    how = {"model": "some/model", "output": f"runs/{seed}/sft/orm", "lr": 1e-5, "seed": seed}
    return {"training": {**how, "examples": examples, "epochs": 2, "batch_size": 32}}


def test_figures_are_means_over_the_seeds(tmp_path: Path) -> None:
    write_model(tmp_path / "1" / "sft" / "orm", supervised(1, 64), [{"step": 3}, {"step": 4}])
    write_model(tmp_path / "10" / "sft" / "orm", supervised(10, 96), [{"step": 6}])
    write_model(tmp_path / "2" / "sft" / "orm.partial" / "model", supervised(2, 96), [{"step": 1}])
    assert trained(tmp_path) == [
        {
            "model": "sft/orm",
            "start": "some/model",
            "seeds": ["1", "10"],
            "examples": 80,
            "epochs": 2,
            "batch_size": 32,
            "lr": 1e-5,
            "steps": 5,
        }
    ]


def test_reinforcement_counts_refinements(tmp_path: Path) -> None:
    """16 steps refine 64 drafts four times each, and take four gradient steps on each."""
    how = {"model": "out/1/sft/global", "output": "out/1/sft/rl", "steps": 16, "samples": 4}
    how |= {"drafts_per_step": 64, "updates": 4, "lr": 3e-4}
    log = [
        {"step": 60, "reward": 0.3, "clip_ratio": float("nan")},
        {"step": 64, "train_runtime": 818.4},
    ]
    write_model(tmp_path / "1" / "sft" / "rl", {"reinforcement": how}, log)
    (found,) = trained(tmp_path)
    assert (found["start"], found["examples"], found["batch_size"]) == ("sft/global", 4096, 64)
    assert (found["steps"], found["seconds"], "epochs" in found) == (64, 818.4, False)
