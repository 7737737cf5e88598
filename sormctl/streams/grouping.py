"""Grouping records by a key, within bounded memory."""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import groupby
from operator import itemgetter
from typing import IO, Self, TypeVar

import orjson

from sormctl.records import Json, Solution, parse_solution, solution_json
from sormctl.streams.output import writing

T = TypeVar("T")
MAX_RECORDS = 50_000
MAX_RUNS = 64


def group_by(
    records: Iterable[T],
    key: Callable[[T], str],
    to_json: Callable[[T], Json],
    parse: Callable[[Json], T],
    max_records: int = MAX_RECORDS,
) -> Iterator[list[T]]:
    """Groups of the records with equal `key`, in order of first appearance; order within is kept.

    Memory holds at most `max_records` records, beside the largest group and one short string a
    group; what is more waits in temporary files (TMPDIR) as JSON: an external merge sort by the
    ordinal of the group. `parse(to_json(record))` must be the record.
    """
    ordinals: dict[str, int] = {}
    chunk: list[tuple[int, T]] = []
    runs: list[_Run[T]] = []
    with ExitStack() as stack:

        def spill(items: Iterable[tuple[int, T]]) -> _Run[T]:
            return stack.enter_context(_Run(items, to_json, parse))

        for record in records:
            chunk.append((ordinals.setdefault(key(record), len(ordinals)), record))
            if len(chunk) >= max_records:
                runs.append(spill(_sorted(chunk)))
                chunk.clear()
                if len(runs) == MAX_RUNS:
                    runs = [spill(_merge(runs))]
        for _, group in groupby(_merge([*runs, _sorted(chunk)]), key=itemgetter(0)):
            yield [record for _, record in group]


def group_solutions(solutions: Iterable[Solution]) -> Iterator[list[Solution]]:
    """`group_by` for the solutions of one problem."""
    return group_by(solutions, _problem, solution_json, parse_solution)


def adjacent_solutions(solutions: Iterable[Solution]) -> Iterator[list[Solution]]:
    """Solutions of one problem that stand together; memory holds one such group.

    Equal ids with different questions or answers are different problems.
    """

    def same(solution: Solution) -> tuple[str, str, str]:
        return _problem(solution), solution.problem.question, solution.problem.answer

    return (list(group) for _, group in groupby(solutions, key=same))


def _problem(solution: Solution) -> str:
    return f"{solution.problem.task}\0{solution.problem.problem_id}"


def _sorted(chunk: list[tuple[int, T]]) -> list[tuple[int, T]]:
    return sorted(chunk, key=itemgetter(0))


def _merge(runs: Iterable[Iterable[tuple[int, T]]]) -> Iterator[tuple[int, T]]:
    return heapq.merge(*runs, key=itemgetter(0))  # stable: earlier runs first


class _Run(Iterable[tuple[int, T]]):
    """Records sorted by ordinal, in a temporary file. It can be read once."""

    def __init__(
        self,
        items: Iterable[tuple[int, T]],
        to_json: Callable[[T], Json],
        parse: Callable[[Json], T],
    ) -> None:
        self._parse = parse
        with writing(f"temporary files in {tempfile.gettempdir()} (set TMPDIR to move them)"):
            self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed by __exit__)
            for ordinal, record in items:
                line = orjson.dumps((ordinal, to_json(record)), option=orjson.OPT_APPEND_NEWLINE)
                self._file.write(line)
            self._file.seek(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[tuple[int, T]]:
        with self._file:
            for line in self._file:
                ordinal, data = orjson.loads(line)
                yield ordinal, self._parse(data)
