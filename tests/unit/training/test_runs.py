"""The folder of an unfinished run: whose it is, and that it goes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from sormctl.errors import UsageError
from sormctl.training import runs
from sormctl.training.config import Data, TrainConfig
from tests.unit.training.runs import configured, prepare


def config_in(folder: Path) -> TrainConfig:
    return configured(output=str(folder / "out"))


def test_an_empty_folder_is_taken_and_removed(tmp_path: Path) -> None:
    """A command that was killed at its start leaves one."""
    config = config_in(tmp_path)
    config.partial.mkdir()
    with runs._workspace(config):
        assert config.partial.exists()
    assert not config.partial.exists()


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    (tmp_path / "mine").mkdir()
    config.partial.symlink_to(tmp_path / "mine")
    with pytest.raises(UsageError, match="is a link"), runs._workspace(config):
        pass
    assert [*(tmp_path / "mine").iterdir()] == []


def test_what_is_left_of_a_removal_is_known_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However far it came, the lock is still there."""
    config = prepare(config_in(tmp_path), [])
    (config.partial / "sormctl.lock").touch()
    (config.partial / "folder").mkdir()
    remove = shutil.rmtree

    def killed(path: Path, ignore_errors: bool = False) -> None:
        if path == config.partial:
            raise KeyboardInterrupt
        remove(path, ignore_errors=ignore_errors)

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt), runs._workspace(config):
            pass
    assert [path.name for path in config.partial.iterdir()] == ["sormctl.lock"]
    with runs._workspace(config):
        pass
    assert not config.partial.exists()


def test_a_model_with_other_settings_is_not_continued(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    output = Path(config.output)
    output.mkdir()
    for training, message in (
        (None, "was not trained by sormctl"),
        ({"kind": 3}, "cannot be read"),
    ):
        (output / "sormctl.json").write_text(json.dumps({"training": training}))
        with pytest.raises(UsageError, match=message):
            runs._check_same(config, Data(), unfinished=False)
