"""Output compared with files in this folder; `make golden` accepts what there is now."""

from __future__ import annotations

import os
from pathlib import Path

FILES = Path(__file__).parent / "files"


def check(name: str | Path, text: str) -> None:
    """Asserts that `text` is what the golden file holds; writes it if SORMCTL_GOLDEN=accept."""
    path = FILES / name  # a path of its own stays as it is
    if os.environ.get("SORMCTL_GOLDEN") == "accept":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.is_file(), f"no {path.name}; run make golden and review it"
    assert text == path.read_text(encoding="utf-8"), f"{name} changed; run make golden if it should"
