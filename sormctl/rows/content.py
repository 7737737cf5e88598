"""The bytes of a file or of standard input, whatever they are compressed by."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from sormctl.streams.compression import Content
from sormctl.streams.jsonl import open_raw, shown
from sormctl.streams.output import BLOCK


@contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """What a file holds, or standard input (`-`). What the bytes begin with decides, no name.

    UsageError if it cannot be read; DataError, while it is read, if it is not whole.
    """
    with open_raw(name) as raw:
        buffered = io.BufferedReader(raw, BLOCK)
        try:
            yield io.BufferedReader(Content(buffered, shown(name)), BLOCK)
        finally:
            with suppress(ValueError):  # it is closed already
                buffered.detach()  # which else would close standard input
