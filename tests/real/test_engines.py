"""The engines give one text, and one verdict, of a real model as of a tiny one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.real.shell import records, sormctl, text, write

pytestmark = pytest.mark.real
PENS = "Ann has 3 boxes of 8 pens. She gives 5 pens away. How many pens has she left?"
SOLUTIONS = (("3 * 8 = 24", "24 - 5 = 19"), ("3 * 8 = 26", "26 - 5 = 21"), ("3 + 8 = 11", "6"))
TERSE = """Problem: {question}

Solution:
{steps}

Which step is the first wrong one? Reply with its number in \\boxed{} and nothing else; with
\\boxed{-1} if all steps are right."""
ENGINES = {
    "hf": (),
    "vllm": ("--engine-arg", "max_model_len=2048"),
    "ray": ("--engine-arg", "inner=hf"),
}


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


def test_engines_judge_alike(qwen: Path, tmp_path: Path) -> None:
    """A judge that is told to save its words gives verdicts that can be read, on each engine."""
    for name in ("vllm", "ray"):
        pytest.importorskip(name)
    task = {"task": "numeric", "problem_id": "p", "question": PENS, "answer": "19"}
    ungraded = {"predicted": None, "correct": None, "source": {"kind": "sample"}}
    drafts = [
        {**task, **ungraded, "solution_id": f"p/{i}", "steps": [first, second]}
        for i, (first, second) in enumerate(SOLUTIONS)
    ]
    path = write(tmp_path / "drafts.jsonl", drafts)
    asked = ("score", "--judge", qwen, "--judge-prompt", TERSE, "--name", "judge", path)
    options = ("--engine-arg", "dtype=float32", "--max-tokens", 12)
    found = {}
    for engine, own in ENGINES.items():
        out = tmp_path / f"{engine}.jsonl"
        sormctl(*asked, *options, "--engine", engine, *own, "-o", out)
        found[engine] = [solution["scores"]["judge"] for solution in records(out)]
    assert found["vllm"] == found["ray"] == found["hf"]
    assert {score for scores in found["hf"] for score in scores} <= {0, 1}
