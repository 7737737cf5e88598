"""Records on which an engine fails: they end the run, or are left out and counted."""

from __future__ import annotations

from collections.abc import Callable

from sormctl.errors import DeadEngineError, EngineError, IncompleteError
from sormctl.streams.journal import Keys

_OPTION = "--skip-failed"


class Failures:
    """The records of a run on which the engine failed.

    `skip` says whether they are left out; None where the user cannot say so. Those left out are
    named by `warn`, and not finished: `--resume` tries them again.
    """

    def __init__(self, skip: bool | None, warn: Callable[[str], None]) -> None:
        self._skip = skip
        self._warn = warn
        self._count = 0

    def take(self, keys: Keys, error: EngineError) -> None:
        """Leaves out the records of these keys, or raises the error where it ends the run."""
        if self._skip is None or not keys or isinstance(error, DeadEngineError):
            raise error
        if not self._skip:
            raise type(error)(f"{error}; give {_OPTION} to go on without it") from error
        others = f"; with it, {len(keys) - 1:,} more of its group" if len(keys) > 1 else ""
        self._warn(f"left out: {error}{others}")
        self._count += len(keys)

    def check(self, num_records: int, *, is_resumable: bool) -> None:
        """IncompleteError that says how many of the records were left out, if any."""
        if self._count:
            again = "; --resume tries them again" if is_resumable else ""
            raise IncompleteError(
                f"{self._count:,} of {num_records:,} records failed and were left out{again}"
            )
