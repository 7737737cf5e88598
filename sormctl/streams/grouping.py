"""Grouping lines by a key, within bounded memory."""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from itertools import groupby
from operator import itemgetter
from typing import IO, Final, Self

from sormctl.records import Solution, parse_solution, solution_json
from sormctl.streams.decoding import decoder, problem_name
from sormctl.streams.output import encode, writing

MAX_BYTES: Final = 64 << 20
MAX_RUNS: Final = 64
Entry = tuple[int, bytes]  # ordinal of the group, line


def group_lines(
    lines: Iterable[tuple[str, bytes]], max_bytes: int = MAX_BYTES
) -> Iterator[list[bytes]]:
    """Groups of the lines with equal key, in order of first appearance; order within is kept.

    `lines` are (key, line), no line with a newline in it. Memory holds lines of `max_bytes`, beside
    the largest group and about 200 bytes a group; what is more waits in temporary files (TMPDIR):
    an external merge sort by the ordinal of the group. Lines that come grouped are not sorted.
    """
    ordinals: dict[str, int] = {}
    chunk: list[Entry] = []
    size = 0
    with ExitStack() as stack:
        runs = _Runs(stack)
        for key, line in lines:
            chunk.append((ordinals.setdefault(key, len(ordinals)), line))
            size += len(line)
            if size >= max_bytes:
                runs.spill(chunk)
                chunk.clear()
                size = 0
        for _, group in groupby(runs.merge(chunk), key=itemgetter(0)):
            yield [line for _, line in group]


def group_solutions(solutions: Iterable[Solution]) -> Iterator[list[Solution]]:
    """`group_lines` for the solutions of one problem."""
    decode = decoder(parse_solution)
    lines = ((problem_name(s), encode(solution_json(s)).rstrip()) for s in solutions)
    return (list(map(decode, group)) for group in group_lines(lines))


def adjacent_solutions(solutions: Iterable[Solution]) -> Iterator[list[Solution]]:
    """Solutions of one problem that stand together; memory holds one such group.

    Equal ids with different questions or answers are different problems.
    """

    def same(solution: Solution) -> tuple[str, str, str]:
        return problem_name(solution), solution.problem.question, solution.problem.answer

    return (list(group) for _, group in groupby(solutions, key=same))


class _Runs:
    """Sorted runs of entries, at most `MAX_RUNS` of them, closed by `stack`."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._runs: list[_Run] = []

    def spill(self, chunk: list[Entry]) -> None:
        """Sorts a chunk and puts it on disk, behind the last run if it goes on where that ends."""
        chunk.sort(key=itemgetter(0))
        if not self._runs or self._runs[-1].last > chunk[0][0]:
            if len(self._runs) == MAX_RUNS:
                whole = self._stack.enter_context(_Run())
                whole.extend(_merged(self._runs))
                self._runs = [whole]
            self._runs.append(self._stack.enter_context(_Run()))
        self._runs[-1].extend(chunk)

    def merge(self, chunk: list[Entry]) -> Iterator[Entry]:
        """All entries in order, `chunk` being the last."""
        if self._runs and chunk:
            self.spill(chunk)
            chunk.clear()
        return _merged([*self._runs, sorted(chunk, key=itemgetter(0))])


class _Run(Iterable[Entry]):
    """Entries sorted by ordinal, in a temporary file. It can be read once."""

    def __init__(self) -> None:
        self.last = 0
        with _spilling():
            self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed by __exit__)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()

    def extend(self, entries: Iterable[Entry]) -> None:
        with _spilling():
            for self.last, line in entries:
                self._file.write(b"%d %b\n" % (self.last, line))

    def __iter__(self) -> Iterator[Entry]:
        with self._file:
            with _spilling():
                self._file.seek(0)  # writes what is still in its buffer
            for entry in self._file:
                ordinal, _, line = entry.partition(b" ")
                yield int(ordinal), line[:-1]


def _merged(runs: Iterable[Iterable[Entry]]) -> Iterator[Entry]:
    return heapq.merge(*runs, key=itemgetter(0))  # stable: earlier runs first


def _spilling() -> AbstractContextManager[None]:
    return writing(f"temporary files in {tempfile.gettempdir()} (set TMPDIR to move them)")
