"""The table of label_costs.sh: what the labels of each way cost, and what a SORM makes of them.

    python examples/label_costs.py runs/label-costs

In percent, with 95 % intervals over problems and seeds; differences from the first way are paired.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sormctl.evaluation.intervals import Bootstrap, Interval, Share

FIGURES = ("step accuracy", "first error found")


@dataclass(frozen=True)
class Labelled:
    """One way in one seed: tokens generated for its labels, solutions, and each figure's share."""

    name: str
    tokens: int
    solutions: int
    shares: Sequence[Share]


def read(folder: Path) -> Labelled:
    """What label_costs.sh has left in a folder."""
    made = json.loads((folder / "steps.jsonl.manifest.json").read_text())
    problems = [json.loads(line) for line in (folder / "outcomes.jsonl").open()]
    return Labelled(
        name=(folder / "name").read_text().strip(),
        tokens=made["generated_tokens"],
        solutions=made["records_out"],
        shares=[_share(problems, f"sorm against oracle: {figure}") for figure in FIGURES],
    )


def _share(problems: Sequence[dict[str, dict[str, tuple[int, int]]]], row: str) -> Share:
    found = {str(p["problem_id"]): p["steps"][row] for p in problems if row in p["steps"]}
    hits, totals = ({name: part[i] for name, part in found.items()} for i in (0, 1))
    return Share(hits, totals)


def table(seeds: Sequence[Sequence[Labelled]]) -> list[str]:
    """Rows of Markdown, a way each; `seeds` has the ways of each seed, the same in all."""
    plain, *_ = ways = [*zip(*seeds, strict=True)]
    bootstrap = Bootstrap([each.shares[0].problems for each in plain])
    figures = [f"{figure} | against plain" for figure in FIGURES]
    head = " | ".join(["labels", "solutions", "tokens", "of plain", *figures])
    lines = [f"| {head} |", f"|{'---|' * (head.count('|') + 1)}"]
    for way in ways:
        tokens, of_plain = (sum(each.tokens for each in one) for one in (way, plain))
        cells = [way[0].name, f"{_mean(way, 'solutions'):,.0f}", f"{_mean(way, 'tokens'):,.0f}"]
        cells.append(f"{tokens / of_plain:.3f}")
        for i in range(len(FIGURES)):
            ours, theirs = ([each.shares[i] for each in one] for one in (way, plain))
            cells.append(_shown(bootstrap.share(ours), "{:.1f}"))
            cells.append(
                "" if way is plain else _shown(bootstrap.difference(ours, theirs), "{:+.1f}")
            )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _mean(way: Sequence[Labelled], name: str) -> float:
    return sum(getattr(each, name) for each in way) / len(way)


def _shown(found: Interval, form: str) -> str:
    value, low, high = (form.format(100 * x) for x in (found.value, found.low, found.high))
    return f"{value} ({low} to {high})"


def main() -> None:
    """Prints the table of the seeds that are there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="OUT of label_costs.sh")
    out = parser.parse_args().out
    seeds = [
        [read(folder) for folder in sorted(seed.glob("way-*"), key=_number)]
        for seed in sorted(path for path in out.iterdir() if path.is_dir())
    ]
    print(
        f"{len(seeds)} seeds of {len(seeds[0][0].shares[0].problems):,} drafts, means over seeds\n"
    )
    print("\n".join(table(seeds)))


def _number(folder: Path) -> int:
    return int(folder.name.removeprefix("way-"))


if __name__ == "__main__":
    main()
