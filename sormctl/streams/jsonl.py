"""JSON lines in: files, maybe compressed, or standard input; one checked record a line."""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast
from zlib import crc32

from sormctl.errors import DataError, RecordError, UsageError
from sormctl.lines import load_object
from sormctl.missing import no_such_path
from sormctl.records import Json, Record, Solution, decoder, problem_name
from sormctl.streams.compression import Content
from sormctl.streams.grouping import Line, group_lines, problem_namer, without_contradictions
from sormctl.streams.output import BLOCK

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

T = TypeVar("T")
Parse = Callable[[Json], T] | type[T]  # what makes a value of an object; or the class of a record
STDIN = "-"
LONGEST = 1 << 28  # bytes of a line; a longer one is no record
AROUND = b"\xef\xbb\xbf\x1e \t\r\n"  # byte order mark, record separator, spaces


def accept(record: object) -> None:
    """The `check` of a command that takes any record."""


def read_records(inputs: Sequence[str], parse: Parse[T]) -> Iterator[T]:
    """The records of `inputs` (`-` or none: standard input), in order.

    A line that is not a JSON object, or that `parse` refuses with RecordError, raises DataError
    `FILE:LINE: what; what to do`; a file that cannot be read raises UsageError at once.
    """
    return RecordReader(inputs).records(parse)


class RecordReader:
    """The input of one command, and what is to be told of it: progress, hashes, counts.

    `shard` is `I/N`: only that part of the records (`shard_of`). `before_read` is called whenever
    what was read before is used up, so reading on may block. `num_records` were read so far.
    """

    def __init__(self, names: Sequence[str] = (), shard: str | None = None) -> None:
        self.names = list(names) or [STDIN]
        self.num_records = 0
        self.before_read: Callable[[], None] = lambda: None
        self._shard = parse_shard(shard)
        self._sources: list[_Source] = []
        self._last: Line | None = None  # that somebody looked into; None once all are past
        sizes = [_size(name) for name in self.names]
        self._total = sum(size for size in sizes if size) if None not in sizes else None

    @property
    def fraction(self) -> float | None:
        """How much of the input has been read, in [0, 1]; None where the total is unknown."""
        if not self._total:
            return None
        return min(1.0, sum(source.num_used for source in self._sources) / self._total)

    @property
    def place(self) -> tuple[int, int]:
        """Which input the line looked into last is of, from 0, and its number, from 1."""
        return self._last[1:] if self._last else (0, 0)

    @property
    def parents(self) -> list[dict[str, Any]]:
        """Name and SHA-256 of every input that was read to its end."""
        return [
            {"name": source.name, "sha256": source.hash.hexdigest()}
            for source in self._sources
            if source.finished
        ]

    def records(self, parse: Parse[T], check: Callable[[T], object] = accept) -> Iterator[T]:
        """The records, in order; `check` may refuse one, too. For the errors see `read_records`."""
        decode = _decode(parse)
        with self.placing(), closing(self.lines()) as lines:
            for line, _, _ in lines:
                check(record := decode(line))
                yield record

    def groups(self, check: Callable[[Solution], object] = accept) -> Iterator[list[Solution]]:
        """The solutions of each problem, wherever they stand. Memory: see `group_lines`.

        Those that contradict each other (`without_contradictions`) are errors, too.
        """
        name = problem_namer()
        with self.placing(), closing(self.lines()) as lines:
            for group in group_lines((name(line[0]), line) for line in lines):
                yield list(without_contradictions(self.decoded(group, check)))
        self._last = None

    def gathered(self, check: Callable[[Solution], object] = accept) -> Iterator[Solution]:
        """The solutions, those of a problem together; all are checked before the first comes.

        Within `placing` an error about one has its place. Memory: see `group_lines`.
        """
        named = ((problem_name(s), self.line) for s in self.records(Solution, check))
        return self.decoded(chain.from_iterable(group_lines(named)))

    @property
    def line(self) -> Line:
        """The line looked into last, of which there must be one."""
        assert self._last is not None
        return self._last

    def lines(self) -> Generator[Line, None, None]:
        """The lines with their places; nobody has looked into them."""
        index, count = self._shard
        ordinal = 0
        for file, name in enumerate(self.names):
            with open_raw(name) as raw:
                self._sources.append(source := _Source(raw, shown(name), self.before_read))
                for number, text in _lines(source):
                    self._last = text, file, number
                    if count == 1 or self._shard_of(text, ordinal) == index:
                        self.num_records += 1
                        yield self._last
                    ordinal += 1
        self._last = None

    def decoded(
        self, lines: Iterable[Line], check: Callable[[Solution], object] = accept
    ) -> Iterator[Solution]:
        """The solutions on lines that were read before; within `placing` an error has its place."""
        decode = decoder(Solution)
        for line in lines:
            self._last = line
            check(solution := decode(line[0]))
            yield solution

    def _shard_of(self, line: bytes, ordinal: int) -> int:
        with self.placing():
            return shard_of(load_object(line), ordinal, self._shard[1])

    @contextmanager
    def placing(self) -> Iterator[None]:
        """Puts the place of the line looked into last into a RecordError raised in the block."""
        try:
            yield
        except RecordError as error:
            if self._last is None:
                raise
            _, file, number = self._last
            raise DataError(f"{shown(self.names[file])}:{number}: {error}") from None


def _lines(source: _Source) -> Iterator[tuple[int, bytes]]:
    """The lines that hold something, numbered from 1, without what may stand around it."""
    buffered = io.BufferedReader(source, BLOCK)
    content = Content(buffered, source.name)
    file = io.BufferedReader(content, BLOCK) if content.is_packed else buffered
    for number, line in numbered_lines(file, source.name, LONGEST):
        used = source.num_bytes if content.is_packed else source.num_used + len(line)
        source.num_used = used
        if text := line.strip(AROUND):
            yield number, text


def numbered_lines(file: BinaryIO, name: str, longest: int) -> Iterator[tuple[int, bytes]]:
    """The lines of a file, from 1. DataError for one that would fill the memory."""
    for number, line in enumerate(iter(partial(file.readline, longest), b""), 1):
        if len(line) == longest:
            raise DataError(f"{name}:{number}: a line of more than {longest:,} bytes")
        yield number, line


class _Source(io.RawIOBase):
    """A raw input that counts and hashes what is read from it; `num_used` is up to its reader."""

    def __init__(self, raw: Any, name: str, before_read: Callable[[], None]) -> None:
        self._raw = raw
        self._before_read = before_read
        self.name = name
        self.hash = hashlib.sha256()
        self.num_bytes = self.num_used = 0
        self.finished = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        self._before_read()
        try:
            num_bytes: int = self._raw.readinto(buffer) or 0
        except OSError as error:
            raise UsageError(f"cannot read {self.name}: {error.strerror}") from None
        self.hash.update(memoryview(buffer)[:num_bytes])
        self.num_bytes += num_bytes
        self.finished = num_bytes == 0
        return num_bytes


def _decode(parse: Parse[T]) -> Callable[[bytes], T]:
    if isinstance(parse, type) and issubclass(parse, Record):
        return decoder(parse)
    return lambda line: cast(Callable[[Json], T], parse)(load_object(line))


def parse_shard(shard: str | None) -> tuple[int, int]:
    """(I, N) of `I/N`; (0, 1) for None. UsageError unless 0 <= I < N."""
    if shard is None:
        return 0, 1
    typed = re.fullmatch(r"(\d{1,9})/(\d{1,9})", shard)
    if not typed or int(typed[1]) >= int(typed[2]):
        raise UsageError(f"--shard {shard}: give I/N with I from 0 to N-1, such as 0/4")
    return int(typed[1]), int(typed[2])


def shard_of(data: Json, ordinal: int, count: int) -> int:
    """Which of `count` shards a record belongs to: the records of a problem stay together.

    A hash of `problem_id` decides; where there is none, the record's `ordinal` in the input.
    """
    name = data.get("problem_id")
    return (ordinal if name is None else crc32(str(name).encode())) % count


def shown(name: str) -> str:
    """An input's name in messages and manifests."""
    return "<stdin>" if name == STDIN else name


def stat_input(name: str) -> os.stat_result | None:
    """What the system knows of an input, None for one without a file; UsageError if unreadable."""
    if name == STDIN:
        return _stat_stdin()
    try:
        status = os.stat(name)
    except FileNotFoundError:
        raise UsageError(no_such_path("file", name)) from None
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}") from None
    if stat.S_ISDIR(status.st_mode):
        raise UsageError(f"cannot read {name}: it is a folder; give the files in it")
    if not os.access(name, os.R_OK):
        raise UsageError(f"cannot read {name}: permission denied")
    return status


def _stat_stdin() -> os.stat_result | None:
    if sys.stdin is None or sys.stdin.closed:
        raise UsageError("standard input is closed; give a FILE")
    if sys.stdin.isatty():
        raise UsageError("no input: give a FILE, or pipe records in")
    try:
        return os.fstat(sys.stdin.fileno())
    except io.UnsupportedOperation:  # replaced by an object in memory
        return None


def _size(name: str) -> int | None:
    status = stat_input(name)
    return status.st_size if status and stat.S_ISREG(status.st_mode) else None


@contextmanager
def open_raw(name: str) -> Iterator[Any]:
    """The raw file: nothing else may hold back what has arrived."""
    if name == STDIN:
        yield getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
        return
    try:
        file = io.FileIO(name)
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}") from None
    with file:
        yield file
