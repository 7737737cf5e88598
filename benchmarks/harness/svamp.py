"""SVAMP's test problems for lm-evaluation-harness, from the published file."""

from __future__ import annotations

from typing import Any


def last_300(rows: Any) -> Any:
    """The test split of a data set of `datasets`, with `question` and `answer`."""
    return rows.select(range(700, len(rows))).map(_problem, load_from_cache_file=False)


def _problem(row: dict[str, Any]) -> dict[str, str]:
    body, question = row["Body"].strip(), row["Question"].strip()
    if body.rpartition(". ")[2].startswith("If ") and body[-1] not in ".?!,":
        body, question = f"{body},", question[0].lower() + question[1:]
    elif body[-1] not in ".?!,":
        body += "."
    return {"question": f"{body} {question}", "answer": f"{row['Answer']:g}"}
