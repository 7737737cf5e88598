from __future__ import annotations

import ctypes
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from sormctl.engines import memory
from sormctl.engines.memory import available_memory, keep_freed_memory


def test_a_container_allows_less_than_the_machine_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 1,000 bytes 600 are used, 100 of them by files that need not stay in memory."""
    monkeypatch.setattr(memory, "_CONTAINER", tmp_path)
    machine = psutil.virtual_memory().available
    assert available_memory() == pytest.approx(machine, rel=0.5)  # no container
    (tmp_path / "memory.current").write_text("600\n")
    (tmp_path / "memory.stat").write_text("anon 500\ninactive_file 100\nactive_file 0\n")
    (tmp_path / "memory.max").write_text("1000\n")
    assert available_memory() == 500
    (tmp_path / "memory.max").write_text("max\n")
    assert available_memory() > 1000


def test_memory_is_kept_by_glibc_and_by_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """No allocation is a mapping of its own (M_MMAP_MAX, -4), and the heap is never cut (-1)."""
    told: dict[int, int] = {}
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace(mallopt=told.__setitem__))
    keep_freed_memory()
    assert told[-4] == 0
    assert told[-1] > 2**30
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace())  # as musl has it
    keep_freed_memory()
