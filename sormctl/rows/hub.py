"""Data sets of the Hugging Face hub."""

from __future__ import annotations

import logging
import re

from sormctl.errors import UsageError, first_line
from sormctl.missing import install
from sormctl.rows.base import Rows, placed
from sormctl.rows.values import plain_value

PREFIX = "hf:"
MAX_REASON = 120  # characters
_NAME = re.compile(r"hf:([\w.-]+/[\w.-]+)(?::([^:\s]+))?")


def parse_name(name: str) -> tuple[str, str | None]:
    """Data set and configuration of `hf:OWNER/NAME[:CONFIG]`."""
    found = _NAME.fullmatch(name)
    if not found:
        raise UsageError(f"{name}: give hf:OWNER/NAME, or hf:OWNER/NAME:CONFIG")
    return found[1], found[2]


def hub_rows(path: str, config: str | None, split: str, local: str | None = None) -> Rows:
    """The rows of a split; UsageError if they cannot be had. `local` says what else can be done."""
    try:
        from datasets import disable_progress_bars, load_dataset
    except ImportError:
        other = f", or {local}" if local else ""
        raise UsageError(f"{path}: {install('hub')}{other}") from None
    disable_progress_bars()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it tells of every retry
    try:
        found = load_dataset(path, config, split=split)
    except Exception as error:  # a dozen libraries raise their own here
        remedy = local or "check its name, its configuration and --split"
        reason = first_line(error)[:MAX_REASON]
        raise UsageError(f"cannot get {path} from the hub ({reason}); {remedy}") from error
    return placed(map(plain_value, found), f"{path} {split}")
