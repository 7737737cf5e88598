"""Where a benchmark's problems come from: a generator, a folder, the hub, a user's own file.

Tasks are pure and know only how a row becomes a problem; files and the network are touched here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count, islice
from pathlib import Path
from typing import Any, TypeVar

import orjson

from sormctl.asking import WorkedExample
from sormctl.errors import DataError, RecordError, UsageError
from sormctl.records import Json, Problem
from sormctl.streams.jsonl import read_records
from sormctl.tasks.answers import KINDS, get_kind
from sormctl.tasks.base import Hub, Task
from sormctl.tasks.files import worked_example
from sormctl.tasks.registry import get_task, task_names

T = TypeVar("T")
RowParser = Callable[[Json, int], T]  # (row, its index) -> record
GENERATED = 1000  # problems of a generated benchmark, unless told
_SLICE = re.compile(r"(.*)\[(\d*):(\d*)\]")
_LOCAL = "give the published files by --data-dir or SORMCTL_DATA"


def read_problems(
    bench: str,
    split: str | None,
    *,
    data_dir: Path | None = None,
    answer: str | None = None,
    seed: int = 0,
    limit: int | None = None,
) -> Iterator[Problem]:
    """The first `limit` problems of a benchmark, or of a user's own file.

    Without a limit these are all of them; of a generated benchmark, which is endless, 1,000.

    `bench` is the name of a task, or the path of a JSONL (or JSON) file, whose answers are of the
    kind `answer`. Problems of a task are generated from `seed`, or read below `data_dir`, or
    fetched from the hub where there is no `data_dir`. UsageError says what exists; DataError
    names the row that does not fit.
    """
    if bench in task_names():
        task = get_task(bench)
        part = split or "test"
        if task.generate:
            return islice(task.generate(part, seed), limit or GENERATED)
        return islice(_published_problems(task, part, data_dir), limit)
    if not Path(bench).is_file():
        raise UsageError(f"no file and no task `{bench}`; known tasks: {', '.join(task_names())}")
    if answer is None:
        raise UsageError(f"{bench}: say how its answers compare: --answer {'|'.join(KINDS)}")
    task = get_task(get_kind(answer).name)
    if split is not None:
        raise UsageError(f"{bench}: a file has no splits; drop --split, and give a file for each")
    parse = _parser(task, Path(bench.removesuffix(".gz")).stem)
    return islice(read_file(Path(bench), parse), limit)


def _published_problems(task: Task, split: str, data_dir: Path | None) -> Iterator[Problem]:
    if data_dir and task.files:
        file = _choose(task, split, task.files)
        return read_published(data_dir, file, _parser(task, split))
    if task.hub:
        return read_hub(task.hub, _choose(task, split, task.hub.splits), _parser(task, split))
    if task.files:
        raise UsageError(f"{task.name} is read from files; {_LOCAL}")
    raise UsageError(
        f"task `{task.name}` is for your own file: sormctl problems FILE --answer {task.name}"
    )


def _choose(task: Task, split: str, splits: Mapping[str, str]) -> str:
    if split not in splits:
        raise UsageError(f"{task.name} has no split `{split}`; choose one of {', '.join(splits)}")
    return splits[split]


def _parser(task: Task, split: str) -> RowParser[Problem]:
    if task.parse is None:
        raise UsageError(f"task `{task.name}` cannot read rows; its `parse` is missing")
    parse = task.parse
    return lambda row, index: parse(row, split, index)


# ── files ────────────────────────────────────────────────────────────────────────────────────────


def read_published(data_dir: Path, file: str, parse: RowParser[T]) -> Iterator[T]:
    """Records of a published file below `data_dir`; `name.json[:700]` takes the first 700 rows."""
    sliced = _SLICE.fullmatch(file)
    name, start, stop = sliced.groups() if sliced else (file, "", "")
    path = data_dir / name
    if not path.is_file():
        raise UsageError(f"no file {path}; {_LOCAL} (a folder with {name} in it)")
    rows = enumerate(read_file(path, parse))
    return (row for i, row in rows if int(start or 0) <= i and (not stop or i < int(stop)))


def read_file(path: Path, parse: RowParser[T]) -> Iterator[T]:
    """Records of a JSONL file, or of a `.json` file that holds one array of rows."""
    if path.suffix == ".json":
        return _parse_rows(_json_array(path), parse, str(path))
    index = count()
    return read_records([str(path)], lambda row: parse(row, next(index)))


def _json_array(path: Path) -> list[Any]:
    try:
        rows = orjson.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    except orjson.JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno}: not JSON ({error.msg}); name it .jsonl?") from None
    if not isinstance(rows, list):
        raise DataError(f"{path}: holds no JSON array; put one object a line into a .jsonl file")
    return rows


def _parse_rows(rows: Iterable[Any], parse: RowParser[T], origin: str) -> Iterator[T]:
    for index, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise DataError(f"{origin}: row {index}: not an object")
        try:
            yield parse(row, index)
        except RecordError as error:
            raise DataError(f"{origin}: row {index}: {error}") from None


def read_examples(given: str) -> int | tuple[WorkedExample, ...]:
    """`--examples`: how many of the task's own, or the worked examples of a file.

    A row holds a question, and a worked solution as a text or a list of steps.
    """
    if given.isdecimal():
        return int(given)
    if not Path(given).is_file():
        raise UsageError(f"--examples {given}: no such file, and no number")
    return tuple(read_file(Path(given), lambda row, index: worked_example(row)))


# ── the hub ──────────────────────────────────────────────────────────────────────────────────────


def read_hub(hub: Hub, split: str, parse: RowParser[T]) -> Iterator[T]:
    """Records of a data set of the Hugging Face hub; UsageError if it cannot be had."""
    try:
        from datasets import disable_progress_bars, load_dataset
    except ImportError:
        raise UsageError(f"{hub.path}: run pip install 'sormctl[hub]', or {_LOCAL}") from None
    disable_progress_bars()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it tells of every retry
    try:
        rows = load_dataset(hub.path, hub.name, split=split)
    except Exception as error:  # a dozen libraries raise their own here
        raise UsageError(
            f"cannot get {hub.path} from the hub ({_first(error)}); {_LOCAL}"
        ) from error
    return _parse_rows(rows, parse, f"{hub.path} {split}")


def _first(error: BaseException) -> str:
    """The first line of an error, short enough to stand in a message."""
    return (str(error) or type(error).__name__).splitlines()[0][:120]
