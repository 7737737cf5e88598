"""The command line: a list of commands and the one error boundary."""

from __future__ import annotations

import typer

app = typer.Typer(name="sormctl", no_args_is_help=True, rich_markup_mode=None)


def main() -> None:
    """Entry point of the `sormctl` script."""
    app()
