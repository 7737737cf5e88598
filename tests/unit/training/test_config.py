from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sormctl.errors import UsageError
from sormctl.training.config import (
    Optimizer,
    Packing,
    first_difference,
    parse_interval,
    read_config,
    write_config,
)
from tests.unit.training.runs import CONFIG


def test_a_configuration_survives_its_file(tmp_path: Path) -> None:
    config = replace(
        CONFIG,
        output=str(tmp_path / "out"),
        optimizer=Optimizer.muon,
        mode="local",
        packing=Packing.on,
    )
    config.partial.mkdir()
    write_config(config)
    assert read_config(config.path) == config


def test_the_first_difference_is_named() -> None:
    assert first_difference(CONFIG, CONFIG) is None
    other = replace(CONFIG, lr=0.5, seed=1)
    assert first_difference(CONFIG, other) == "lr was 0.01, now 0.5"
    assert first_difference(CONFIG, replace(CONFIG, num_processes=2, save_every="5m")) is None


def test_save_every_is_steps_or_minutes() -> None:
    assert parse_interval("500") == (500, None)
    assert parse_interval("10m") == (None, 600.0)
    for text in ("0", "ten", "5h", ""):
        with pytest.raises(UsageError, match="must be steps"):
            parse_interval(text)
