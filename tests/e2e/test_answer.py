"""`examples/answer.py`, as it is typed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

ANSWER = Path(__file__).parents[2] / "examples" / "answer.py"
MODELS = [f"embedded:{name}" for name in ("student", "orm", "sorm", "global", "local")]


@pytest.mark.slow
def test_questions_get_the_solution_that_the_orm_prefers() -> None:
    questions = [f"Lena has {n} shells. She drops 9 shells. How many shells?" for n in (19, 28)]
    done = subprocess.run(
        [sys.executable, ANSWER, *MODELS],
        input="\n".join(questions),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    answers = [orjson.loads(line) for line in done.stdout.splitlines()]
    assert [answer["question"] for answer in answers] == questions
    for answer in answers:
        assert answer["correct"] is None and answer["answer"] is None
        assert answer["source"]["kind"] in ("draft", "global", "local")
        assert len(answer["scores"]["orm"]) == len(answer["steps"])
