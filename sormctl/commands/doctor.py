"""`sormctl doctor`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from sormctl import options
from sormctl.doctor import describe_machine, machine
from sormctl.engines.registry import ENGINES


def doctor(
    deep: Annotated[
        bool, typer.Option("--deep", help="Load torch and ask it about devices (seconds).")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    data_dir: options.DataDir = None,
) -> None:
    """Say what this machine can run: versions, cores, memory, GPUs, engines, data.

    Example: sormctl doctor --json | jq .gpus
    """
    found = machine(data_dir, ENGINES, deep)
    typer.echo(json.dumps(found, indent=2) if as_json else "\n".join(describe_machine(found)))
