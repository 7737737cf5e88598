"""What would fail at the end is mended, or told, before the first step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sormctl.errors import ModelError
from sormctl.training import student
from sormctl.training.config import TrainConfig
from sormctl.training.worker.losses import language_model_loss
from sormctl.training.worker.model import load_language_model
from tests.asked import PLAIN
from tests.models import make_model
from tests.unit.training.runs import configured, prepare, sums, train_here


def run_of(tmp_path: Path, **generation: Any) -> TrainConfig:
    """A run whose model says these things of generation, which its saver would refuse to say."""
    model = make_model(tmp_path / "model")
    file = model / "generation_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | generation))
    config = configured(model=str(model), output=str(tmp_path / "out"), epochs=1)
    return prepare(config, [x for y in sums(4) if (x := student.parse(y, PLAIN))])


@pytest.mark.parametrize(
    ("found", "saved"),
    [
        ({"temperature": 0.6, "top_p": 0.9}, {"temperature": 0.6, "top_p": 0.9, "do_sample": True}),
        ({"do_sample": False, "top_k": 20}, {"do_sample": False, "top_k": None}),
        ({"pad_token_id": -1}, {"pad_token_id": 1}),
        ({"temperature": 1.0}, {"temperature": 1.0, "do_sample": None}),
    ],
)
def test_settings_of_generation_are_mended(
    tmp_path: Path, found: dict[str, Any], saved: dict[str, Any]
) -> None:
    """A word for `do_sample`, none for what a greedy model ignores, and no id below 0."""
    config = run_of(tmp_path, **found)
    train_here(config, load_language_model, language_model_loss)
    settings = json.loads((config.model_to_be / "generation_config.json").read_text())
    assert {name: settings.get(name) for name in saved} == saved


def test_what_cannot_be_saved_is_told_before_the_first_step(tmp_path: Path) -> None:
    config = run_of(tmp_path, early_stopping=True)
    told = r"model: could not be saved when trained: GenerationConfig is invalid: .*early_stopping"
    with pytest.raises(ModelError, match=told):
        train_here(config, load_language_model, language_model_loss)
    assert not config.metrics.exists()


def test_a_saver_that_fails_at_the_end_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = run_of(tmp_path, early_stopping=True)
    monkeypatch.setattr("sormctl.training.worker.loop.try_saving", lambda *_: None)
    with pytest.raises(ModelError, match=r"out\.partial/model: cannot be saved: GenerationConfig"):
        train_here(config, load_language_model, language_model_loss)
