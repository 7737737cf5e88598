"""An id names one record: another one of that id would be taken for it by `--resume` and later."""

from __future__ import annotations

from sormctl.errors import RecordError
from sormctl.records import Problem, Solution
from sormctl.streams.jsonl import RecordReader, shown

_LINE_BITS = 40
_HASH = (1 << 64) - 1


class KnownIds:
    """The ids of the problems, or of the solutions of each problem, that have come so far.

    Memory: 130 bytes a record, for two hashes and its place.
    """

    def __init__(self, inputs: RecordReader) -> None:
        self._inputs = inputs
        self._known: dict[int, int] = {}  # hash of the id -> hash of what has it, and its place

    def check(self, record: object) -> None:
        """RecordError for a record whose id another one has; the same may come again."""
        if not isinstance(record, Problem):
            return
        kind, name, told = "problem", record.problem_id, record.answer or ""
        if isinstance(record, Solution):
            kind, name, told = "solution", record.solution_id, "\n".join(record.steps)
        file, line = self._inputs.place
        content = hash((record.question, told)) & _HASH
        known = self._known.setdefault(
            hash(record.key),
            (file << _LINE_BITS | line) << 64 | content,
        )
        if known & _HASH != content:
            file, line = divmod(known >> 64, 1 << _LINE_BITS)
            raise RecordError(
                f"{shown(self._inputs.names[file])}:{line} has another {kind} of the id "
                f"{name}; give each its own"
            )
