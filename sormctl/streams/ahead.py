"""What a model has answered for records whose results are not in FILE yet: `FILE.ahead`.

Many records are worked on at once, and their results are written in the order of the input. So that
`kill -9` loses neither what waits for its turn nor the rollouts of a problem that is half done,
each answer is appended here as it comes: `[record, call, answer]`. `--resume` works on these
records again, and what was answered is not asked for once more. A run that is done leaves no such
file.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from msgspec import MsgspecError, Raw, Struct, json

from sormctl.streams.output import Sink, file_beside, has_content, plain_file, replace_file, writing

AHEAD_SUFFIX = ".ahead"
_MOST: Final = 16 << 20  # bytes of answers for records that are in FILE, until they are cut away


class _Answer(Struct, array_like=True, gc=False):
    record: str
    call: str
    answer: Raw


_encode = json.Encoder().encode
_decode = json.Decoder(_Answer).decode


def ahead_path(output: Path) -> Path:
    """Where the answers lie beside an output file."""
    return file_beside(output, AHEAD_SUFFIX)


def is_begun(output: Path) -> bool:
    """Whether there is anything that a run was paid for: in the file, or ahead of it."""
    return has_content(output) or has_content(ahead_path(output))


class Ahead:
    """The answers beside an output file, for who holds the lock on that.

    A place among them counts the bytes up to there as if none had been cut away.
    """

    def __init__(self, output: Path) -> None:
        self.known: dict[str, bytes] = {}  # by call: what the runs before have left
        self._path = ahead_path(output)
        self._known_bytes = self._cut_bytes = self._size = 0
        self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: object, *rest: object) -> None:
        """Removes the file, unless an error leaves something to go on with."""
        self._file.close()
        if error is None or not has_content(self._path):
            self._path.unlink()

    @property
    def place(self) -> int:
        """Where the next answer goes."""
        return self._cut_bytes + self._size

    def resume(self, finished: Container[str]) -> None:
        """Takes over what is there for records that are not `finished`."""
        kept = [answer for answer in self._answers() if answer.record not in finished]
        self.known = {answer.call: bytes(answer.answer) for answer in kept}
        self._replace(b"".join(map(_line, kept)))
        self._known_bytes = self._size

    def clear(self) -> None:
        """Keeps nothing of what is there."""
        self._replace(b"")

    def append(self, record: str, call: str, answer: bytes) -> None:
        """Keeps an answer."""
        line = _line(_Answer(record, call, Raw(answer)))
        self._sink.write(line)
        self._sink.flush()
        self._size += len(line)

    def written(self, place: int) -> None:
        """What was appended before `place` is for records that are in the output by now."""
        end = place - self._cut_bytes
        if end - self._known_bytes > _MOST:
            data = self._read()
            self._replace(data[: self._known_bytes] + data[end:])
            self._cut_bytes = place - self._known_bytes

    def _answers(self) -> Iterator[_Answer]:
        for line in self._read().splitlines():
            try:
                yield _decode(line)
            except (MsgspecError, UnicodeDecodeError, RecursionError):  # torn, or not ours
                continue

    def _read(self) -> bytes:
        self._file.seek(0)
        return self._file.readall()

    def _replace(self, data: bytes) -> None:
        self._file.close()
        replace_file(self._path, data)
        self._open()
        self._size = len(data)

    def _open(self) -> None:
        with writing(self._path):
            self._file = io.FileIO(self._path, "ab+", opener=plain_file)
        self._sink = Sink(self._file, str(self._path))


@dataclass(frozen=True, slots=True)
class RecordAnswers:
    """The model's answers for one record. `count` is told how many, and the tokens of these.

    `ahead` None: the output is no file, so nothing is kept.
    """

    record: str
    ahead: Ahead | None
    count: Callable[[int, int], None]

    @property
    def keeps(self) -> bool:
        """Whether there is a file for them."""
        return self.ahead is not None

    def get(self, call: str) -> bytes | None:
        """What an earlier run was answered."""
        return self.ahead.known.get(call) if self.ahead else None

    def put(self, call: str, answer: bytes) -> None:
        """Keeps an answer."""
        if self.ahead:
            self.ahead.append(self.record, call, answer)


def _line(answer: _Answer) -> bytes:
    return _encode(answer) + b"\n"
