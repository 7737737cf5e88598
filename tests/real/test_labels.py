"""Labels by rollouts of a chat model, the whole and after `kill -9`."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from tests.real.shell import ENVIRONMENT, Record, command, records, sormctl, write

pytestmark = pytest.mark.real

ROLLOUTS = ("-k", 2, "--max-tokens", 200, "--concurrency", 2)


def lengths(solutions: list[Record]) -> list[tuple[str, int]]:
    return [(s["solution_id"], len(s["labels"])) for s in solutions]


def test_labels_are_taken_up_after_a_kill(qwen: Path, drafts: Path, tmp_path: Path) -> None:
    """What was labelled before stays as it is; each solution is there once, with all its labels."""
    wrong = [draft for draft in records(drafts) if not draft["correct"]]
    source = write(tmp_path / "wrong.jsonl", sorted(wrong, key=lambda s: len(s["steps"]))[:4])
    path = tmp_path / "labelled.jsonl"
    arguments = ("label-steps", "--model", qwen, *ROLLOUTS, "--resume", "-o", path, source)
    with subprocess.Popen(
        command(*arguments), env=ENVIRONMENT, stderr=subprocess.DEVNULL
    ) as process:
        while not (path.exists() and path.stat().st_size):
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
    before = path.read_bytes()
    run = sormctl(*arguments)
    assert "records were finished before" in run.err
    assert path.read_bytes().startswith(before)
    expected = [(s["solution_id"], len(s["steps"])) for s in records(source)]
    assert sorted(lengths(records(path))) == sorted(expected)
    for solution in records(path):
        assert set(solution["labels"]) <= {0, 1}
        assert solution["labels"][-1] == 0
        assert solution["labels"] == sorted(solution["labels"], reverse=True)
