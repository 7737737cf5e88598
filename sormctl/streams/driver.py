"""What every command does with its streams: input, output, resume, manifest, progress."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import compress
from typing import Any, TypeVar

from sormctl.errors import UsageError
from sormctl.records import Json, Solution
from sormctl.streams.decoding import Decode
from sormctl.streams.flow import Background, Flow, Group, Start, Transform
from sormctl.streams.jobs import Job, growing_output, whole_output
from sormctl.streams.journal import Journal, Keys
from sormctl.streams.jsonl import Inputs
from sormctl.streams.manifest import TOKENS, Counts, Tally
from sormctl.streams.output import encode
from sormctl.streams.progress import Progress

__all__ = [
    "Counts",
    "Group",
    "Transform",
    "map_records",
    "no_tokens",
    "pipe_groups",
    "pipe_lines",
    "pipe_records",
    "select_groups",
    "select_records",
    "usage_tokens",
    "write_records",
]

T = TypeVar("T")
NO_RECORDS = "the input has no records"


def usage_tokens(record: Json) -> Counts:
    """The tokens generated for a record that was sampled or refined."""
    return {TOKENS: int(record.get("usage", {}).get(TOKENS, 0))}


def no_tokens(record: Json) -> Counts:
    """The tokens of a command that generates none."""
    return {}


def no_notes(counts: Counts) -> Iterable[str]:
    """The `summary` of a command that has nothing to add."""
    return ()


def map_records(
    job: Job,
    parse: Callable[[Json], T],
    key: Callable[[T], str],
    start: Start[Any],
    concurrency: int | None,
    count: Callable[[Json], Counts] = usage_tokens,
    group: Callable[[Iterator[T]], Iterator[Sequence[T]]] | None = None,
    summary: Callable[[Counts], Iterable[str]] = no_notes,
) -> None:
    """Writes what a coroutine makes of each record, in the order of the input.

    `start()` is entered once there is a record to work on, and yields the coroutine function and
    how many requests its engine works on at once. At most `concurrency` calls are active; None: as
    many as keep the engine busy. `key` identifies a record to `--resume`.
    With `group` the coroutine takes a `Group`; a record that an earlier run has finished is shown
    to it beside those that are to be written.

    `count` tells what a record cost that the command made, `generated_tokens` among it. The sums go
    into the manifest, and to `summary`, which says at the end what else the user should know.

    A record that fails ends the run, after those before it are written. UsageError at the end if
    an earlier run finished records that the input no longer has.
    """
    inputs = Inputs(job.inputs, job.shard)
    with ExitStack() as stack:

        def fraction() -> float | None:  # of what has been read, not all is finished
            finished = output.tally.records_in / max(inputs.num_records, 1)
            return inputs.fraction and inputs.fraction * min(finished, 1.0)

        progress = stack.enter_context(_progress(job, fraction))
        output = stack.enter_context(growing_output(job, inputs, progress))
        writer = stack.enter_context(Background())
        finished = Counter(output.finished)

        def is_pending(record: T) -> bool:
            return not _taken(finished, key(record))

        def pending() -> Generator[tuple[Keys, Any], None, None]:
            with inputs.placing():
                records = inputs.records(parse)
                for members in group(records) if group else ([record] for record in records):
                    left = [is_pending(record) for record in members]
                    if any(left):
                        keys = tuple(map(key, compress(members, left)))
                        yield keys, (members, left) if group else members[0]

        async def emit(keys: Keys, records: Sequence[Json]) -> None:
            before = output.tally.counts[TOKENS]
            output.tally.add(len(keys), len(records), map(count, records))
            lines = b"".join(map(encode, records))
            if isinstance(output, Journal):
                output.write(keys, lines)
            else:  # its reader may be slow: meanwhile, work goes on
                await writer.call(output.write, keys, lines)
            progress.add(len(keys), output.tally.counts[TOKENS] - before)

        asyncio.run(Flow(pending(), start, emit, concurrency).run())
        if inputs.num_records:
            for note in summary(output.tally.counts):
                progress.note(note)
        else:
            progress.note(NO_RECORDS)
        _refuse_gone(job, finished.total())


def _refuse_gone(job: Job, count: int) -> None:
    """UsageError if there are records which were finished before and are not in the input now."""
    if count:
        raise UsageError(
            f"{job.output} has what was made of {count:,} records that the input no longer has; "
            "give --overwrite to make it anew"
        )


def _taken(counts: Counter[str], name: str) -> bool:
    """Whether there was one of that name, which is gone now; those that were not leave no entry."""
    if not counts[name]:
        return False
    counts[name] -= 1
    return True


def pipe_records(
    job: Job,
    parse: Callable[[Json], T],
    transform: Callable[[Iterator[T]], Iterable[Json]],
    summary: Callable[[], str] | None = None,
) -> None:
    """Writes what `transform` makes of the whole stream. A file appears whole, or not at all.

    `summary` says at the end what else the user should know.
    """
    inputs = Inputs(job.inputs, job.shard)
    _pipe(job, inputs, map(encode, transform(inputs.records(parse))), summary)


def select_records(job: Job, select: Callable[[Iterator[Solution]], Iterator[Solution]]) -> None:
    """Writes the solutions that `select` lets through, as they stand in the input.

    `select` takes views and must yield one before it reads the next. A file appears whole, or not
    at all.
    """
    inputs = Inputs(job.inputs, job.shard)
    _pipe(job, inputs, (inputs.line + b"\n" for _ in select(inputs.views())))


def pipe_lines(
    job: Job,
    transform: Callable[[Iterator[tuple[Solution, bytes]]], Iterable[bytes]],
    summary: Callable[[], str] | None = None,
) -> None:
    """Writes the lines that `transform` makes of views of the solutions and their lines.

    A file appears whole, or not at all. `summary` is as in `pipe_records`.
    """
    inputs = Inputs(job.inputs, job.shard)
    lines = transform((view, inputs.line) for view in inputs.views())
    _pipe(job, inputs, (line + b"\n" for line in lines), summary)


def pipe_groups(
    job: Job,
    transform: Callable[[Iterator[list[Solution]]], Iterable[Json]],
    check: Callable[[Solution], object] = bool,
    decode: Decode[Solution] | None = None,
) -> None:
    """Writes what `transform` makes of views of the solutions of each problem, wherever they stand.

    `check` raises RecordError for a solution that will not do; `decode` makes something else than
    views of the lines. Memory: see `group_lines`.
    """
    inputs = Inputs(job.inputs, job.shard)
    groups = (solutions for solutions, _ in inputs.groups(check, decode))
    _pipe(job, inputs, map(encode, transform(groups)))


def select_groups(
    job: Job,
    select: Callable[[list[Solution]], Iterable[Solution]],
    check: Callable[[Solution], object] = bool,
) -> None:
    """Writes those of each problem's solutions that `select` names, as they stand in the input."""
    inputs = Inputs(job.inputs, job.shard)

    def chosen() -> Iterator[bytes]:
        for solutions, group in inputs.groups(check):
            lines = {id(s): line for s, (line, _, _) in zip(solutions, group, strict=True)}
            for solution in select(solutions):
                yield lines[id(solution)] + b"\n"

    _pipe(job, inputs, chosen())


def _pipe(
    job: Job, inputs: Inputs, lines: Iterable[bytes], summary: Callable[[], str] | None = None
) -> None:
    tally = Tally()
    with ExitStack() as stack:
        progress = stack.enter_context(_progress(job, lambda: inputs.fraction))
        sink = stack.enter_context(whole_output(job, inputs.names, lambda: inputs.parents, tally))

        def before_read() -> None:
            sink.flush()
            progress.add(inputs.num_records - tally.records_in)
            tally.records_in = inputs.num_records

        inputs.before_read = before_read
        with inputs.placing():
            for line in lines:
                sink.write(line)
                tally.records_out += 1
        before_read()
        if not inputs.num_records:
            progress.note(NO_RECORDS)
        elif not tally.records_out:
            progress.note(f"of {inputs.num_records:,} records read, none gave one to write")
        elif summary:
            progress.note(summary())


def write_records(job: Job, records: Iterable[Json], files: Sequence[str] = ()) -> None:
    """Writes records that come from no stream, maybe from `files`.

    A file appears whole, or not at all.
    """
    with ExitStack() as stack:
        tally = Tally()
        progress = stack.enter_context(_progress(job))
        sink = stack.enter_context(whole_output(job, files, list, tally))
        for record in records:
            sink.write(encode(record))
            progress.add()
            tally.records_out += 1


def _progress(job: Job, fraction: Callable[[], float | None] = lambda: None) -> Progress:
    return Progress(job.command, job.quiet, job.log_format, fraction)
