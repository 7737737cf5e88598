"""SVAMP's test problems for lm-evaluation-harness, from the published file."""

from __future__ import annotations

from typing import Any


def last_300(rows: Any) -> Any:
    """The test split of a data set of `datasets`, with `question` and `answer`."""
    return rows.select(range(700, len(rows))).map(_problem)


def _problem(row: dict[str, Any]) -> dict[str, str]:
    body, question = row["Body"].strip(), row["Question"].strip()
    if not body.endswith((".", "?", "!", ",")):  # "… If it costs 76 dollars" goes on
        body, question = f"{body},", question[0].lower() + question[1:]
    return {"question": f"{body} {question}", "answer": f"{row['Answer']:g}"}
