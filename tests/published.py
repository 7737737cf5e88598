"""The published benchmark files, where this machine has them (SORMCTL_DATA)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("SORMCTL_DATA", "no-data"))
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="SORMCTL_DATA names no folder with the published files"
)
