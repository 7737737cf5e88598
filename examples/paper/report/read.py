"""A finished graph as it lies on the disk: OUT/SEED/STUDENT/NAME.json and what is beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jsonlines
import orjson
from msgspec import convert

from examples.paper.report.rows import (
    BALANCED,
    DRAFT,
    ERRORS,
    LEVELS,
    ONLY,
    SAMPLE,
    SAMPLES_A_PROBLEM,
    AtLevel,
    Subject,
    majority,
)
from sormctl.evaluation.intervals import Share
from sormctl.evaluation.rows import Fixed, Judgement, Way
from sormctl.evaluation.steps import FINAL_ACCURACY, STEP_ACCURACY

KEPT = ("accuracy", "wrong drafts", "steps")  # differences are taken anew, over all seeds
About = Way | Fixed | Judgement  # what these are about
Part = tuple[float, float]  # hits of one problem, of how many


@dataclass(frozen=True)
class Result:
    """What `sormctl eval` said in one seed: its rows, and each problem's part of them."""

    rows: Mapping[Subject, Mapping[str, Any]]
    problems: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def share(self, row: Subject) -> Share | None:
        """The hits and totals behind a row; None if it is no share, or not there."""
        if isinstance(row, AtLevel):
            return Result({}, dict(self._of_level(row.right))).share(row.judgement)
        if isinstance(row, Judgement):
            return self._judgement(row)
        return _share(self._answered(row))

    def derived(self) -> Iterator[tuple[Subject, Mapping[str, Any]]]:
        """Rows that `eval` does not have: by level, balanced, and the errors on final answers."""
        for row in self.rows:
            for made in _derived(row):
                if share := self.share(made):
                    yield made, {"value": share.value, "n": share.n}

    def _of_level(self, right: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
        vote, sample = str(majority(SAMPLES_A_PROBLEM)), str(SAMPLE)
        for name, problem in self.problems.items():
            outcomes = problem["outcomes"]
            if vote in outcomes and round(SAMPLES_A_PROBLEM * outcomes[sample]) == right:
                yield name, problem

    def _judgement(self, row: Judgement) -> Share | None:
        if row.figure == BALANCED:
            of_good, of_bad = (_share(self._judged(row, good)) for good in (True, False))
            return replace(of_good, beside=of_bad) if of_good and of_bad else None
        for good, rate in ERRORS.items():
            if row.figure == rate:
                judged = self._judged(row, good)
                return _share((name, (total - right, total)) for name, (right, total) in judged)
        return _share(self._steps(row))

    def _judged(self, row: Judgement, good: bool) -> Iterator[tuple[str, Part]]:
        """How many of the good, or of the bad, are judged right, of how many; by problem."""
        if row.truth == "answers":
            for name, hits in self._steps(Judgement(row.model, row.truth, FINAL_ACCURACY)):
                outcomes = self.problems[name]["outcomes"]
                if outcomes.get(str(DRAFT), outcomes.get(str(ONLY))) == good:
                    yield name, hits
        else:
            rate = Judgement(row.model, row.truth, ERRORS[good])
            for name, (wrong, total) in self._steps(rate):
                yield name, (total - wrong, total)

    def _steps(self, row: Judgement) -> Iterator[tuple[str, Part]]:
        for name, problem in self.problems.items():
            hits, total = problem["steps"].get(str(row), (0, 0))
            if total:
                yield name, (hits, total)

    def _answered(self, row: Way | Fixed) -> Iterator[tuple[str, Part]]:
        way = str(row.way if isinstance(row, Fixed) else row)
        for name, problem in self.problems.items():
            outcomes = problem["outcomes"]
            if way in outcomes and (isinstance(row, Way) or outcomes.get(str(DRAFT)) == 0):
                yield name, (outcomes[way], 1)


def _share(parts: Iterator[tuple[str, Part]]) -> Share | None:
    found = dict(parts)
    hits, totals = ({name: part[i] for name, part in found.items()} for i in (0, 1))
    return Share(hits, totals) if found else None


def _derived(row: Subject) -> Iterator[Subject]:
    """The rows that are made of one of `eval`."""
    if not isinstance(row, Judgement) or row.figure not in (STEP_ACCURACY, FINAL_ACCURACY):
        return
    balanced = Judgement(row.model, row.truth, BALANCED)
    yield balanced
    if row.figure == FINAL_ACCURACY:
        yield from (Judgement(row.model, row.truth, rate) for rate in ERRORS.values())
    else:
        yield from (AtLevel(each, right) for each in (row, balanced) for right in LEVELS)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """A ValueError that names the file, for whatever is not as it should be in it."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} cannot be read ({error!r}); remove it, and make it anew"
        ) from None


def read_results(out: Path) -> dict[str, dict[str, Result]]:
    """Results by name, such as `sft/main` or `cross-sft`, and seed."""
    found: dict[str, dict[str, Result]] = {}
    for path in sorted(out.glob("[0-9]*/**/*.json")):
        if not path.with_name(f"{path.name}.manifest.json").exists():
            continue  # a model's file
        seed, *parts = path.relative_to(out).with_suffix("").parts
        found.setdefault("/".join(parts), {})[seed] = read_result(path)
    return found


def read_result(path: Path) -> Result:
    """The result in one file, with the outcomes beside it if they are there."""
    with reading(path):
        listed = json.loads(path.read_text("utf-8"))["rows"]
        kept = [row for row in listed if row["section"] in KEPT and row["value"] is not None]
        rows = {convert(row["about"], About): row for row in kept}
    outcomes = path.with_suffix(".outcomes.jsonl")
    if not outcomes.exists():
        return Result(rows)
    with reading(outcomes), outcomes.open("rb") as lines:
        problems = jsonlines.Reader(lines, loads=orjson.loads)
        result = Result(rows, {f"{p['task']} {p['problem_id']}": p for p in problems})
    return replace(result, rows={**rows, **dict(result.derived())})


def outcomes(out: Path) -> Iterator[dict[str, Any]]:
    """What each problem contributed to each result of a graph, to check its figures by."""
    for result, by_seed in sorted(read_results(out).items()):
        for seed, found in sorted(by_seed.items()):
            for problem in found.problems.values():
                yield {"result": result, "seed": int(seed), **problem}


def read_runs(folder: Path) -> list[dict[str, Any]]:
    """Every collected file of a folder, with its `name`; ValueError if there is none."""
    found = []
    for path in sorted(folder.glob("*.json")):
        with reading(path):
            found.append({"name": path.stem, **json.loads(path.read_text("utf-8"))})
    if not found:
        raise ValueError(f"{folder} holds no collected results; run `collect` first")
    return found
