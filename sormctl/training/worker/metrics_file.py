"""The course of a run: one JSON object in `metrics.jsonl` for each logged step or evaluation."""

from __future__ import annotations

from pathlib import Path

import jsonlines
import orjson

Figures = dict[str, float]


def read_metrics(path: Path) -> list[Figures]:
    """All entries but a torn last one."""
    with path.open("rb") as file:
        return list(jsonlines.Reader(file, loads=orjson.loads).iter(type=dict, skip_invalid=True))


def append_metrics(path: Path, entry: Figures) -> None:
    """Adds one entry."""
    with jsonlines.open(path, "a") as file:
        file.write(entry)


def truncate_metrics(path: Path, step: int) -> None:
    """Drops what was logged after `step`."""
    if path.exists():
        kept = [entry for entry in read_metrics(path) if entry["step"] <= step]
        with jsonlines.open(path, "w") as file:
            file.write_all(kept)
