"""Tables of a finished graph, all seeds together, in Markdown on standard output.

    python examples/paper/report.py runs/paper/chain-cpu > paper.md

A figure is the mean over the seeds. Its interval is that of `sormctl eval`, combined as of
independent test sets, so it speaks of these models; the values of the seeds stand beside it and
show how much another training would change.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]
Key = tuple[str, str]  # section and name of a row


def pooled(rows: Sequence[Row]) -> tuple[float, float]:
    """Mean of the seeds' values, and half of its 95 % interval (nan where there is none)."""
    halves = [(row["high"] - row["low"]) / 2 for row in rows if row["low"] is not None]
    mean = sum(row["value"] for row in rows) / len(rows)
    if len(halves) < len(rows):
        return mean, math.nan
    return mean, math.sqrt(sum(half * half for half in halves)) / len(rows)


def judged(mean: float, half: float, values: Sequence[float]) -> str:
    """What a difference says: its sign, if the interval and every seed have it."""
    if math.isnan(half) or abs(mean) <= half or any(value * mean <= 0 for value in values):
        return "undecided"
    return "above" if mean > 0 else "below"


def read(paths: Sequence[Path]) -> dict[Key, list[Row]]:
    """The rows of one result in each seed, by section and name; those without a value left out."""
    found: dict[Key, list[Row]] = defaultdict(list)
    for path in paths:
        for row in json.loads(path.read_text("utf-8"))["rows"]:
            if row["value"] is not None:
                found[row["section"], row["name"]].append(row)
    return found


def table(found: Mapping[Key, Sequence[Row]]) -> Iterator[str]:
    """The lines of a table, values in percent."""
    yield "| | % | by seed | n | tokens | |"
    yield "|---|---|---|---|---|---|"
    for (section, name), rows in found.items():
        mean, half = pooled(rows)
        values = [row["value"] for row in rows]
        interval = "" if math.isnan(half) else f" ± {100 * half:.1f}"
        tokens = f"{sum(r['tokens'] for r in rows) / len(rows):,.0f}" if "tokens" in rows[0] else ""
        seeds = ", ".join(f"{100 * value:.1f}" for value in values)
        verdict = judged(mean, half, values) if section == "difference" else ""
        size = sum(row["n"] for row in rows)
        yield f"| {name} | {100 * mean:.1f}{interval} | {seeds} | {size:,} | {tokens} | {verdict} |"


def main() -> None:
    """One table for each result file that the seeds share."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="the graph's OUT")
    out = parser.parse_args().out
    results: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(out.glob("[0-9]*/**/*.json")):
        if is_result(path):
            results["/".join(path.relative_to(out).parts[1:])].append(path)
    if not results:
        parser.error(f"{out} holds no results; run `make paper` first")
    for name, paths in results.items():
        print(f"## {name}\n", *table(read(paths)), sep="\n", end="\n\n")


def is_result(path: Path) -> bool:
    """Whether `sormctl eval` wrote it: models have no manifest beside their files."""
    return path.with_name(f"{path.name}.manifest.json").exists()


if __name__ == "__main__":
    main()
