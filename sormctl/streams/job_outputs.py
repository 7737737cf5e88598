"""What a command was asked to do with its streams, and the output that this opens."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sormctl.errors import SormctlError, UsageError
from sormctl.records import Json, Record, encode
from sormctl.streams.ahead import AHEAD_SUFFIX, is_begun
from sormctl.streams.journal import JOURNAL_SUFFIX, Journal, Unjournalled, journalled
from sormctl.streams.jsonl import STDIN, RecordReader, stat_input
from sormctl.streams.manifest import MANIFEST_SUFFIX, Manifest, Parents, Tally
from sormctl.streams.output import (
    PARTIAL,
    Sink,
    device,
    file_beside,
    has_content,
    is_standard,
    is_stream,
    standard_output,
    whole_file,
)
from sormctl.streams.progress import Progress, counted

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Job:
    """What a command was asked to do with its streams.

    `arguments` is everything that determines the records made: it goes into the manifest, and
    must be the same to resume. `inputs` are files, `-` or none for standard input; `output` None
    or `-` is standard output; `shard` is `I/N`. `skip_failed` leaves out records on which an engine
    fails; None where the command has no such option. `prepare` is called when all else is known to
    be right, before the work.
    """

    command: str
    arguments: Mapping[str, Any]
    inputs: Sequence[str] = ()
    output: Path | None = None
    resume: bool = False
    overwrite: bool = False
    quiet: bool = False
    log_format: str = "text"
    shard: str | None = None
    skip_failed: bool | None = None
    prepare: Callable[[], None] = lambda: None

    @property
    def models(self) -> list[str]:
        """The models that it runs, as they were typed.

        Empty for a stage of `eval --bench`, whose arguments name the models of all stages.
        """
        options = ("model", "rm", "judge")
        return [str(name) for option in options if (name := self.arguments.get(option))]

    def prepared(self, made: Iterable[T]) -> Iterator[T]:
        """What is made: the first of it shows that the command line and the input will do."""
        rest = iter(made)
        for first in rest:
            self.prepare()
            yield first
            yield from rest


@contextmanager
def growing_output(
    job: Job, inputs: RecordReader, progress: Progress
) -> Iterator[Journal | Unjournalled]:
    """The output of a job that writes as it goes, and that --resume continues."""
    path = _file_of(job)
    if path is None:
        with _stream(job.output) as sink:
            yield Unjournalled(sink)
        return
    if is_begun(path) and not (job.resume or job.overwrite):
        raise UsageError(f"{path} exists; give --resume to continue it or --overwrite")
    _refuse_inputs(inputs.names, [path, *_files_beside(path)])
    with journalled(path, _manifest(path, job, lambda: inputs.parents), job.resume) as journal:
        if journal.finished:
            progress.note(f"{journal.finished.total():,} records were finished before")
        if known := journal.ahead.known:
            progress.note(f"answers to {counted(len(known), 'request')} for others were kept")
        try:
            yield journal
        except (SormctlError, KeyboardInterrupt) as error:
            done, ahead = journal.tally.records_in, journal.ahead.place
            if (done or ahead) and not isinstance(error, UsageError):
                kept = ", what was generated for others is kept" if ahead else ""
                progress.note(f"{counted(done, 'record')} finished{kept}; --resume goes on")
            raise


@contextmanager
def whole_output(job: Job, inputs: Sequence[str], parents: Parents, tally: Tally) -> Iterator[Sink]:
    """The output of a job whose file appears whole, with its manifest, or not at all.

    It may replace one of the `inputs`, which have been read by then.
    """
    path = _file_of(job)
    if path is None:
        with _stream(job.output) as sink:
            yield sink
        return
    _refuse_inputs(inputs, _files_beside(path))
    manifest = _manifest(path, job, parents)
    if has_content(path) and not job.overwrite:
        if not (job.resume and manifest.exists()):
            raise UsageError(f"{path} exists; give --overwrite to replace it")
        manifest.check_same()  # there is nothing to continue in a whole file: make it again
    with whole_file(path) as sink:
        yield sink
        sink.flush()
        manifest.write("done", tally)  # if there is no room for it, the file does not appear either


@contextmanager
def side_file(job: Job, path: Path | None) -> Iterator[Callable[[Record | Json], None]]:
    """What writes records to a second output of a command; nowhere without a path."""
    if path is None:
        yield lambda record: None
        return
    if is_standard(path) and is_standard(job.output):
        raise UsageError("standard output is wanted for two outputs; give a file to one of them")
    if file := _file(path):
        other = _file(job.output)
        if other and os.path.realpath(file) == os.path.realpath(other):
            raise UsageError(f"{path} is wanted for two outputs; give another file to one of them")
        _refuse_inputs(job.inputs or [STDIN], [file, *_files_beside(file)])
    with opened_output(path, job.overwrite) as sink:
        yield lambda record: sink.write(encode(record))


def opened_output(path: Path | None, overwrite: bool) -> AbstractContextManager[Sink]:
    """A stream, or a file that appears whole; UsageError for a folder, or what would be lost."""
    file = _file(path)
    if file is None:
        return _stream(path)
    if has_content(file) and not overwrite:
        raise UsageError(f"{path} exists; give --overwrite to replace it")
    return whole_file(file)


def _manifest(path: Path, job: Job, parents: Parents) -> Manifest:
    arguments = {**job.arguments, **({"shard": job.shard} if job.shard else {})}
    return Manifest(path, job.command, arguments, parents)


def _file_of(job: Job) -> Path | None:
    """The file to write, behind its links; None where the output is a stream."""
    if job.resume and job.overwrite:
        raise UsageError("--resume keeps the file and --overwrite does not; give one of them")
    if job.resume and is_stream(job.output):
        raise UsageError("--resume needs a file; give -o FILE")
    return _file(job.output)


def _file(path: Path | None) -> Path | None:
    """The file that an output is, behind its links; None for a stream, UsageError for a folder.

    `Path.resolve` raises where links go in a circle.
    """
    if path is None or is_stream(path):
        return None
    if path.is_dir():
        raise UsageError(f"{path} is a folder; give a file")
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def _stream(path: Path | None) -> AbstractContextManager[Sink]:
    return standard_output() if path is None or is_standard(path) else device(path)


def _files_beside(path: Path) -> list[Path]:
    """The files that a job writes beside its output, whatever stands in them."""
    replaced = (AHEAD_SUFFIX, MANIFEST_SUFFIX)
    suffixes = (PARTIAL, JOURNAL_SUFFIX, *replaced, *(suffix + PARTIAL for suffix in replaced))
    return [file_beside(path, suffix) for suffix in suffixes]


def _refuse_inputs(inputs: Sequence[str], written: Sequence[Path]) -> None:
    """UsageError for an input that is one of the files to be `written`."""
    for status in filter(None, map(stat_input, inputs)):
        for path in written:
            if path.exists() and os.path.samestat(status, path.stat()):
                raise UsageError(f"{path} is input and output; give another file for one of them")
