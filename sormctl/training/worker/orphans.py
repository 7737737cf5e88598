"""No process of a run outlives its command, not even while torch is being loaded."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import stat
import sys

_PR_SET_PDEATHSIG = 1


def started_by_command() -> bool:
    """Whether a command holds the other end of standard input, not a person or a scheduler."""
    return stat.S_ISFIFO(os.fstat(0).st_mode)


def die_with_command() -> None:
    """Makes the kernel kill this process as soon as the one that started it has ended.

    So a command killed by -9 takes its launcher with it, and that its workers. Elsewhere than on
    Linux a worker finds out when it listens.
    """
    if not started_by_command() or sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    command = select.poll()
    command.register(0, 0)  # reports nothing but that the other end is closed
    if command.poll(0):  # it had gone before the kernel was asked
        os._exit(1)
