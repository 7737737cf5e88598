"""JSON lines in: files (`.gz` too) or standard input, one checked record a line."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast
from zlib import crc32

from sormctl.errors import DataError, RecordError, SormctlError, UsageError
from sormctl.records import Json, Record, Solution, decoder, load
from sormctl.streams.grouping import Line, group_lines, problem_namer, without_contradictions

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

T = TypeVar("T")
Parse = Callable[[Json], T] | type[T]  # what makes a value of an object; or the class of a record
STDIN = "-"
BLOCK = 1 << 17
_AROUND = b"\xef\xbb\xbf\x1e \t\r\n"  # byte order mark, record separator, spaces


def accept(record: object) -> None:
    """The `check` of a command that takes any record."""


def read_records(inputs: Sequence[str], parse: Parse[T]) -> Iterator[T]:
    """The records of `inputs` (`-` or none: standard input), in order.

    A line that is not a JSON object, or that `parse` refuses with RecordError, raises DataError
    `FILE:LINE: what; what to do`; a file that cannot be read raises UsageError at once.
    """
    return Inputs(inputs).records(parse)


class Inputs:
    """The input of one command, and what is to be told of it: progress, hashes, counts.

    `shard` is `I/N`: only that part of the records (`shard_of`). `before_read` is called whenever
    what was read before is used up, so reading on may block. `num_records` were yielded so far.
    """

    def __init__(self, names: Sequence[str] = (), shard: str | None = None) -> None:
        self.names = list(names) or [STDIN]
        self.num_records = 0
        self.before_read: Callable[[], None] = lambda: None
        self._shard = parse_shard(shard)
        self._sources: list[_Source] = []
        self._lines: _Lines | None = None  # that are being read
        self._grouped: Line | None = None  # the record read last, where that is one of a group
        sizes = [_size(name) for name in self.names]
        self._total = sum(size for size in sizes if size) if None not in sizes else None

    @property
    def fraction(self) -> float | None:
        """How much of the input has been read, in [0, 1]; None where the total is unknown."""
        if not self._total:
            return None
        num_bytes = sum(source.num_bytes for source in self._sources)
        return min(1.0, (num_bytes - (self._lines.ahead if self._lines else 0)) / self._total)

    @property
    def place(self) -> tuple[int, int]:
        """Number of the file and of the line that was read last, from 1."""
        return len(self._sources), self._lines.number if self._lines else 0

    @property
    def parents(self) -> list[dict[str, Any]]:
        """Name and SHA-256 of every input that was read to its end."""
        return [
            {"name": shown(name), "sha256": source.hash.hexdigest()}
            for name, source in zip(self.names, self._sources, strict=False)
            if source.finished
        ]

    def records(self, parse: Parse[T], check: Callable[[T], object] = accept) -> Iterator[T]:
        """The records, in order; `check` may refuse one, too. For the errors see `read_records`."""
        decode = _decode(parse)
        for line in self._read():
            try:
                check(record := decode(line))
            except RecordError as error:
                raise self._where(error) from None
            self.num_records += 1
            yield record

    def groups(self, check: Callable[[Solution], object] = accept) -> Iterator[list[Solution]]:
        """The solutions of each problem, wherever they stand. Memory: see `group_lines`.

        Those that contradict each other (`without_contradictions`) are errors, too.
        """
        for group in group_lines(self._named()):
            try:
                yield list(without_contradictions(self.decoded(group, check)))
            except RecordError as error:
                raise self._where(error) from None
        self._grouped = None

    def lines(self) -> Iterator[Line]:
        """The lines with their places; nobody has looked into them."""
        for line in self._read():
            self.num_records += 1
            yield line, *self.place

    def decoded(
        self, lines: Iterable[Line], check: Callable[[Solution], object] = accept
    ) -> Iterator[Solution]:
        """The solutions on lines that were read before; within `placing` an error has its place."""
        decode = decoder(Solution)
        for self._grouped in lines:
            check(solution := decode(self._grouped[0]))
            yield solution

    def _named(self) -> Iterator[tuple[str, Line]]:
        """The name of the problem that each line is about, and the line with its place."""
        name = problem_namer()
        for line in self.lines():
            try:
                named = name(line[0])
            except RecordError as error:
                raise self._where(error) from None
            yield named, line

    def _read(self) -> Iterator[bytes]:
        index, count = self._shard
        ordinal = 0
        for name in self.names:
            with _open(name) as raw:
                self._sources.append(_Source(raw, shown(name), self.before_read))
                self._lines = _Lines(name, self._sources[-1])
                for line in self._lines:
                    if count == 1 or self._shard_of(line, ordinal) == index:
                        yield line
                    ordinal += 1
        self._lines = None

    def _shard_of(self, line: bytes, ordinal: int) -> int:
        with self.placing():
            return shard_of(load(line), ordinal, self._shard[1])

    def _where(self, error: RecordError) -> SormctlError:
        """An error with the place of the record that was yielded last, if that is not past."""
        if self._grouped:
            _, file, number = self._grouped
            return DataError(f"{shown(self.names[file - 1])}:{number}: {error}")
        return self._lines.error(str(error)) if self._lines else error

    @contextmanager
    def placing(self) -> Iterator[None]:
        """Puts the place of the record read last into a RecordError that somebody else raises."""
        try:
            yield
        except RecordError as error:
            raise self._where(error) from None


class _Lines:
    """The lines of one input, numbered from 1."""

    def __init__(self, name: str, source: _Source) -> None:
        self._name = shown(name)
        self._source = source
        buffered = io.BufferedReader(source, BLOCK)
        self._file = gzip.GzipFile(fileobj=buffered) if name.endswith(".gz") else buffered
        self._num_bytes = 0
        self.number = 0

    @property
    def ahead(self) -> int:
        """Bytes that were read and are no line yet; 0 where that cannot be told."""
        plain = isinstance(self._file, io.BufferedReader)
        return self._source.num_bytes - self._num_bytes if plain else 0

    def __iter__(self) -> Iterator[bytes]:
        """The lines that hold something, without what may stand around it."""
        try:
            for self.number, line in enumerate(self._file, 1):  # noqa: B020
                self._num_bytes += len(line)
                if text := line.strip(_AROUND):
                    yield text
        except gzip.BadGzipFile:
            if self.number:
                raise self.error("gzip ends here, and something else follows; cut it off") from None
            raise self.error("not a gzip file; give it a name without .gz") from None
        except (EOFError, zlib.error) as error:
            raise self.error(f"not a whole gzip file ({error}); make it again") from None

    def error(self, message: str) -> DataError:
        return DataError(f"{self._name}:{self.number}: {message}")


class _Source(io.RawIOBase):
    """A raw input that counts and hashes what is read from it."""

    def __init__(self, raw: Any, name: str, before_read: Callable[[], None]) -> None:
        self._raw = raw
        self._name = name
        self._before_read = before_read
        self.hash = hashlib.sha256()
        self.num_bytes = 0
        self.finished = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        self._before_read()
        try:
            num_bytes: int = self._raw.readinto(buffer) or 0
        except OSError as error:
            raise UsageError(f"cannot read {self._name}: {error.strerror}") from None
        self.hash.update(memoryview(buffer)[:num_bytes])
        self.num_bytes += num_bytes
        self.finished = num_bytes == 0
        return num_bytes


def _decode(parse: Parse[T]) -> Callable[[bytes], T]:
    if isinstance(parse, type) and issubclass(parse, Record):
        return decoder(parse)
    return lambda line: cast(Callable[[Json], T], parse)(load(line))


def parse_shard(shard: str | None) -> tuple[int, int]:
    """(I, N) of `I/N`; (0, 1) for None. UsageError unless 0 <= I < N."""
    if shard is None:
        return 0, 1
    index, _, count = shard.partition("/")
    if not (index.isdecimal() and count.isdecimal() and int(index) < int(count)):
        raise UsageError(f"--shard {shard}: give I/N with I from 0 to N-1, such as 0/4")
    return int(index), int(count)


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
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}") from None
    if stat.S_ISDIR(status.st_mode):
        raise UsageError(f"cannot read {name}: it is a folder; give the JSONL files in it")
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
def _open(name: str) -> Iterator[Any]:
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
