"""A file that is written as it goes and survives `kill -9` at any moment.

Beside FILE lies FILE.journal: one line an input record (or group of records that are worked on
together), written once what was made of it is in FILE: `[size of FILE, keys, *tally]`, the tally
summed up since the beginning. To resume, both files are cut to the last whole line of
the journal that FILE still covers, and the records whose keys remain are not made again. What was
answered for others is in `ahead`.
"""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import orjson
from msgspec.json import Decoder

from sormctl.errors import UsageError
from sormctl.records import Count
from sormctl.streams.ahead import Ahead, ahead_path, is_begun
from sormctl.streams.compression import is_written_packed
from sormctl.streams.manifest import Manifest, Tally, manifest_path
from sormctl.streams.output import Sink, file_beside, locked, writing

JOURNAL_SUFFIX = ".journal"
Keys = tuple[str, ...]  # of the input records of one entry
Entry = tuple[Count, Keys, Count, Count, dict[str, Count]]
_ENTRIES = Decoder(Entry)


class Journal:
    """An output file and its journal, and what is `ahead` of them.

    `finished` counts the keys of the input records whose outputs are in the file; `tally` sums
    them up and is for the caller to keep.
    """

    def __init__(self, file: io.FileIO, journal: io.FileIO, path: Path, ahead: Ahead) -> None:
        self.finished: Counter[str] = Counter()
        self.tally = Tally()
        self.ahead = ahead
        self._file, self._journal = file, journal
        self._data = Sink(file, str(path), compressed=is_written_packed(path))
        self._entries = Sink(journal, f"{path}{JOURNAL_SUFFIX}")

    def write(self, keys: Keys, lines: bytes) -> None:
        """Appends what was made of one entry's records, which `tally` includes already."""
        self._data.write(lines)
        self._data.flush()
        tally = self.tally
        entry = [self._data.num_bytes, keys, tally.records_in, tally.records_out, tally.counts]
        self._entries.write(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE))
        self._entries.flush()

    def resume(self) -> None:
        """Cuts both files to what was finished, and remembers it, and what is ahead."""
        size = os.fstat(self._file.fileno()).st_size
        end = 0
        self._journal.seek(0)
        with open(self._journal.fileno(), "rb", closefd=False) as lines:
            for line in lines:
                entry = _entry(line)
                if entry is None or not self._data.num_bytes <= entry[0] <= size:
                    break
                self._data.num_bytes, keys, num_in, num_out, counts = entry
                self.finished.update(keys)
                self.tally = Tally(num_in, num_out, Counter(counts))
                end += len(line)
        self._cut(self._data.num_bytes, end)
        self.ahead.resume(self.finished)

    def clear(self) -> None:
        """Keeps nothing of what is there."""
        self._cut(0, 0)
        self.ahead.clear()

    def _cut(self, data: int, entries: int) -> None:
        os.ftruncate(self._journal.fileno(), entries)
        os.ftruncate(self._file.fileno(), data)


class Unjournalled:
    """A pipe or a device in the place of a journalled file: there is nothing to resume."""

    def __init__(self, sink: Sink) -> None:
        self.finished: Counter[str] = Counter()
        self.tally = Tally()
        self.ahead: None = None
        self._sink = sink

    def write(self, keys: Keys, lines: bytes) -> None:
        """Writes what was made of one entry's records, at once."""
        self._sink.write(lines)
        self._sink.flush()


@contextmanager
def journalled(path: Path, manifest: Manifest, resume: bool) -> Iterator[Journal]:
    """Opens `path` to be written from the start, or with `resume` from where it stopped.

    UsageError if it is not the file of an interrupted run of the same command line; BusyError if
    another process is writing it.
    """
    entries_path = file_beside(path, JOURNAL_SUFFIX)
    resume = resume and is_begun(path)
    if resume:
        if not (manifest.exists() and entries_path.exists()):
            raise UsageError(f"cannot --resume: {path} has no journal beside it; give --overwrite")
        manifest.check_same()
    with ExitStack() as stack:
        entries = stack.enter_context(locked(entries_path))
        with writing(path):
            file = stack.enter_context(io.FileIO(path, "ab"))
        journal = Journal(file, entries, path, stack.enter_context(Ahead(path)))
        if resume:
            journal.resume()
        else:
            journal.clear()
        with manifest.recording(journal.tally):
            yield journal


def discard(path: Path) -> None:
    """Removes what an earlier run has made; BusyError if another process is making it."""
    entries_path = file_beside(path, JOURNAL_SUFFIX)
    with locked(entries_path), writing(path):
        for each in (ahead_path(path), path, manifest_path(path), entries_path):
            each.unlink(missing_ok=True)


def _entry(line: bytes) -> Entry | None:
    """A line of the journal; None if it is torn, or damaged."""
    try:
        return _ENTRIES.decode(line) if line.endswith(b"\n") else None
    except (ValueError, RecursionError):
        return None
