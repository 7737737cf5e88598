"""Where a benchmark's problems come from: a generator, a folder, the hub, a user's own file.

Tasks are pure and know only how a row becomes a problem; `rows` reads rows and knows no task.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar

from sormctl.asking import WorkedExample
from sormctl.errors import DataError, RecordError, UsageError
from sormctl.missing import beside, install, no_such, no_such_path
from sormctl.records import Json, Problem
from sormctl.rows import hub
from sormctl.rows.base import Rows
from sormctl.rows.files import read_rows, row_stem, without_endings
from sormctl.streams.jsonl import STDIN
from sormctl.tasks import files
from sormctl.tasks.answers import CHOICE, KINDS, get_kind
from sormctl.tasks.base import Task
from sormctl.tasks.fields import Fields, template_parts
from sormctl.tasks.layouts import asks
from sormctl.tasks.registry import get_task, task_names

T = TypeVar("T")
RowParser = Callable[[Json, int], T]  # (row, its index) -> record
DEFAULT_LIMIT = 1000  # problems of a generated benchmark, unless told
SKIP = "--skip-unreadable"
TEST = "test"  # the split that is read, unless told
MAX_TOLD = 3  # rows that were left out, each with its reason
_SLICE = re.compile(r"(.*)\[(\d*):(\d*)\]")
_LOCAL = "give the published files by --data-dir or SORMCTL_DATA"


class Unreadable:
    """Rows that hold nothing readable: the first ends the run, or they are left out and counted.

    `are_left_out` is None where the user cannot say so. The option is named only where a row before
    was read: else it is rather the layout that is another one.
    """

    def __init__(self, are_left_out: bool | None) -> None:
        self.are_left_out = are_left_out
        self.num_read = 0  # rows that could be
        self._told: list[str] = []
        self._count = 0

    def take(self, message: str) -> None:
        """Leaves out a row; DataError where it ends the run."""
        if not self.are_left_out:
            can_be = self.are_left_out is not None and self.num_read
            raise DataError(f"{message}; {SKIP} leaves such rows out" if can_be else message)
        self._count += 1
        if self._count <= MAX_TOLD:
            self._told.append(message)

    def checked(self, made: Iterator[T]) -> Iterator[T]:
        """What was made of all rows; DataError at the end if all were left out."""
        yield from made
        if self._count and not self.num_read:
            raise DataError(f"{self._told[0]}; {SKIP} leaves out all {self._count:,} rows")

    def notes(self) -> Iterator[str]:
        """What the user should know at the end: the first of them, and how many there are."""
        yield from (f"left out: {message}" for message in self._told)
        if self._count:
            total = self._count + self.num_read
            yield f"left out: {self._count:,} of {total:,} rows, which cannot be read"


def read_problems(
    bench: str | Sequence[str],
    split: str | None,
    *,
    data_dir: Path | None = None,
    answer: str | None = None,
    fields: Fields = files.PUBLISHED,
    seed: int = 0,
    limit: int | None = None,
    unreadable: Unreadable | None = None,
) -> Iterator[Problem]:
    """The first `limit` problems of a benchmark, or of a user's own data, maybe in several files.

    Without a limit these are all of them; of a generated benchmark, which is endless, 1,000.

    `bench` is the name of a task; or a file, `-` for standard input or `hf:OWNER/NAME[:CONFIG]`,
    whose answers are of the kind `answer` and whose `fields` the user may name. Problems of a task
    are generated from `seed`, or read below `data_dir`, or fetched from the hub where there is no
    `data_dir`. UsageError says what exists; DataError names the row that does not fit, unless
    `unreadable` leaves it out.
    """
    benches = [bench] if isinstance(bench, str) else bench
    if not set(benches) & set(task_names()):
        unreadable = unreadable or Unreadable(None)
        found = _own_problems(benches, split, answer, fields, unreadable)
        return islice(unreadable.checked(found), limit)
    if len(benches) > 1:
        raise UsageError("give one benchmark, or files of your own")
    bench = benches[0]
    if fields.are_named or (unreadable and unreadable.are_left_out):
        raise UsageError(f"{bench} has its own fields; --question and its like are for your files")
    task = get_task(bench)
    part = split or TEST
    if task.generate:
        return islice(task.generate(part, seed), limit or DEFAULT_LIMIT)
    return islice(_published_problems(task, part, data_dir), limit)


def input_files(benches: Iterable[str]) -> list[str]:
    """The files among what problems are read from, where these are the user's own."""
    return [name for name in benches if name not in task_names() and _is_file(name)]


# ── a user's own data ────────────────────────────────────────────────────────────────────────────


def _own_problems(
    benches: Sequence[str],
    split: str | None,
    answer: str | None,
    fields: Fields,
    unreadable: Unreadable,
) -> Iterator[Problem]:
    for bench in benches:
        _check_own(bench, split)
    if answer is None:
        raise UsageError(f"{benches[0]}: say how its answers compare: --answer {'|'.join(KINDS)}")
    kind = get_kind(answer)
    if fields.question is not None:
        template_parts(fields.question)
    if fields.choices is not None and kind is not CHOICE:
        raise UsageError(f"--choices goes with --answer choice, not with {answer}")

    def problems(rows: Rows, name: str) -> Iterator[Problem]:
        parse = lambda row, index: files.parse(kind, row, name, index, fields)  # noqa: E731
        return parsed(rows, parse, unreadable)

    rows = [_own_rows(bench, split) for bench in benches]
    return chain.from_iterable(map(problems, rows, _names(benches, split)))


def _check_own(bench: str, split: str | None) -> None:
    is_hub = bench.startswith(hub.PREFIX)
    if not is_hub and not _is_file(bench):
        tasks = task_names()
        remedy = f"known tasks: {', '.join(tasks)}"
        raise UsageError(no_such("task and no file", bench, [*tasks, *beside(bench)], remedy))
    if split is not None and not is_hub:
        raise UsageError(f"{bench}: a file has no splits; drop --split, and give a file for each")


def _own_rows(bench: str, split: str | None) -> Rows:
    if not bench.startswith(hub.PREFIX):
        return read_rows(bench, asks)
    return hub.hub_rows(*hub.parse_name(bench), split or TEST)


def _names(benches: Sequence[str], split: str | None) -> list[str]:
    """What rows are called that have no id; where files are of one name, by their folders, too."""
    names = [_name(bench, split) for bench in benches]
    if len(set(names)) == len(names):
        return names
    paths = [os.path.abspath(bench) for bench in benches]
    common = os.path.commonpath(map(os.path.dirname, paths))
    return [without_endings(os.path.relpath(path, common)) for path in paths]


def _name(bench: str, split: str | None) -> str:
    if not bench.startswith(hub.PREFIX):
        return row_stem(bench)
    path, config = hub.parse_name(bench)
    return "-".join(filter(None, (path.rpartition("/")[2], config, split or TEST)))


def _is_file(bench: str) -> bool:
    """Whether there is something to read: a file, a pipe, or standard input."""
    return bench == STDIN or Path(bench).exists()


# ── a task's data ────────────────────────────────────────────────────────────────────────────────


def _published_problems(task: Task, split: str, data_dir: Path | None) -> Iterator[Problem]:
    if data_dir and task.files:
        file = _choose(task, split, task.files)
        return read_published(data_dir, file, _parser(task, split))
    if task.hub:
        part = _choose(task, split, task.hub.splits)
        rows = hub.hub_rows(task.hub.path, task.hub.name, part, _LOCAL)
        return parsed(rows, _parser(task, split))
    if task.files:
        raise UsageError(f"{task.name} is read from files; {_LOCAL}")
    raise UsageError(
        f"task `{task.name}` is for your own file: sormctl problems FILE --answer {task.name}"
    )


def needs(task: Task, data_dir: Path | None) -> str | None:
    """What `read_problems` lacks for some split of a task, the hub being there; None if nothing."""
    if task.generate:
        return None
    if task.files and data_dir:
        paths = [data_dir / _SLICE.sub(r"\1", file) for file in task.files.values()]
        return ", ".join(str(path) for path in dict.fromkeys(paths) if not path.is_file()) or None
    if task.hub:
        return None if find_spec("datasets") else f"datasets: {install('hub')}; or {_LOCAL}"
    return _LOCAL if task.files else None


def _choose(task: Task, split: str, splits: Mapping[str, str]) -> str:
    if split not in splits:
        raise UsageError(no_such(f"split of {task.name}", split, splits))
    return splits[split]


def _parser(task: Task, split: str) -> RowParser[Problem]:
    if task.parse is None:
        raise UsageError(f"task `{task.name}` cannot read rows; its `parse` is missing")
    parse = task.parse
    return lambda row, index: parse(row, split, index)


def read_published(data_dir: Path, file: str, parse: RowParser[T]) -> Iterator[T]:
    """Records of a published file below `data_dir`; `name.json[:700]` takes the first 700 rows."""
    sliced = _SLICE.fullmatch(file)
    name, start, stop = sliced.groups() if sliced else (file, "", "")
    path = data_dir / name
    if not path.is_file():
        raise UsageError(no_such_path("file", str(path), f"{_LOCAL} (a folder with {name} in it)"))
    rows = enumerate(parsed(read_rows(str(path), asks), parse))
    return (row for i, row in rows if int(start or 0) <= i and (not stop or i < int(stop)))


def parsed(rows: Rows, parse: RowParser[T], unreadable: Unreadable | None = None) -> Iterator[T]:
    """What `parse` makes of rows.

    DataError says where the row stands that it refuses, unless `unreadable` leaves it out.
    """
    return each_parsed(rows, lambda row, index: [parse(row, index)], unreadable)


def each_parsed(
    rows: Rows, parse: RowParser[Sequence[T]], unreadable: Unreadable | None = None
) -> Iterator[T]:
    """The same where `parse` makes several."""
    unreadable = unreadable or Unreadable(None)
    for index, row in enumerate(rows):
        try:
            made = parse(row.data, index)
        except RecordError as error:
            unreadable.take(f"{row.place}: {error}")
        else:
            unreadable.num_read += 1
            yield from made


def read_examples(given: str) -> int | tuple[WorkedExample, ...]:
    """`--examples`: how many of the task's own, or the worked examples of a file.

    A row holds a question, and a worked solution as a text or a list of steps.
    """
    if given.isdecimal():
        return int(given)
    if not _is_file(given):
        raise UsageError(no_such_path("number and no file (--examples)", given))
    found = tuple(parsed(read_rows(given, asks), lambda row, index: files.worked_example(row)))
    if not found:
        raise UsageError(f"--examples {given}: holds no row")
    return found
