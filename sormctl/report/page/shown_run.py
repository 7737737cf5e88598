"""One run as the page holds it: its figures, its step scores, its problems, its files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sormctl.errors import UsageError
from sormctl.evaluation.apart import OneRun
from sormctl.evaluation.evaluation import Evaluation
from sormctl.evaluation.rows import DRAFT_FIRST, Kind, ReportRow, Truth, Way
from sormctl.evaluation.steps import StepTally
from sormctl.evaluation.ways import answer_given, distinct, kind_of
from sormctl.missing import no_such
from sormctl.records import Json, Solution
from sormctl.report.page.found import FoundFiles
from sormctl.report.page.results import read_results
from sormctl.report.page.shown_problem import exact_labels, problem_shown, ticks
from sormctl.report.table import headline
from sormctl.streams.jsonl import RecordReader
from sormctl.streams.manifest import MadeFile

MAX_POINTS = 400  # of a training curve
# arguments that name one
_MODELS = ("model", "rm", "judge", "student", "orm", "sorm", "global_", "local")


@dataclass(frozen=True, slots=True)
class RunRead:
    """A run in memory: its solutions, problem by problem, and what `eval` says of them."""

    files: FoundFiles
    groups: Sequence[Sequence[Solution]]
    rows: Sequence[ReportRow]
    tallies: Mapping[tuple[str, Truth], StepTally]
    given: Way | None  # whose answer a user gets
    unknown: int


def read_run(
    files: FoundFiles, aggregations: Sequence[str] = ("final",), given: str | None = None
) -> RunRead:
    """Reads its solutions, or results; DataError for a bad one, and for those of several models.

    `given` names the row whose answer a user gets; by default the solutions say it, if they do.
    """
    groups, evaluation = [*_groups(files)], Evaluation(aggregations)
    for group in groups:
        evaluation.add(group)
    rows = evaluation.rows() if files.results is None else read_results(files.results)
    ways = [row.about for row in rows if isinstance(row.about, Way)]
    way = _named(given, ways) if given else answer_given(ways)
    tallies = {**_by_oracle(groups), **evaluation.tallies, **_by_answers(groups)}
    return RunRead(files, groups, rows, tallies, way, evaluation.unknown)


def _groups(files: FoundFiles) -> Iterator[list[Solution]]:
    """The solutions of each problem; those of one run, or DataError."""
    one = OneRun()
    groups = RecordReader(files.solutions).groups() if files.solutions else ()
    for group in _drafted(groups) if files.only_drafted else groups:
        for solution in group:
            one.check(solution)
        yield distinct(group)


def _drafted(groups: Iterable[list[Solution]]) -> Iterator[list[Solution]]:
    """The problems that have a draft; all of them where none has."""
    others: list[list[Solution]] = []
    is_any = False
    for group in groups:
        if any(kind_of(solution) == "draft" for solution in group):
            is_any = True
            others.clear()
            yield group
        elif not is_any:
            others.append(group)
    yield from others


def run_shown(run: RunRead, max_samples: int) -> Json:
    """The run as JSON."""
    return {
        "name": run.files.name,
        "headline": headline(run.rows, run.given),
        "given": run.given and str(run.given),
        "num_solutions": sum(map(len, run.groups)),
        "num_tokens": sum(s.usage.generated_tokens for group in run.groups for s in group),
        "unknown": run.unknown,
        "sources": [*_sources(run.groups)],
        "rows": [row.json() for row in run.rows],
        "tallies": [_tally(*key, tally) for key, tally in run.tallies.items()],
        "curves": [{"name": n, "points": _thinned(points)} for n, points in run.files.metrics],
        "files": [_file(name, made) for name, made in run.files.manifests],
        "problems": [problem_shown(group, run.given, max_samples) for group in run.groups],
    }


def _named(name: str, ways: Sequence[Way]) -> Way:
    found = next((way for way in ways if str(way) == name), None)
    if found is None:
        raise UsageError(no_such("row (--row)", name, map(str, ways)))
    return found


def _by_answers(groups: Sequence[Sequence[Solution]]) -> dict[tuple[str, Truth], StepTally]:
    """The last score of each solution beside whether its answer is right."""
    tallies: dict[tuple[str, Truth], StepTally] = {}
    for solution in (solution for group in groups for solution in group):
        for model, scores in solution.scores.items():
            if scores and solution.correct is not None:
                tally = tallies.setdefault((model, "answers"), StepTally())
                tally.add(scores[-1:], [int(solution.correct)])
    return tallies


def _by_oracle(groups: Sequence[Sequence[Solution]]) -> dict[tuple[str, Truth], StepTally]:
    """The step scores of all solutions beside the task's oracle; `evaluation` asks for labels."""
    tallies: dict[tuple[str, Truth], StepTally] = {}
    for solution in (solution for group in groups for solution in group):
        if solution.scores and (exact := exact_labels(solution)):
            for model, scores in solution.scores.items():
                tallies.setdefault((model, "oracle"), StepTally()).add(scores, exact)
    return tallies


def _tally(model: str, truth: str, tally: StepTally) -> Json:
    return {
        "model": model,
        "truth": truth,
        "scores": [*map(ticks, tally.scores)],
        "labels": "".join("01?"[label] for label in tally.labels),
        "lengths": [*tally.lengths],
    }


def _sources(groups: Sequence[Sequence[Solution]]) -> Iterator[Json]:
    """What made the solutions of each kind, and how many there are."""
    found: dict[Kind, list[Any]] = {}
    for solution in (solution for group in groups for solution in group):
        kind, source = kind_of(solution), solution.source
        found.setdefault(kind, [source.get("model"), source.get("temperature"), 0])[2] += 1
    for kind in (*DRAFT_FIRST, "sample"):
        if kind in found:
            model, temperature, count = found[kind]
            yield {"kind": kind, "model": model, "temperature": temperature, "count": count}


def _thinned(points: Sequence[Json]) -> Sequence[Json]:
    """About `MAX_POINTS` of a curve's points, with the last and all that were held out."""
    every = max(1, len(points) // MAX_POINTS)
    return [
        point
        for i, point in enumerate(points)
        if i % every == 0 or point is points[-1] or any(key.startswith("held_out") for key in point)
    ]


def _file(name: str, made: MadeFile) -> Json:
    return {
        "file": name,
        "command": made.command,
        "models": [str(made.arguments[key]) for key in _MODELS if made.arguments.get(key)],
        "parents": [parent.name for parent in made.parents],
        "records": made.records_out,
        "tokens": made.generated_tokens,
        "seconds": made.seconds,
        "started": made.started,
        "version": made.version,
    }
