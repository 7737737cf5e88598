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

from examples.paper.report.intervals import Share
from examples.paper.report.rows import (
    BALANCED,
    ERRORS,
    FINAL_ACCURACY,
    FIXED,
    LEVELS,
    RIGHT,
    STEP_ACCURACY,
)

KEPT = ("accuracy", "wrong drafts", "steps")  # differences are taken anew, over all seeds


@dataclass(frozen=True)
class Result:
    """What `sormctl eval` said in one seed: its rows, and each problem's part of them."""

    rows: Mapping[str, Mapping[str, Any]]
    problems: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def share(self, row: str) -> Share | None:
        """The hits and totals behind a row; None if it is no share, or not there."""
        row, _, level = row.partition(RIGHT)
        if level:
            return Result({}, dict(self._of_level(level))).share(row)
        if row.endswith(BALANCED):
            return self._balanced(row.removesuffix(BALANCED))
        for good, rate in ERRORS.items():
            if row.endswith(rate):
                judged = self._judged(row.removesuffix(rate), good)
                return _share((name, (total - right, total)) for name, (right, total) in judged)
        return _share(self._parts(row))

    def derived(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Rows that `eval` does not have: by level, balanced, and the errors on final answers."""
        for row in self.rows:
            for name in _derived(row):
                if share := self.share(name):
                    yield name, {"name": name, "value": share.value, "n": share.n}

    def _of_level(self, level: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for name, problem in self.problems.items():
            outcomes = problem["outcomes"]
            if "maj@3" in outcomes and level == f"{3 * outcomes['sample']:.0f} of 3":
                yield name, problem

    def _balanced(self, judge: str) -> Share | None:
        good, bad = (_share(self._judged(judge, kind)) for kind in (True, False))
        return replace(good, beside=bad) if good and bad else None

    def _judged(self, judge: str, good: bool) -> Iterator[tuple[str, tuple[float, float]]]:
        """How many of the good, or of the bad, are judged right, of how many; by problem."""
        rate, final = judge + ERRORS[good], judge + FINAL_ACCURACY
        for name, problem in self.problems.items():
            outcomes, steps = problem["outcomes"], problem["steps"]
            if steps.get(rate, (0, 0))[1]:
                wrong, total = steps[rate]
                yield name, (total - wrong, total)
            elif outcomes.get("draft", outcomes.get("accuracy")) == good and final in steps:
                yield name, tuple(steps[final])

    def _parts(self, row: str) -> Iterator[tuple[str, tuple[float, float]]]:
        for name, problem in self.problems.items():
            outcomes, steps = problem["outcomes"], problem["steps"]
            if row in outcomes:
                yield name, (outcomes[row], 1)
            elif row.endswith(FIXED):
                if outcomes.get("draft") == 0 and row.removesuffix(FIXED) in outcomes:
                    yield name, (outcomes[row.removesuffix(FIXED)], 1)
            elif row in steps and steps[row][1]:
                yield name, tuple(steps[row])


def _share(parts: Iterator[tuple[str, tuple[float, float]]]) -> Share | None:
    found = dict(parts)
    hits, totals = ({name: part[i] for name, part in found.items()} for i in (0, 1))
    return Share(hits, totals) if found else None


def _derived(row: str) -> Iterator[str]:
    """The rows that are made of one of `eval`."""
    for kind in (STEP_ACCURACY, FINAL_ACCURACY):
        if row.endswith(kind):
            yield (balanced := row.removesuffix(kind) + BALANCED)
    if row.endswith(FINAL_ACCURACY):
        yield from (row.removesuffix(FINAL_ACCURACY) + rate for rate in ERRORS.values())
    if row.endswith(STEP_ACCURACY):
        yield from (name + RIGHT + level for name in (row, balanced) for level in LEVELS)


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
        kept = [
            row for row in json.loads(path.read_text("utf-8"))["rows"] if row["section"] in KEPT
        ]
        rows = {row["name"]: row for row in kept if row["value"] is not None}
    outcomes = path.with_suffix(".outcomes.jsonl")
    if not outcomes.exists():
        return Result(rows)
    with reading(outcomes), outcomes.open(encoding="utf-8") as lines:
        problems = jsonlines.Reader(lines, loads=orjson.loads)
        result = Result(rows, {f"{p['task']} {p['problem_id']}": p for p in problems})
    return replace(result, rows={**rows, **dict(result.derived())})


def read_runs(folder: Path) -> list[dict[str, Any]]:
    """Every collected file of a folder, with its `name`; ValueError if there is none."""
    found = []
    for path in sorted(folder.glob("*.json")):
        with reading(path):
            found.append({"name": path.stem, **json.loads(path.read_text("utf-8"))})
    if not found:
        raise ValueError(f"{folder} holds no collected results; run `collect` first")
    return found
