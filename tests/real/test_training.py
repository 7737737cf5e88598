"""One step of each training on a real model, and what comes of it in use.

The students' solutions are those of the larger model: the smaller one is right too rarely.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.real.shell import Record, records, sormctl, write

pytestmark = pytest.mark.real

ONE_STEP = ("--batch-size", 8, "--max-length", 512, "--max-batch-tokens", 2048, "--lr", 1e-5)
MAX_TOKENS = ("--max-tokens", 60)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("training")


@pytest.fixture(scope="module")
def solutions(drafts: Path, folder: Path) -> Path:
    """Eight solutions, with the labels of their answers."""
    sormctl("label-steps", "--by", "outcome", "-o", folder / "all.jsonl", drafts)
    return write(folder / "labelled.jsonl", records(folder / "all.jsonl")[:8])


@pytest.fixture(scope="module")
def reward_model(smollm2: Path, solutions: Path, folder: Path) -> Path:
    run = sormctl("train-rm", "--model", smollm2, *ONE_STEP, "-o", folder / "rm", solutions)
    assert "step 1/1, loss " in run.err
    assert run.peak_gib < 5
    return folder / "rm"


def test_a_reward_model_scores_each_step(
    reward_model: Path, solutions: Path, tmp_path: Path
) -> None:
    path = tmp_path / "scored.jsonl"
    sormctl("score", "--rm", reward_model, "-o", path, solutions)
    for solution in records(path):
        scores = solution["scores"]["rm"]
        assert len(scores) == len(solution["steps"])
        assert all(0 < score < 1 for score in scores)


def test_a_reward_model_of_the_chat_model(qwen: Path, solutions: Path, tmp_path: Path) -> None:
    """With matrices of low rank, because the whole takes twice the memory of a laptop."""
    model, path = tmp_path / "rm", tmp_path / "scored.jsonl"
    options = (*ONE_STEP, "--lora", 8, "--gradient-checkpointing")
    run = sormctl("train-rm", "--model", qwen, *options, "-o", model, solutions)
    assert run.peak_gib < 6
    sormctl("score", "--rm", model, "-o", path, solutions)
    assert all(len(s["scores"]["rm"]) == len(s["steps"]) for s in records(path))


def test_a_student_is_asked_as_it_was_trained(
    smollm2: Path, solutions: Path, problems: Path, folder: Path
) -> None:
    asked = ("--system", "You are good at sums.", "--steps", "paragraphs")
    model, path = folder / "student", folder / "samples.jsonl"
    sormctl("train-student", "--model", smollm2, *ONE_STEP, *asked, "-o", model, solutions)
    noted = json.loads((model / "sormctl.json").read_text())
    assert "You are good at sums." in json.dumps(noted)
    sormctl("sample", "--model", model, *MAX_TOKENS, "-n", 2, "-o", path, problems)
    assert len(records(path)) == 2 * len(records(problems))
    assert all(sample["steps"] for sample in records(path))


def pairs(solutions: list[Record]) -> list[Record]:
    """A right solution of each problem that has one, as the refinement of a wrong one."""
    return [
        {
            **{name: right[name] for name in ("task", "problem_id", "question", "answer")},
            "draft": ["It is 1.", "#### 1"],
            "first_error": 0,
            "target": right["steps"],
        }
        for right in solutions
        if right["correct"]
    ]


def test_a_refiner_mends_where_the_reward_model_points(
    smollm2: Path, solutions: Path, reward_model: Path, folder: Path
) -> None:
    source = write(folder / "pairs.jsonl", pairs(records(solutions)))
    model, path = folder / "refiner", folder / "refined.jsonl"
    sormctl("train-refiner", "--model", smollm2, *ONE_STEP, "-o", model, source)
    judged = ("--mode", "local", "--rm", reward_model, "-T", 1)  # the first step is always wrong
    sormctl("refine", "--model", model, *judged, *MAX_TOKENS, "-o", path, solutions)
    refined = records(path)
    assert len(refined) == len(records(solutions))
    assert {solution["source"]["first_error"] for solution in refined} == {0}


def test_what_was_not_trained_for_it_refines_too(
    qwen: Path, solutions: Path, tmp_path: Path
) -> None:
    path = tmp_path / "refined.jsonl"
    few = write(tmp_path / "few.jsonl", records(solutions)[:4])
    sormctl("refine", "--mode", "global", "--model", qwen, "--max-tokens", 300, "-o", path, few)
    refined = records(path)
    assert [solution["source"]["kind"] for solution in refined] == ["global"] * 4
    assert sum(solution["predicted"] is not None for solution in refined) >= 3
