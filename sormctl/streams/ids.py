"""An id names one record: another one of that id would be taken for it by `--resume` and later."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from sormctl.errors import RecordError, UsageError
from sormctl.records import Problem, Solution
from sormctl.seeds import digest
from sormctl.streams.jsonl import RecordReader, shown

_TAG = "\t"  # between the key of a record and the tag of what it holds
_LINE_BITS = 40
_HASH = (1 << 64) - 1


class Keyed(Protocol):
    """What a journal asks of a record: a problem has it, and a solution of one."""

    @property
    def key(self) -> str: ...
    @property
    def question(self) -> str: ...
    @property
    def answer(self) -> str | None: ...


def tagged_key(record: Keyed) -> str:
    """The key of a problem or solution with a tag of its content, by which a journal knows it.

    So a problem that was changed, or another one that got its id, is not taken for it.
    """
    steps = record.steps if isinstance(record, Solution) else ()
    return f"{record.key}{_TAG}{digest(record.question, record.answer or '', *steps).hex()[:12]}"


def without_tag(key: str) -> str:
    """The key of the record."""
    return key.rpartition(_TAG)[0] or key


class KnownIds:
    """The ids of the problems, or of the solutions of each problem, that have come so far.

    `finished` has the tagged keys of those that an earlier run has finished. Memory: 130 bytes a
    record, for two hashes and its place.
    """

    def __init__(self, inputs: RecordReader, finished: Collection[str] = ()) -> None:
        self._inputs = inputs
        self._finished = finished
        self._finished_keys = set(map(without_tag, finished))
        self._known: dict[int, int] = {}  # hash of the id -> hash of what has it, and its place

    def check(self, record: object) -> None:
        """RecordError for a record whose id another one has; the same may come again.

        UsageError for one that was another when it was finished.
        """
        if not isinstance(record, Problem):
            return
        is_known = record.key in self._finished_keys and record.key not in self._finished
        if is_known and tagged_key(record) not in self._finished:
            raise UsageError(
                f"{record.key} is not what it was when it was finished; give --overwrite to make "
                "all anew"
            )
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
