"""The expert iteration script, killed in the middle and run again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sormctl.records import to_json
from tests.unit.examples import PROBLEM, solution
from tests.unit.training.runs import write_jsonl

EXAMPLES = Path(__file__).parents[2] / "examples"
TINY = dict(
    BENCH="chain",
    BASE="embedded:student",
    OUT="ei",
    ROUNDS="1",
    TRAIN_PROBLEMS="40",
    HELD_OUT="8",
    TEST_PROBLEMS="8",
    SAMPLES="2",
)


def start(folder: Path, **settings: str) -> subprocess.Popen[str]:
    """The script at a tiny size, as the leader of a process group of its own."""
    return subprocess.Popen(
        ["bash", EXAMPLES / "expert_iteration.sh"],
        cwd=folder,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            **TINY,
            **settings,
        },
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.slow
def test_it_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    ei = tmp_path / "ei"
    process = start(tmp_path)
    while not (ei / "solutions-1.jsonl").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    finished = [ei / name for name in ("held-out-0.jsonl", "samples-1.jsonl", "solutions-1.jsonl")]
    before = [path.read_bytes() for path in finished]

    process = start(tmp_path)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert err.count("records were finished before") >= 2
    assert [path.read_bytes() for path in finished] == before
    kept = [json.loads(line) for line in before[2].splitlines()]
    assert all(record["correct"] for record in kept)
    assert len({(x["problem_id"], *x["steps"]) for x in kept}) == len(kept)
    trained = json.loads((ei / "student-1" / "sormctl.json").read_text())["training"]
    assert trained["model"].endswith("embedded/student")  # always from the base
    rose = (ei / "verdict").read_text() == "rose\n"
    assert (ei / "student").exists() == rose

    process = start(tmp_path, SAMPLES="3")
    _, err = process.communicate()
    assert process.returncode == 2
    assert "ei was begun with other settings" in err


def verdict(folder: Path, *rounds: list[bool]) -> str:
    for number, hits in enumerate(rounds):
        records = [
            solution(f"s{i}", predicted=PROBLEM.answer if hit else "7")
            for i, hit in enumerate(hits)
        ]
        write_jsonl(folder / f"held-out-{number}.jsonl", [to_json(x) for x in records])
    done = subprocess.run(
        [sys.executable, EXAMPLES / "expert_iteration.py", folder, str(len(rounds) - 1)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(done.stderr.splitlines()) == 1 + len(rounds)
    return done.stdout.strip()


def test_it_rises_while_the_gain_is_certain(tmp_path: Path) -> None:
    poor, good = [False] * 30 + [True] * 10, [False] * 10 + [True] * 30
    hardly = [False] * 9 + [True] * 31
    assert verdict(tmp_path, poor, good) == "rose"
    assert verdict(tmp_path, poor, good, hardly) == "stopped"
    assert verdict(tmp_path, poor, good, good) == "stopped"
    assert verdict(tmp_path, good, poor) == "stopped"
