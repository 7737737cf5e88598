from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from sormctl.asking import Asking
from sormctl.errors import UsageError
from sormctl.training.options import RunOptions
from sormctl.training.runs import run
from sormctl.training.token_rows import TrainingExample
from sormctl.training.trackers import TRACKERS, check_trackers
from tests.unit.training.runs import configured


def test_they_are_those_of_accelerate() -> None:
    from accelerate.utils import LoggerType

    assert list(TRACKERS) == sorted(set(LoggerType.list()) - {"all"})


@pytest.mark.parametrize("name", ["paper", "all", "", "swanlab"])
def test_what_cannot_track_is_refused_before_anything_is_read(name: str, tmp_path: Path) -> None:
    def unread(inputs: Sequence[str], asking: Asking) -> Iterator[TrainingExample | None]:
        raise AssertionError("the input was read")

    config = configured(model="no such model", output=str(tmp_path / "out"), track=[name])
    with pytest.raises(UsageError, match=rf"\(?--track\)? `?{name}"):
        run(config, ["no such file"], unread, "", RunOptions())
    assert not list(tmp_path.iterdir())


def test_a_folder_is_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "wandb").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match="--track wandb needs a package; pip install wandb"):
        check_trackers(["tensorboard", "wandb"])
