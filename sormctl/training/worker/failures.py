"""What libraries raise, as the one line that a user sees."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from sormctl.errors import ModelError, OutputError, SormctlError, first_line
from sormctl.training.config import LESS_MEMORY

# torch's RuntimeErrors: CUDA's, those of its allocators for a CPU, cuBLAS's
_OUT_OF_MEMORY = re.compile(
    r"out of memory|not enough memory|(can't|cannot) allocate memory|ALLOC_FAILED", re.I
)


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """Makes a ModelError of whatever transformers and peft raise: `what`, and their first line.

    They raise whatever they meet. What a user's error is already stays as it is.
    """
    try:
        yield
    except Exception as error:
        known = as_user_error(error)
        raise known or ModelError(f"{what}: {first_line(error)}") from error


def as_user_error(error: Exception) -> SormctlError | None:
    """A failure that a user can act on, whatever raised it; None if it is none."""
    if isinstance(error, SormctlError):
        return error
    if _is_out_of_memory(error):
        return ModelError(f"out of memory; {LESS_MEMORY}")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return OutputError(f"{error.filename or 'a file'} cannot be written: {error.strerror}")
    return None


def _is_out_of_memory(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    told = isinstance(error, RuntimeError) and _OUT_OF_MEMORY.search(str(error))
    return isinstance(error, MemoryError) or bool(told)
