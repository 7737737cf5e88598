"""What becomes of a folder that is written beside its place."""

from __future__ import annotations

import os
from pathlib import Path

from sormctl.training.checkpoints import replacing


def test_files_follow_the_umask(tmp_path: Path) -> None:
    """Whatever the library that wrote them thought: safetensors makes its own for nobody else."""
    before = os.umask(0o026)
    try:
        with replacing(tmp_path / "unfinished", tmp_path / "model"):
            (tmp_path / "unfinished" / "in").mkdir(parents=True)
            (tmp_path / "unfinished" / "in" / "weights").touch(0o600)
    finally:
        os.umask(before)
    assert (tmp_path / "model" / "in" / "weights").stat().st_mode & 0o777 == 0o640
