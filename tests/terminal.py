"""A terminal that remembers what was written to it."""

from __future__ import annotations

import os
import pty
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import TextIO


class Terminal:
    """`file` is the terminal; `drawn` is complete when the block of `terminal()` is left."""

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self.drawn = ""


@contextmanager
def terminal() -> Iterator[Terminal]:
    parent, child = pty.openpty()
    chunks: list[bytes] = []

    def collect() -> None:
        try:
            while chunk := os.read(parent, 4096):
                chunks.append(chunk)
        except OSError:  # how Linux says that the last writer has gone
            pass

    reader = Thread(target=collect)
    reader.start()
    with os.fdopen(child, "w") as file:
        made = Terminal(file)
        yield made
    reader.join()
    os.close(parent)
    made.drawn = b"".join(chunks).decode()
