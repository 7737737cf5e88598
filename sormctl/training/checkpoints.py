"""Checkpoints of an unfinished run, and the one move that puts the finished model in place."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sormctl.errors import OutputError

if TYPE_CHECKING:
    from accelerate import Accelerator

_STEP = "step-"
_FULL = 1 << 20  # bytes


def save_checkpoint(
    accelerator: Accelerator, folder: Path, step: int, keep: int, precious: int | None = None
) -> None:
    """Keeps weights, optimizer and random state as of `step`, and of all so far the newest `keep`.

    The one of the step `precious` stays, too. Every process calls it. The checkpoint appears by a
    rename, so a reader never sees half of one. OutputError if it cannot be written; what was there
    before stays.
    """
    path = folder / f"{_STEP}{step}"
    temporary = folder / "unfinished"
    with replacing(temporary, path, accelerator.is_main_process):
        accelerator.wait_for_everyone()
        accelerator.save_state(str(temporary))
        accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        for old in list_checkpoints(folder)[:-keep]:
            if _step(old) != precious:
                shutil.rmtree(old)


def load_checkpoint(
    accelerator: Accelerator, folder: Path, step: int | None = None, whole: bool = True
) -> int:
    """Restores the newest checkpoint, or that of `step`, and returns its step; 0 if none.

    It is not `whole` where frozen weights were left out (`lora.leave_out_frozen`).
    """
    found = [path for path in list_checkpoints(folder) if step in (None, _step(path))]
    if not found:
        return 0
    accelerator.load_state(str(found[-1]), **({} if whole else {"strict": False}))
    return _step(found[-1])


def list_checkpoints(folder: Path) -> list[Path]:
    """Finished checkpoints, oldest first."""
    return sorted(folder.glob(f"{_STEP}*"), key=_step)


def publish(model: Path, output: Path, replaced: Path) -> None:
    """Puts a finished model folder in place in one move; what was there goes to `replaced`."""
    if output.exists():
        shutil.rmtree(replaced, ignore_errors=True)  # of a run that was killed here
        os.rename(output, replaced)
    os.rename(model, output)


@contextmanager
def replacing(temporary: Path, path: Path, mine: bool = True) -> Iterator[None]:
    """Lets a block write the folder `temporary`, then makes that `path`, if it is `mine` to move.

    OutputError if it cannot be written, with `temporary` removed and its space free again.
    """
    try:
        if mine:
            shutil.rmtree(temporary, ignore_errors=True)
        yield
        if mine:
            _settle(temporary)
            temporary.replace(path)
    except Exception as error:
        if not _cannot_write(error):
            raise
        why = _cause(error, temporary)
        shutil.rmtree(temporary, ignore_errors=True)
        raise OutputError(f"{path} cannot be written: {why}") from error


def _settle(folder: Path) -> None:
    """Brings the files of a folder to the disk, for its name to be true after a power cut, too.

    Whoever may read other new files may read them: safetensors makes its files for nobody else.
    """
    os.umask(mask := os.umask(0))
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(0o666 & ~mask)
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _cannot_write(error: Exception) -> bool:
    """Whether a file could not be written: safetensors and torch have errors of their own."""
    if isinstance(error, OSError):
        return True
    return any(words in str(error) for words in ("I/O error", "iostream error", "inline_container"))


def _cause(error: Exception, path: Path) -> str:
    """Why a file cannot be written; torch does not say that the disk is full."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    if shutil.disk_usage(existing).free < _FULL:
        return os.strerror(errno.ENOSPC)
    return str(error).splitlines()[0]


def _step(path: Path) -> int:
    return int(path.name.removeprefix(_STEP))
