"""The engines give one text, of a real model as of a tiny one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.real.shell import records, sormctl, text, write

pytestmark = pytest.mark.real


def test_engines_agree(smollm2: Path, problems: Path, tmp_path: Path) -> None:
    pytest.importorskip("vllm")
    few = write(tmp_path / "few.jsonl", records(problems)[:4])
    found = {}
    for engine in ("hf", "vllm"):
        path = tmp_path / f"{engine}.jsonl"
        options = ("--engine", engine, "--engine-arg", "dtype=float32", "--max-tokens", 100)
        sormctl("sample", "--model", smollm2, "--greedy", *options, "-o", path, few)
        found[engine] = [text(solution) for solution in records(path)]
    assert found["vllm"] == found["hf"]
