from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec import ValidationError

from sormctl.errors import UsageError
from sormctl.models import resolve_model
from sormctl.training.config import (
    Data,
    Optimizer,
    Packing,
    Settled,
    as_json,
    first_difference,
    parse_interval,
    read_config,
    read_data,
    read_settled,
    write_config,
    write_settled,
)
from tests.unit.training.runs import CONFIG, configured

FOUND = Data(mode="local", data_sha256="ab", examples=40)

# `training` in a folder of sormctl 0.1.0, when what was found stood among what was asked
OLDER: dict[str, Any] = {
    "kind": "student",
    "model": "",
    "output": "elsewhere",
    "prompt": "plain",
    "epochs": 2,
    "lr": 0.01,
    "batch_size": 4,
    "max_length": 256,
    "max_batch_tokens": 64,
    "warmup": 0.1,
    "weight_decay": 0.0,
    "optimizer": "adamw",
    "dtype": "float32",
    "seed": 0,
    "save_every": "10m",
    "keep_checkpoints": 2,
    "num_processes": 1,
    "mode": "local",
    "packing": "auto",
    "gradient_checkpointing": False,
    "lora": None,
    "merge_lora": True,
    "objective": "classifier",
    "soft_labels": False,
    "classes": 2,
    "too_long": "skip",
    "held_out": None,
    "evaluate_every": None,
    "patience": None,
    "track": None,
    "data_sha256": "ab",
    "held_out_sha256": "",
    "examples": 40,
    "held_out_examples": 0,
    "skipped": 0,
    "left_out": 0,
    "truncated": 0,
    "version": "0.1.0",
}


def difference(**changed: object) -> str | None:
    """What keeps a run that began as `OLDER` from going on, if the user types something else."""
    return first_difference(OLDER, {**as_json(CONFIG, FOUND), "version": "0.1.0", **changed})


def test_a_run_survives_its_file(tmp_path: Path) -> None:
    config = configured(
        output=str(tmp_path / "out \udcff"),  # no path of UTF-8
        optimizer=Optimizer.muon,
        packing=Packing.on,
        track=["wandb"],
    )
    config.partial.mkdir()
    write_config(config, FOUND)
    assert (read_config(config.path), read_data(config.path)) == (config, FOUND)
    assert first_difference(json.loads(config.path.read_text()), as_json(config, FOUND)) is None


def test_a_file_of_an_earlier_release_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(OLDER))
    config, data = read_config(path), read_data(path)
    assert (config.output, config.max_batch_tokens, config.seed) == ("elsewhere", 64, 0)
    assert (config.optimizer, data.mode, data.examples) == (Optimizer.adamw, "local", 40)
    assert as_json(config, data).keys() ^ OLDER.keys() == {
        "prompt",
        "asking",
        "weights",
        "chat_template",
    }


def test_the_first_difference_is_named() -> None:
    assert difference() is None
    assert difference(lr=0.5, seed=1) == "lr was 0.01, now 0.5"
    assert difference(optimizer="muon") == "optimizer was adamw, now muon"
    assert difference(version="9") == "version was 0.1.0, now 9"
    assert difference(data_sha256="cd", examples=3) == "the examples are others than before"


@pytest.mark.parametrize("damaged", ["x", [], {"kind": 3}])
def test_a_damaged_run_is_told_of(damaged: Any) -> None:
    with pytest.raises(ValidationError):
        first_difference(damaged, OLDER)


def test_what_does_not_decide_the_weights_may_change() -> None:
    assert difference(num_processes=2, save_every="5m", output="x", track=["wandb"]) is None
    assert difference(max_batch_tokens=9, gradient_checkpointing=True, left_out=1) is None


def resumed(began: dict[str, object], now: dict[str, object]) -> str | None:
    return first_difference({**OLDER, **began}, {**OLDER, **now})


def test_weights_must_stay_the_same_if_they_are_known() -> None:
    changed = resumed({"model": "/a", "weights": "1f"}, {"model": "/a", "weights": "2e"})
    assert changed == "the weights of /a are others than before"
    assert resumed({"model": "/a"}, {"model": "/a", "weights": "1f"}) is None
    moved = resumed({"model": "/a", "weights": "1f"}, {"model": "/b", "weights": "1f"})
    assert moved == "model was /a, now /b"


def test_the_chat_template_must_stay_the_same_if_it_is_known() -> None:
    changed = resumed(
        {"model": "/a", "chat_template": "1f"}, {"model": "/a", "chat_template": "2e"}
    )
    assert changed == "the chat template of /a is another than before"
    assert resumed({}, {"chat_template": "1f"}) is None


def test_a_model_of_the_package_is_the_same_wherever_the_package_lies() -> None:
    here = resolve_model("embedded:student")
    assert resumed({"model": "/gone/sormctl/embedded/student"}, {"model": here}) is None
    assert resumed({"model": "/gone/sormctl/embedded/orm"}, {"model": here}) is not None
    assert resumed({"model": here}, {"model": "/mine/embedded/student"}) is not None


def test_what_was_asked_is_settled_once(tmp_path: Path) -> None:
    config = configured(output=str(tmp_path / "out"))
    config.partial.mkdir()
    assert read_settled(config) == Settled(config.dtype, Packing.auto)
    settled = Settled(config.dtype, Packing.off)
    write_settled(config, settled)
    assert read_settled(config) == settled


def test_save_every_is_steps_or_minutes() -> None:
    assert parse_interval("500") == (500, None)
    assert parse_interval("10m") == (None, 600.0)
    for text in ("0", "ten", "5h", ""):
        with pytest.raises(UsageError, match="must be steps"):
            parse_interval(text)
