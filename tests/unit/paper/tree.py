"""A small finished graph, made up: two seeds of a student, four problems."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from examples.paper.report import rows
from sormctl.evaluation.metrics import Estimate, average, clustered_proportion
from sormctl.evaluation.rows import About, Fixed, Judgement, ReportRow

MANIFEST = {
    "command": "eval",
    "version": "0.1.0",
    "records_out": 1,
    "generated_tokens": 0,
    "started": "2026-11-01T10:00:00+00:00",
    "finished": "2026-11-01T11:00:00+00:00",
    "seconds": 1.4,
    "libraries": {"python": "3.11"},
}
ORM, SORM = (str(rows.steps(name)) for name in ("orm", "sorm"))
ABOUT: dict[str, About] = {
    str(about): about
    for about in (
        rows.DRAFT,
        rows.GLOBAL,
        rows.LOCAL,
        rows.oracle("global", "local"),
        rows.steps("orm"),
        rows.steps("sorm"),
    )
}


def make_tree(out: Path, shared: bool = False) -> None:
    """Drafts are right in 2 and 1 of 4; global fixes 1 of 2 and 2 of 3, local 1 of 2 and none.

    Each seed has its own problems, or they share theirs.
    """
    made = {"1": ("1100", "1110", "1101"), "2": ("1000", "1110", "1000")}
    for seed, (draft, globally, locally) in made.items():
        problems = [
            {
                "task": "chain",
                "problem_id": f"{'test' if shared else seed}-{i}",
                "outcomes": {
                    "draft": int(draft[i]),
                    "global": int(globally[i]),
                    "local": int(locally[i]),
                    "global + local, oracle": int(globally[i]) | int(locally[i]),
                },
                "steps": {ORM: [2, 4], SORM: [3, 4]},
            }
            for i in range(4)
        ]
        write_result(out / seed / "sft" / "main.json", problems)


def write_model(folder: Path, how: Mapping[str, Any], log: Sequence[Mapping[str, Any]]) -> None:
    """What training leaves, without the weights."""
    folder.mkdir(parents=True)
    (folder / "sormctl.json").write_text(json.dumps(how))
    (folder / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in log))


def write_result(path: Path, problems: Sequence[Mapping[str, Any]]) -> None:
    """What `sormctl eval --outcomes` would leave, its rows of accuracy and steps only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    found = []
    for name in problems[0]["outcomes"]:
        mean = average([problem["outcomes"][name] for problem in problems])
        found.append(ReportRow(ABOUT[name], mean, 30))
    for name in problems[0]["steps"]:
        hits, totals = zip(*(problem["steps"][name] for problem in problems), strict=True)
        found.append(ReportRow(ABOUT[name], clustered_proportion(hits, totals)))
    found.append(ReportRow(Fixed(rows.GLOBAL), Estimate(0.5, 2, 0.1, 0.9)))
    found.append(ReportRow(Judgement("orm", "labels", "AUC"), Estimate(0.8, 16, 0.7, 0.9)))
    path.write_text(json.dumps({"rows": [row.json() for row in found]}))
    path.with_suffix(".outcomes.jsonl").write_text("\n".join(map(json.dumps, problems)))
    path.with_name(f"{path.name}.manifest.json").write_text(json.dumps(MANIFEST))
