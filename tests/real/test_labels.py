"""Labels by rollouts of a model that is often cut off and seldom right, through `kill -9`."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from tests.real.shell import ENVIRONMENT, Record, command, records, sormctl, write

pytestmark = pytest.mark.real

ROLLOUTS = ("-k", 2, "--max-tokens", 50, "--concurrency", 2)


def lengths(solutions: list[Record], field: str) -> dict[str, int]:
    return {solution["solution_id"]: len(solution[field]) for solution in solutions}


def test_labels_are_taken_up_after_a_kill(smollm2: Path, drafts: Path, tmp_path: Path) -> None:
    """What was labelled before stays as it is; each solution is there once, with all its labels."""
    wrong_first = sorted(records(drafts), key=lambda draft: draft["correct"])
    source = write(tmp_path / "drafts.jsonl", wrong_first[:4])
    path, journal = tmp_path / "labelled.jsonl", tmp_path / "labelled.jsonl.journal"
    arguments = ("label-steps", "--model", smollm2, *ROLLOUTS, "--resume", "-o", path, source)
    with subprocess.Popen(
        command(*arguments), env=ENVIRONMENT, stderr=subprocess.DEVNULL
    ) as process:
        while not (journal.exists() and journal.stat().st_size):
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
    before = path.read_bytes().rpartition(b"\n")[0]  # the last line may be torn
    run = sormctl(*arguments)
    assert "records were finished before" in run.err
    assert path.read_bytes().startswith(before)
    labelled = records(path)
    assert len(labelled) == 4
    assert lengths(labelled, "labels") == lengths(records(source), "steps")
    for solution in labelled:
        assert set(solution["labels"]) <= {0, 1}
        assert solution["labels"][-1] == solution["correct"]
        assert solution["labels"] == sorted(solution["labels"], reverse=True)
