"""A configuration of accelerate, as far as the command that launches must know it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sormctl.errors import UsageError
from sormctl.missing import read_text


def machine_rank(path: Path) -> int:
    """Which of the machines of a run this is; 0 does all but train. UsageError for a bad file."""
    found = _read(path)
    if found.get("distributed_type") == "DEEPSPEED":
        raise UsageError(
            f"--accelerate-config {path}: DeepSpeed is not supported; FSDP shards, too"
        )
    rank = found.get("machine_rank") or 0
    if type(rank) is not int or rank < 0:
        raise UsageError(f"--accelerate-config {path}: machine_rank must be a number from 0 up")
    return rank


def _read(path: Path) -> dict[str, Any]:
    import yaml  # accelerate's

    try:
        found = yaml.safe_load(read_text(path))
    except yaml.YAMLError as error:
        why = " ".join(str(error).split())
        raise UsageError(f"--accelerate-config {path}: cannot be read: {why}") from None
    if not isinstance(found, dict):
        raise UsageError(f"--accelerate-config {path}: no settings; see `accelerate config`")
    return found
