"""`sormctl show`."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

import typer

from sormctl import options
from sormctl.report.pretty import describe, parse_any
from sormctl.streams.jsonl import read_records


def show(
    inputs: options.Inputs = None,
    limit: Annotated[
        int | None, typer.Option("-n", "--limit", min=1, help="Show the first so many records.")
    ] = None,
) -> None:
    """Look at problems, solutions and pairs in the terminal.

    Steps are numbered, with their labels (+ or -) and scores; the first error is marked. Colours
    are left out where the output is no terminal.

    Example: sormctl show -n 5 steps.jsonl
    """
    for record in islice(read_records(inputs or (), parse_any), limit):
        lines = (typer.style(text, fg=colour) for text, colour in describe(record))
        typer.echo("\n".join(lines) + "\n")
