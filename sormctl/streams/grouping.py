"""Grouping lines by a key, within bounded memory."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import groupby
from operator import itemgetter
from typing import Final

from msgspec import MsgspecError, Struct, json

from sormctl.errors import RecordError
from sormctl.records import Solution, decoder, problem_name
from sormctl.streams.spool import Spool

MAX_BYTES: Final = 64 << 20
MAX_RUNS: Final = 64
Line = tuple[bytes, int, int]  # what it holds; number of its file and of the line, for errors
Entry = tuple[int, Line]  # ordinal of the group
_OVERHEAD: Final = 220  # bytes that Python takes for an entry, beside the line


def group_lines(
    lines: Iterable[tuple[str, Line]], max_bytes: int = MAX_BYTES
) -> Iterator[list[Line]]:
    """Groups of the lines with equal key, in order of first appearance; order within is kept.

    Memory holds entries of `max_bytes`, beside the largest group and about 200 bytes a group; what
    is more waits in temporary files: an external merge sort by the ordinal of the group, in which
    one block of each run is in memory, all of them a quarter of `max_bytes`. Lines that come
    grouped are not sorted.
    """
    ordinals: dict[str, int] = {}
    chunk: list[Entry] = []
    size = 0
    with ExitStack() as stack:
        runs = _Runs(stack, max_bytes // (4 * MAX_RUNS))
        for key, line in lines:
            chunk.append((ordinals.setdefault(key, len(ordinals)), line))
            size += len(line[0]) + _OVERHEAD
            if size >= max_bytes:
                runs.spill(chunk)
                chunk.clear()
                size = 0
        for _, group in groupby(runs.merge(chunk), key=_ordinal):
            yield [line for _, line in group]


class _Names(Struct, gc=False):
    task: str
    problem_id: str


def problem_namer() -> Callable[[bytes], str]:
    """What finds on a line only the name of the problem (task and id) that it is about.

    A line that starts with the task and id of the line before is about the same problem: nobody
    looks into it, so what is wrong with it comes out when it is decoded.
    """
    decode = json.Decoder(_Names).decode
    known, start = "", b"\n"  # no line starts with that

    def name(line: bytes) -> str:
        nonlocal known, start
        if line.startswith(start):
            return known
        try:
            found = decode(line)
        except (MsgspecError, UnicodeDecodeError, RecursionError):
            return problem_name(decoder(Solution)(line))  # says what is wrong with it
        known, start = f"{found.task}\0{found.problem_id}", json.encode(found)[:-1] + b","
        return known

    return name


def group_solutions(solutions: Iterable[Solution]) -> Iterator[list[Solution]]:
    """The solutions of each problem, which stand together, `without_contradictions`."""
    groups = (group for _, group in groupby(solutions, key=problem_name))
    return map(list, map(without_contradictions, groups))


def without_contradictions(solutions: Iterable[Solution]) -> Iterator[Solution]:
    """The solutions of one problem; RecordError at one that contradicts those before it.

    They have one question and answer. Solutions with equal ids have equal steps and one grade.
    """
    known: dict[str, Solution] = {}
    first = None
    for solution in solutions:
        first = first or solution
        name = solution.problem_id
        if solution.question != first.question or name != first.problem_id:
            raise RecordError(f"another question has the problem id {name}; give each its own")
        if solution.answer != first.answer:
            raise RecordError(f"another line has problem {name} with another answer; keep one")
        same = known.setdefault(solution.solution_id, solution)
        if same is not solution:
            name = solution.solution_id
            if same.steps != solution.steps:
                raise RecordError(f"another solution has the id {name}; give each its own")
            if same.correct != solution.correct:
                raise RecordError(f"solution {name} is {_grades(same, solution)}; keep one")
        yield solution


def _grades(*solutions: Solution) -> str:
    names = {True: "correct", False: "incorrect", None: "not graded"}
    return " and ".join(f"once {names[solution.correct]}" for solution in solutions)


class Adjacent:
    """Groups of the solutions of one problem that stand together; memory holds one of them.

    Equal ids with different questions or answers are different problems; the solutions of one do
    not contradict each other. `scattered` counts the groups whose problem had one before, for 70
    bytes a problem.
    """

    def __init__(self) -> None:
        self.scattered = 0
        self._seen: set[int] = set()

    def groups(self, solutions: Iterable[Solution]) -> Iterator[list[Solution]]:
        """The groups, in the order of the input."""
        for problem, group in groupby(solutions, key=_problem):
            self.scattered += hash(problem) in self._seen
            self._seen.add(hash(problem))
            yield list(without_contradictions(group))


def _problem(solution: Solution) -> tuple[str, str, str | None]:
    return problem_name(solution), solution.question, solution.answer


class _Runs:
    """Sorted runs of entries, at most `MAX_RUNS` of them, closed by `stack`."""

    def __init__(self, stack: ExitStack, block_bytes: int) -> None:
        self._stack = stack
        self._block_bytes = block_bytes
        self._runs: list[Spool[Entry]] = []
        self._last = 0  # ordinal at the end of the last run

    def spill(self, chunk: list[Entry]) -> None:
        """Sorts a chunk and puts it on disk, behind the last run if it goes on where that ends."""
        chunk.sort(key=_ordinal)
        if not self._runs or self._last > _ordinal(chunk[0]):
            if len(self._runs) == MAX_RUNS:
                whole = _merged(self._runs)
                self._runs = []
                self._extend(self._start(), whole)
            self._start()
        self._extend(self._runs[-1], chunk)
        self._last = _ordinal(chunk[-1])

    def merge(self, chunk: list[Entry]) -> Iterator[Entry]:
        """All entries in order, `chunk` being the last."""
        return _merged(self._runs, sorted(chunk, key=_ordinal))

    def _start(self) -> Spool[Entry]:
        self._runs.append(self._stack.enter_context(Spool(_size, self._block_bytes)))
        return self._runs[-1]

    def _extend(self, run: Spool[Entry], entries: Iterable[Entry]) -> None:
        deque(run.keep(entries), maxlen=0)


_ordinal = itemgetter(0)


def _size(entry: Entry) -> int:
    return len(entry[1][0]) + _OVERHEAD


def _merged(runs: Iterable[Spool[Entry]], *more: Iterable[Entry]) -> Iterator[Entry]:
    # stable: earlier runs first
    return heapq.merge(*(run.read() for run in runs), *more, key=_ordinal)
