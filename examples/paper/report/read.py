"""A finished graph as it lies on the disk: OUT/SEED/STUDENT/NAME.json and what is beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from examples.paper.report.intervals import Share

KEPT = ("accuracy", "wrong drafts", "steps")  # differences are taken anew, over all seeds
FIXED = ": fixed"  # a row over wrong drafts
STEPS = ": step accuracy"  # a row that is also taken apart by how often the student is right:
RIGHT = ", samples right: "
LEVELS = tuple(f"{right} of 3" for right in range(4))


@dataclass(frozen=True)
class Result:
    """What `sormctl eval` said in one seed: its rows, and each problem's part of them."""

    rows: Mapping[str, Mapping[str, Any]]
    problems: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def share(self, row: str) -> Share | None:
        """The hits and totals behind a row; None if it is no share, or not there."""
        found = dict(self._parts(row))
        if not found:
            return None
        return Share(
            {name: hits for name, (hits, _) in found.items()},
            {name: total for name, (_, total) in found.items()},
        )

    def by_level(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Rows of step accuracy over the problems of which so many of three samples are right."""
        for row in self.rows:
            for level in LEVELS if row.endswith(STEPS) else ():
                if share := self.share(name := row + RIGHT + level):
                    yield name, {"name": name, "value": share.value, "n": share.n}

    def _parts(self, row: str) -> Iterator[tuple[str, tuple[float, float]]]:
        row, _, level = row.partition(RIGHT)
        for name, problem in self.problems.items():
            outcomes, steps = problem["outcomes"], problem["steps"]
            if level and ("maj@3" not in outcomes or level != f"{3 * outcomes['sample']:.0f} of 3"):
                continue
            if row in outcomes:
                yield name, (outcomes[row], 1)
            elif row.endswith(FIXED):
                if outcomes.get("draft") == 0 and row.removesuffix(FIXED) in outcomes:
                    yield name, (outcomes[row.removesuffix(FIXED)], 1)
            elif row in steps and steps[row][1]:
                yield name, tuple(steps[row])


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
    rows = {
        row["name"]: row
        for row in json.loads(path.read_text("utf-8"))["rows"]
        if row["section"] in KEPT and row["value"] is not None
    }
    outcomes = path.with_suffix(".outcomes.jsonl")
    if not outcomes.exists():
        return Result(rows)
    with outcomes.open(encoding="utf-8") as lines:
        problems = map(json.loads, lines)
        result = Result(rows, {f"{p['task']} {p['problem_id']}": p for p in problems})
    return replace(result, rows={**rows, **dict(result.by_level())})
