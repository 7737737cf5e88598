"""What every command does with its streams: input, output, resume, manifest, progress."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import compress
from typing import Any, Generic, NamedTuple, TypeVar

from msgspec import Raw

from sormctl.background import Background
from sormctl.errors import UsageError
from sormctl.records import Json, Record, Solution, encode
from sormctl.streams.ahead import RecordAnswers
from sormctl.streams.failures import Failures
from sormctl.streams.flow import Flow, Opening, W
from sormctl.streams.grouping import Line
from sormctl.streams.ids import Keyed, KnownIds, tagged_key
from sormctl.streams.job_outputs import Job, growing_output, whole_output
from sormctl.streams.journal import Journal, Keys, Unjournalled
from sormctl.streams.jsonl import Parse, RecordReader, accept
from sormctl.streams.manifest import Counts, Tally
from sormctl.streams.progress import Progress, counted
from sormctl.streams.spool import Spool

N = TypeVar("N", bound=Keyed)  # a problem, or a solution of one
T = TypeVar("T")
Made = Record | Json | Raw  # what a command makes; Raw: a text as it stands
M = TypeVar("M", bound=Made)
NO_RECORDS = "the input has no records"


class Group(NamedTuple, Generic[T]):
    """Records that are worked on together, and which of them are to be written.

    The others were finished by an earlier run.
    """

    records: Sequence[T]
    pending: Sequence[bool]


@dataclass(frozen=True, slots=True)
class Costs(Generic[M]):
    """What making a record cost: `count` says it of one, `generated_tokens` among it.

    The sums go into the manifest, and to `summary`: what else the user should know at the end.
    """

    count: Callable[[M], Counts] = lambda made: {}
    summary: Callable[[Counts], Iterable[str]] = lambda counts: ()


FREE: Costs[Any] = Costs()


def map_records(
    job: Job,
    parse: Parse[N],
    opening: Opening[W],
    transform: Callable[[W, N], Awaitable[Sequence[M]]],
    *,
    check: Callable[[N], object] = accept,
    concurrency: int | None = None,
    costs: Costs[M] = FREE,
) -> None:
    """Writes what `transform(model, record)` makes of each record, in the order of the input.

    For the rest see `map_groups`.
    """

    async def of_group(model: W, group: Group[N]) -> Sequence[M]:
        return await transform(model, group.records[0])

    def singly(inputs: RecordReader, checked: Callable[[N], object]) -> Iterator[Sequence[N]]:
        return ([record] for record in inputs.records(parse, checked))

    map_groups(
        job, opening, of_group, groups=singly,
        check=check, concurrency=concurrency, costs=costs,
    )  # fmt: skip


def map_groups(
    job: Job,
    opening: Opening[W],
    transform: Callable[[W, Group[N]], Awaitable[Sequence[M]]],
    *,
    groups: Callable[[RecordReader, Callable[[N], object]], Iterator[Sequence[N]]],
    check: Callable[[N], object] = accept,
    concurrency: int | None = None,
    costs: Costs[M] = FREE,
) -> None:
    """Writes what `transform(model, group)` makes of each group, in the order of the input.

    1. Lines become records, which `groups` brings together; `check` may refuse one, or `KnownIds`.
    2. Of these, what an earlier run has finished, by its `key`, is left out. A group of which
       something is left is worked on as a whole.
    3. `opening` loads the model once there is a group. At most `concurrency` groups are in flight;
       None: as many as keep the model busy.
    4. Results are written as soon as all before them are; until then a file keeps what the model
       has answered. A record that fails ends the run then,
       or at its end where the job leaves out those on which the engine fails.

    UsageError at the end if an earlier run finished records that the input no longer has.
    """
    inputs = RecordReader(job.inputs, job.shard)
    with ExitStack() as stack:
        progress = stack.enter_context(_progress(job))
        output = stack.enter_context(growing_output(job, inputs, progress))
        thread = stack.enter_context(Background())
        work = _Work(transform, output, thread, costs.count, progress)
        before = output.tally.records_in
        progress.fraction = lambda: _fraction(inputs, before + progress.records)
        progress.before_records = f"loading {' and '.join(job.models) or 'the model'}"
        finished = Counter(output.finished)
        ids = KnownIds(inputs, finished)

        def begin(model: W) -> None:
            job.prepare()
            work.begin(model)

        def checked(record: N) -> None:
            check(record)
            ids.check(record)

        records = _unfinished(inputs, groups(inputs, checked), finished)
        failures = Failures(job.skip_failed, progress.warn)
        flow = Flow(records, opening, work.make, work.write, concurrency, begin, failures.take)
        asyncio.run(progress.during(flow.run()))
        notes = costs.summary(output.tally.counts) if inputs.num_records else [NO_RECORDS]
        for note in notes:
            progress.note(note)
        if gone := finished.total():
            raise UsageError(
                f"{job.output} has what was made of {gone:,} records that the input no longer has; "
                "give --overwrite to make it anew"
            )
        failures.check(inputs.num_records, is_resumable=isinstance(output, Journal))


def _unfinished(
    inputs: RecordReader,
    groups: Iterable[Sequence[N]],
    finished: Counter[str],
) -> Generator[tuple[Keys, Group[N]], None, None]:
    """The groups of which something is to be done; what is met is taken out of `finished`."""
    with inputs.placing():
        for records in groups:
            keys = [*map(tagged_key, records)]
            pending = [
                not (_taken(finished, key) or _taken(finished, record.key))  # of older journals
                for record, key in zip(records, keys, strict=True)
            ]
            if any(pending):
                yield tuple(compress(keys, pending)), Group(records, pending)


def _taken(counts: Counter[str], name: str) -> bool:
    """Whether there was one of that name, which is gone now; those that were not leave no entry."""
    if not counts[name]:
        return False
    counts[name] -= 1
    return True


def _fraction(inputs: RecordReader, finished: int) -> float | None:
    """How much of the work is done: of what has been read, not all is finished."""
    return inputs.fraction and inputs.fraction * min(finished / max(inputs.num_records, 1), 1.0)


class _Result(NamedTuple, Generic[M]):
    """What was made of a group, and where the answers began that were kept for it."""

    made: Sequence[M]
    place: int


class _Work(Generic[W, N, M]):
    """Makes results, keeping the model's answers until they are written; counts and shows both."""

    def __init__(
        self,
        transform: Callable[[W, Group[N]], Awaitable[Sequence[M]]],
        output: Journal | Unjournalled,
        thread: Background,
        count: Callable[[M], Counts],
        progress: Progress,
    ) -> None:
        self._transform = transform
        self._output = output
        self._thread = thread
        self._count = count
        self._progress = progress

    def begin(self, model: W) -> None:
        """Shows what there is to know of the model, which is open now."""
        self._progress.in_progress = lambda: model.in_progress
        self._progress.before_records = "waiting for the first answer"
        for note in model.notes:
            self._progress.note(note)

    async def make(self, model: W, keys: Keys, group: Group[N]) -> _Result[M]:
        """What is made of a group, of which the records of these `keys` are to be written."""
        ahead = self._output.ahead
        place = ahead.place if ahead else 0
        answers = RecordAnswers(keys[0], ahead, self._progress.add_answers)
        made = await self._transform(model.keeping(answers), group)
        self._progress.add(len(keys), _kind(group.records[0]))
        return _Result(made, place)

    async def write(self, keys: Keys, result: _Result[M]) -> None:
        """Writes it, in its turn."""
        made, output = result.made, self._output
        if made:
            self._progress.add_made(len(made), _kind(made[0]))
        output.tally.add(len(keys), len(made), map(self._count, made))
        lines = b"".join(map(encode, made))
        if isinstance(output, Journal):
            output.write(keys, lines)
            output.ahead.written(result.place)
        else:  # its reader may be slow: meanwhile, work goes on
            await self._thread.call(output.write, keys, lines)


def pipe_records(
    job: Job,
    parse: Parse[T],
    transform: Callable[[Iterator[T]], Iterable[Made]],
    *,
    check: Callable[[T], object] = accept,
    summary: Callable[[], Iterable[str]] = tuple,
) -> None:
    """Writes what `transform` makes of the whole stream. A file appears whole, or not at all.

    `summary` says at the end what else the user should know.
    """
    inputs = RecordReader(job.inputs, job.shard)
    _pipe(job, inputs, transform(inputs.records(parse, check)), summary)


def pipe_groups(
    job: Job,
    transform: Callable[[Iterator[list[Solution]]], Iterable[Made]],
    check: Callable[[Solution], object] = accept,
    summary: Callable[[], Iterable[str]] = tuple,
) -> None:
    """Writes what `transform` makes of the solutions of each problem, wherever they stand.

    `check` raises RecordError for a solution that will not do, and `summary` says at the end what
    else the user should know. Memory: see `group_lines`.
    """
    inputs = RecordReader(job.inputs, job.shard)
    _pipe(job, inputs, transform(inputs.groups(check)), summary)


def pipe_twice(
    job: Job,
    look: Callable[[bytes], T],
    plan: Callable[[Iterator[T]], Callable[[Solution], Solution]],
) -> None:
    """Writes each solution as `plan` changes it, once it has seen what `look` finds on each line.

    Between the two passes the lines wait on disk.
    """
    inputs = RecordReader(job.inputs, job.shard)

    def made() -> Iterator[Solution]:
        with Spool[Line](lambda line: len(line[0])) as spool:
            change = plan(look(line) for line, _, _ in spool.keep(inputs.lines()))
            yield from map(change, inputs.decoded(spool.read()))

    _pipe(job, inputs, made())


def _pipe(
    job: Job,
    inputs: RecordReader,
    made: Iterable[Made],
    summary: Callable[[], Iterable[str]] = tuple,
) -> None:
    tally = Tally()
    with ExitStack() as stack:
        progress = stack.enter_context(_progress(job))
        progress.fraction = lambda: inputs.fraction
        sink = stack.enter_context(whole_output(job, inputs.names, lambda: inputs.parents, tally))

        def before_read() -> None:
            sink.flush()
            progress.add(inputs.num_records - tally.records_in)
            tally.records_in = inputs.num_records

        inputs.before_read = before_read
        record: Made | None = None
        with inputs.placing():
            for record in job.prepared(made):
                sink.write(encode(record))
                tally.records_out += 1
        before_read()
        progress.add_made(tally.records_out, _kind(record))
        if not inputs.num_records:
            progress.note(NO_RECORDS)
        elif not tally.records_out:
            progress.note(f"{counted(inputs.num_records, 'record')} read, none written")
        else:
            for note in summary():
                progress.note(note)


def write_records(
    job: Job,
    records: Iterable[Made],
    files: Sequence[str] = (),
    summary: Callable[[], Iterable[str]] = tuple,
) -> None:
    """Writes records that come from no stream, maybe from `files`.

    A file appears whole, or not at all. `summary` says at the end what else the user should know.
    """
    with ExitStack() as stack:
        tally = Tally()
        progress = stack.enter_context(_progress(job))
        sink = stack.enter_context(whole_output(job, files, list, tally))
        for record in job.prepared(records):
            sink.write(encode(record))
            progress.add(1, _kind(record))
            tally.records_out += 1
        nothing = () if tally.records_out else (NO_RECORDS,)
        for note in tuple(summary()) or nothing:
            progress.note(note)


def _progress(job: Job) -> Progress:
    return Progress(job.command, job.quiet, job.log_format)


def _kind(record: object) -> str:
    """What a record is, in words."""
    return type(record).__name__.lower() if isinstance(record, Record) else "record"
