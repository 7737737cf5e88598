"""Checkpoints of an unfinished run, and the one move that puts the finished model in place."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from sormctl.errors import OutputError

if TYPE_CHECKING:
    from accelerate import Accelerator

KEEP = 2
_STEP = "step-"


def save_checkpoint(accelerator: Accelerator, folder: Path, step: int) -> None:
    """Keeps weights, optimizer and random state as of `step`, and drops all but the newest two.

    Every process calls it. The checkpoint appears by a rename, so a reader never sees half of one.
    OutputError if it cannot be written; what was there before stays.
    """
    path = folder / f"{_STEP}{step}"
    temporary = folder / "unfinished"
    try:
        if accelerator.is_main_process:
            shutil.rmtree(temporary, ignore_errors=True)
        accelerator.wait_for_everyone()
        accelerator.save_state(str(temporary))
        accelerator.wait_for_everyone()
        if accelerator.is_main_process:
            temporary.replace(path)
    except Exception as error:
        if not is_write_failure(error):
            raise
        shutil.rmtree(temporary, ignore_errors=True)
        raise OutputError(f"{path}: cannot be written: {cause(error)}") from error
    if accelerator.is_main_process:
        for old in list_checkpoints(folder)[:-KEEP]:
            shutil.rmtree(old)


def load_checkpoint(accelerator: Accelerator, folder: Path) -> int:
    """Restores the newest checkpoint and returns its step; 0 if there is none."""
    found = list_checkpoints(folder)
    if not found:
        return 0
    accelerator.load_state(str(found[-1]))
    return _step(found[-1])


def list_checkpoints(folder: Path) -> list[Path]:
    """Finished checkpoints, oldest first."""
    return sorted(folder.glob(f"{_STEP}*"), key=_step)


def truncate_metrics(path: Path, step: int) -> None:
    """Drops from a metrics file what was logged after `step`, and a torn last line."""
    if not path.exists():
        return
    kept = [line for line in path.read_bytes().splitlines(keepends=True) if _logged(line) <= step]
    path.write_bytes(b"".join(kept))


def publish(model: Path, output: Path, replaced: Path) -> None:
    """Puts a finished model folder in place in one move; what was there goes to `replaced`."""
    if output.exists():
        os.rename(output, replaced)
    os.rename(model, output)


def is_write_failure(error: BaseException) -> bool:
    """Whether an error means that a file cannot be written.

    safetensors and torch report a full disk as errors of their own.
    """
    text = str(error)
    return isinstance(error, OSError) or "I/O error" in text or "PytorchStreamWriter" in text


def cause(error: BaseException) -> str:
    """Why a file cannot be written, in a few words."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return "no space left on device" if "No space" in text else text.splitlines()[0]


def _step(path: Path) -> int:
    return int(path.name.removeprefix(_STEP))


def _logged(line: bytes) -> float:
    try:
        return float(json.loads(line)["step"])
    except ValueError:
        return float("inf")
