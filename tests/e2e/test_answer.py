"""`examples/answer.py`, as it is typed, over this process and over servers of vLLM."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.engines.servers import Server

ANSWER = Path(__file__).parents[2] / "examples" / "answer.py"
NAMES = ("student", "orm", "sorm", "global", "local")
MODELS = {name: f"embedded:{name}" for name in NAMES}
QUESTIONS = [f"Lena has {n} shells. She drops 9 shells. How many shells?" for n in (19, 28)]
SERVED = {"student": (), "orm": ("--runner", "pooling")}
pytestmark = pytest.mark.slow


def run(models: Sequence[str]) -> subprocess.CompletedProcess[str]:
    typed = [sys.executable, str(ANSWER), *models]
    return subprocess.run(typed, input="\n".join(QUESTIONS), capture_output=True, text=True)


def answers(models: Sequence[str]) -> list[Any]:
    done = run(models)
    assert done.returncode == 0, done.stderr
    return [orjson.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def here() -> list[Any]:
    """What the package's models answer in this process."""
    return answers(list(MODELS.values()))


def test_questions_get_the_solution_that_the_orm_prefers(here: list[Any]) -> None:
    assert [answer["question"] for answer in here] == QUESTIONS
    for answer in here:
        assert answer["correct"] is None and answer["answer"] is None
        assert answer["source"]["kind"] in ("draft", "global", "local")
        assert len(answer["scores"]["orm"]) == len(answer["steps"])


@pytest.mark.parametrize("name", SERVED)
def test_a_model_behind_a_vllm_server_answers_as_in_this_process(
    here: list[Any], name: str
) -> None:
    server = Server(MODELS[name], name, *SERVED[name])
    try:
        server.wait()
        found = answers(list((MODELS | {name: f"{MODELS[name]}@{server.url}"}).values()))
    finally:
        server.kill()
    for answer, expected in zip(found, here, strict=True):
        assert answer["steps"] == expected["steps"]
        assert answer["scores"]["orm"] == pytest.approx(expected["scores"]["orm"], abs=1e-5)


def test_a_model_in_the_wrong_place_is_one_line() -> None:
    done = run([MODELS["orm"], *list(MODELS.values())[1:]])
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "orm: a reward model; it scores, it does not generate" in done.stderr
