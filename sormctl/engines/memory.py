"""Memory that is left, memory that is kept, and the cache of a core."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from pathlib import Path

import psutil

CACHED_NUMBERS = 2**20  # of float32: what several passes over them find in a core's cache

_CONTAINER = Path("/sys/fs/cgroup")
# glibc's M_ARENA_MAX, M_MMAP_MAX, M_TRIM_THRESHOLD and M_TOP_PAD: one heap for all threads, which
# holds large tensors, too, never shrinks, and grows by 64 MiB
_KEEP = {-8: 1, -4: 0, -1: 2**31 - 1, -2: 2**26}


def rows_at_once(rows: int, width: int, device: str) -> int:
    """How many of the rows, of `width` numbers each, to work on at once.

    On a CPU as many as a core's cache holds, elsewhere all.
    """
    return max(1, CACHED_NUMBERS // width) if device == "cpu" else rows


def available_memory() -> int:
    """Bytes that may still be taken: of the machine, or of what its container allows."""
    left: int = psutil.virtual_memory().available
    try:
        limit, used = (int((_CONTAINER / f"memory.{x}").read_text()) for x in ("max", "current"))
        stat = (_CONTAINER / "memory.stat").read_text().splitlines()
    except (OSError, ValueError):  # no container, or one whose limit is "max"
        return left
    cached = sum(int(line.split()[1]) for line in stat if line.startswith("inactive_file "))
    return max(0, min(left, limit - used + cached))


def keep_freed_memory() -> None:
    """Makes this process keep the memory that it frees: each step of a model takes the same again.

    Left alone glibc gives large tensors back to the kernel, which clears all their pages anew: a
    quarter of the time of generation on a CPU. Other C libraries are left as they are.
    """
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in _KEEP.items():
            mallopt(parameter, value)
