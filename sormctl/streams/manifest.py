"""How a file was made: `FILE.manifest.json`, and the fingerprint that a resumed run must match."""

from __future__ import annotations

import platform
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import msgspec
import orjson

from sormctl import __version__
from sormctl.errors import OutputError, UsageError
from sormctl.records import Count
from sormctl.streams.output import file_beside, replace_file, rewrite_file

Parents = Callable[[], list[dict[str, Any]]]  # name and hash of each input
Counts = Mapping[str, int]
MANIFEST_SUFFIX = ".manifest.json"
TOKENS = "generated_tokens"
_NOTED_SINCE = {"chat_template"}  # which the manifests of earlier runs do not have
LIBRARIES = ("torch", "transformers", "accelerate", "vllm", "orjson")


@dataclass(slots=True)
class Tally:
    """What a run has done so far, with the runs that it continues.

    `counts` sums up what the command counts of the records it made, by name.
    """

    records_in: int = 0
    records_out: int = 0
    counts: Counter[str] = field(default_factory=lambda: Counter({TOKENS: 0}))

    def add(self, records_in: int, records_out: int, counts: Iterable[Counts]) -> None:
        self.records_in += records_in
        self.records_out += records_out
        for found in counts:
            self.counts.update(found)


def manifest_path(output: Path) -> Path:
    """Where the manifest lies beside an output file."""
    return file_beside(output, MANIFEST_SUFFIX)


class Manifest:
    """The manifest of one output file, while it is made.

    The fingerprint (command, version, arguments) determines the records that are made. `parents`
    tells the inputs that were read to their end.
    """

    def __init__(
        self, output: Path, command: str, arguments: Mapping[str, Any], parents: Parents
    ) -> None:
        self._parents = parents
        self._path = manifest_path(output)
        self._fingerprint = _plain(
            {"command": command, "version": __version__, "arguments": arguments}
        )
        self._started = _now()
        self._clock = time.monotonic()
        self._seconds = 0.0  # spent by the runs that this one continues

    def exists(self) -> bool:
        """Whether an earlier run has left one."""
        return self._path.exists()

    def check_same(self) -> None:
        """UsageError if the run to be continued was asked for something else."""
        made = _read(self._path)
        if made is None:
            raise _no_manifest(self._path)
        for name, now, before in _entries(self._fingerprint, made):
            if now != before:
                raise UsageError(
                    f"cannot --resume: {name} is {_show(now)}, but the file was made with "
                    f"{_show(before)}; give the same, or --overwrite"
                )
        self._started = made.started
        self._seconds = made.seconds

    def write(self, status: str, tally: Tally) -> None:
        """Writes the manifest as things stand: `running`, `done`, `interrupted` or `failed`."""
        replace_file(self._path, self._report(status, tally))

    def _report(self, status: str, tally: Tally) -> bytes:
        report = {
            **self._fingerprint,
            "status": status,
            "records_in": tally.records_in,
            "records_out": tally.records_out,
            **tally.counts,
            "parents": self._parents(),
            "started": self._started,
            "finished": None if status == "running" else _now(),
            "seconds": round(self._seconds + time.monotonic() - self._clock, 3),
            "libraries": _libraries(),
        }
        return orjson.dumps(report, option=_PRETTY)

    @contextmanager
    def recording(self, tally: Tally) -> Iterator[None]:
        """Writes the manifest of a growing file as the block begins, and again at its end."""
        self.write("running", tally)
        try:
            yield
        except BaseException as error:
            status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
            with suppress(OutputError):  # the folder may be gone: `error` is what matters
                rewrite_file(self._path, self._report(status, tally))  # the disk may be full
            raise
        self.write("done", tally)


def stage_costs(folder: Path) -> list[dict[str, Any]]:
    """What each file in a folder cost, by the manifests beside them, in the order of their start.

    Each has `file`, `command`, `records`, `tokens` (generated) and `seconds`. Manifests of other
    tools are passed over.
    """
    return [
        {
            "file": name,
            "command": made.command,
            "records": made.records_out,
            "tokens": made.generated_tokens,
            "seconds": made.seconds,
        }
        for name, made in read_manifests(sorted(folder.glob(f"*{MANIFEST_SUFFIX}")))
    ]


class Parent(msgspec.Struct):
    """An input that a file was made of."""

    name: str


class MadeFile(msgspec.Struct):
    """What is read of the manifest of a file."""

    command: str
    version: str
    arguments: dict[str, Any]
    records_out: Count
    generated_tokens: Count
    started: str
    seconds: Annotated[float, msgspec.Meta(ge=0)]
    parents: tuple[Parent, ...] = ()


def read_manifests(paths: Iterable[Path]) -> list[tuple[str, MadeFile]]:
    """The name of each file and its manifest, in the order of their start; without other tools'."""
    ours = ((path.name, made) for path in paths if (made := _read(path)))
    in_order = sorted(ours, key=lambda item: item[1].started)
    return [(name.removesuffix(MANIFEST_SUFFIX), made) for name, made in in_order]


_PRETTY = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


def _plain(data: Any) -> dict[str, Any]:
    """`data` as JSON would give it back."""
    plain: dict[str, Any] = orjson.loads(orjson.dumps(data, default=str))
    return plain


def _read(path: Path) -> MadeFile | None:
    """A manifest; None if it is another tool's. UsageError if it cannot be read at all."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=MadeFile)
    except msgspec.ValidationError:
        return None
    except (OSError, ValueError, RecursionError):
        raise _no_manifest(path) from None


def _no_manifest(path: Path) -> UsageError:
    return UsageError(f"{path} is no manifest; make its file again (--overwrite)")


def _entries(now: Mapping[str, Any], made: MadeFile) -> Iterator[tuple[str, Any, Any]]:
    """(name, value now, value then) of everything in a fingerprint.

    A flag that is not given says nothing new to a run that did not know it yet; nor does what runs
    have noted since.
    """
    yield "command", now["command"], made.command
    yield "version", now["version"], made.version
    new, old = now["arguments"], made.arguments
    for name in [*new, *(name for name in old if name not in new)]:
        if name in old or (new[name] is not False and name not in _NOTED_SINCE):
            yield name, new.get(name), old.get(name)


def _show(value: Any) -> str:
    return orjson.dumps(value).decode()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _libraries() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
