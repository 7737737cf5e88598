"""Which files a run consists of: those named, or what lies in a folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from sormctl.errors import DataError, UsageError
from sormctl.lines import load_object
from sormctl.streams.compression import without_compression
from sormctl.streams.jsonl import RecordReader, shown, stat_input
from sormctl.streams.manifest import MANIFEST_SUFFIX, MadeFile, read_manifests
from sormctl.training.worker.metrics_file import Figures, read_metrics

METRICS = "metrics.jsonl"
_LINES, _RESULTS = ".jsonl", ".json"


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """The files of one run.

    `solutions` are read together. In a folder that no `eval` has told which they are, these are all
    its files of solutions, and `only_drafted` problems count: the others are there to learn from.
    Where there are no solutions, `results` is what the last `eval` has written.
    `manifests` are by the name of their file, in the order of their start, `metrics` by the name of
    the model that was trained.
    """

    name: str
    solutions: Sequence[str]
    only_drafted: bool
    results: Path | None
    manifests: Sequence[tuple[str, MadeFile]]
    metrics: Sequence[tuple[str, list[Figures]]]


def find_files(names: Sequence[str]) -> FoundFiles:
    """The files of a run; UsageError where there are neither solutions nor results of `eval`."""
    paths = [Path(name) for name in names]
    for name in names:
        if not Path(name).is_dir():
            stat_input(name)
    folders = [path for path in paths if path.is_dir()]
    files = [
        str(path)
        for path in paths
        if path not in folders and path.name != METRICS and path.suffix != _RESULTS
    ]
    beside = [Path(f"{name}{MANIFEST_SUFFIX}") for name in files]
    manifests = read_manifests([*filter(Path.exists, beside), *_in(folders, f"*{MANIFEST_SUFFIX}")])
    told = [name for folder in folders for name in _evaluated(folder, manifests)]
    lying = [] if told else [name for folder in folders for name in _solutions_in(folder)]
    solutions = [*files, *told, *lying]
    results = None if solutions else _results(paths, folders)
    if not (solutions or results):
        raise UsageError(f"no solutions in {', '.join(names)}; give a JSONL file of them")
    return FoundFiles(
        name=", ".join(shown(name) if path.name else path.resolve().name
                       for name, path in zip(names, paths, strict=True)),
        solutions=solutions,
        only_drafted=bool(lying),
        results=results,
        manifests=manifests,
        metrics=[
            (path.parent.resolve().name, read_metrics(path))
            for path in [*_in(folders, METRICS), *_in(folders, f"*/{METRICS}"),
                         *(path for path in paths if path.name == METRICS)]
        ],
    )  # fmt: skip


def _results(paths: Sequence[Path], folders: Sequence[Path]) -> Path | None:
    """A file of results that is named, or the one that the last `eval` in a folder has written."""
    named = [path for path in paths if path not in folders and path.suffix == _RESULTS]
    written = [
        folder / name
        for folder in folders
        for name, made in read_manifests(_in([folder], f"*{_RESULTS}{MANIFEST_SUFFIX}"))
        if made.command == "eval" and (folder / name).is_file()
    ]
    return next(iter([*named, *written[::-1]]), None)


def _in(folders: Iterable[Path], pattern: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(folder.glob(pattern))


def _evaluated(folder: Path, manifests: Sequence[tuple[str, MadeFile]]) -> list[str]:
    """The files in a folder that the last `eval` there has read; none if it read others, too."""
    last = [made for _, made in manifests if made.command == "eval"][-1:]
    names = [Path(parent.name).name for made in last for parent in made.parents]
    paths = [folder / name for name in names]
    return [str(path) for path in paths] if all(path.is_file() for path in paths) else []


def _solutions_in(folder: Path) -> Iterator[str]:
    """The files of a folder whose first line is a solution."""
    for path in sorted(folder.iterdir()):
        is_ours = (
            without_compression(path.name).endswith(_LINES)
            and path.name != METRICS
            and path.is_file()
        )
        if is_ours and _holds_solutions(path):
            yield str(path)


def _holds_solutions(path: Path) -> bool:
    with suppress(DataError), closing(RecordReader([str(path)]).lines()) as lines:
        for line, _, _ in lines:
            return {"solution_id", "steps"} <= load_object(line).keys()
    return False
